import type { RampartError } from '../../platform/index.ts'

interface WireError {
  readonly code: string
  readonly status: number
}

/** Our codes in the words of AWS's IAM and STS.   @see AWS IAM API Reference, Common Errors */
const table: Readonly<Record<string, WireError>> = {
  'platform.http.unauthenticated': { code: 'MissingAuthenticationToken', status: 403 },
  'platform.http.forbidden': { code: 'AccessDenied', status: 403 },
  'iam.pdp.notAllowed': { code: 'AccessDenied', status: 403 },
  'iam.access.usersOnly': { code: 'AccessDenied', status: 403 },
  'iam.caller.unknown': { code: 'MissingAuthenticationToken', status: 403 },
  'iam.token.invalid': { code: 'MissingAuthenticationToken', status: 403 },
  'iam.signature.malformed': { code: 'IncompleteSignature', status: 400 },
  'iam.signature.unsignedHeader': { code: 'IncompleteSignature', status: 400 },
  'iam.signature.scope': { code: 'SignatureDoesNotMatch', status: 403 },
  'iam.signature.invalid': { code: 'SignatureDoesNotMatch', status: 403 },
  'iam.signature.expired': { code: 'SignatureDoesNotMatch', status: 403 },
  'iam.session.tooLarge': { code: 'PackedPolicyTooLarge', status: 400 },
  'iam.session.tooLong': { code: 'ValidationError', status: 400 },
  'iam.session.tag': { code: 'InvalidParameterValue', status: 400 },
  'iam.decision.absent': { code: 'InvalidAuthorizationMessageException', status: 400 },
  'iam.mfa.wrongCode': { code: 'AccessDenied', status: 403 },
  'iam.signIn.lockedOut': { code: 'AccessDenied', status: 403 },
  'iam.webIdentity.expired': { code: 'ExpiredTokenException', status: 400 },
  'iam.webIdentity.invalid': { code: 'InvalidIdentityToken', status: 400 },
  'iam.webIdentity.rejected': { code: 'IDPRejectedClaim', status: 403 },
  'iam.webIdentity.unreachable': { code: 'IDPCommunicationError', status: 400 },
  'iam.webIdentity.malformed': { code: 'ValidationError', status: 400 },
  'iam.session.expired': { code: 'ExpiredToken', status: 403 },
  'iam.role.notTrusted': { code: 'AccessDenied', status: 403 },
  'iam.aws.malformed': { code: 'ValidationError', status: 400 },
  'iam.aws.unknownOperation': { code: 'InvalidAction', status: 400 },
  'iam.name.malformed': { code: 'ValidationError', status: 400 },
  'iam.policy.malformed': { code: 'MalformedPolicyDocument', status: 400 },
  'iam.access.isNew': { code: 'AccessDenied', status: 403 },
  'iam.policy.inUse': { code: 'DeleteConflict', status: 409 },
  'iam.policy.platform': { code: 'UnmodifiableEntity', status: 400 },
  'iam.role.platform': { code: 'UnmodifiableEntity', status: 400 },
  'iam.thing.absent': { code: 'NoSuchEntity', status: 404 },
  'iam.change.locksOut': { code: 'DeleteConflict', status: 409 },
  'iam.thing.exists': { code: 'EntityAlreadyExists', status: 409 },
  'iam.thing.inUse': { code: 'DeleteConflict', status: 409 },
  'iam.limit.reached': { code: 'LimitExceeded', status: 409 },
}

export function errorOnWire({ code, status }: RampartError): WireError {
  return (
    table[code] ?? (status < 500 ? { code: 'ValidationError', status: 400 } : { code: 'ServiceFailure', status: 500 })
  )
}
