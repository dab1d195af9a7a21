import type { RampartError } from '../../platform/index.ts'

interface WireError {
  readonly code: string
  readonly status: number
}

/** Our codes in the words of AWS's IAM and STS.   @see AWS IAM API Reference, Common Errors */
const table: Readonly<Record<string, WireError>> = {
  'platform.http.unauthenticated': { code: 'MissingAuthenticationToken', status: 403 },
  'platform.http.forbidden': { code: 'AccessDenied', status: 403 },
  'iam.caller.unknown': { code: 'MissingAuthenticationToken', status: 403 },
  'iam.token.invalid': { code: 'MissingAuthenticationToken', status: 403 },
  'iam.signature.malformed': { code: 'IncompleteSignature', status: 400 },
  'iam.signature.unsignedHeader': { code: 'IncompleteSignature', status: 400 },
  'iam.signature.scope': { code: 'SignatureDoesNotMatch', status: 403 },
  'iam.signature.invalid': { code: 'SignatureDoesNotMatch', status: 403 },
  'iam.signature.expired': { code: 'SignatureDoesNotMatch', status: 403 },
  'iam.session.expired': { code: 'ExpiredToken', status: 403 },
  'iam.role.notTrusted': { code: 'AccessDenied', status: 403 },
  'iam.aws.malformed': { code: 'ValidationError', status: 400 },
  'iam.aws.unknownOperation': { code: 'InvalidAction', status: 400 },
  'iam.name.malformed': { code: 'ValidationError', status: 400 },
  'iam.policy.malformed': { code: 'MalformedPolicyDocument', status: 400 },
  'iam.policy.inUse': { code: 'DeleteConflict', status: 409 },
  'iam.policy.platform': { code: 'UnmodifiableEntity', status: 400 },
  'iam.role.platform': { code: 'UnmodifiableEntity', status: 400 },
  'iam.thing.absent': { code: 'NoSuchEntity', status: 404 },
  'iam.thing.exists': { code: 'EntityAlreadyExists', status: 409 },
  'iam.thing.inUse': { code: 'DeleteConflict', status: 409 },
  'iam.limit.reached': { code: 'LimitExceeded', status: 409 },
}

export function errorOnWire({ code, status }: RampartError): WireError {
  return (
    table[code] ?? (status < 500 ? { code: 'ValidationError', status: 400 } : { code: 'ServiceFailure', status: 500 })
  )
}
