import { defineErrors } from '../platform/index.ts'

/** Every error of this folder. */
export const iamError = defineErrors({
  'iam.caller.unknown': { status: 401, title: 'Not signed in' },
  'iam.token.invalid': { status: 401, title: 'Access token not valid' },
  'iam.signature.malformed': { status: 401, title: 'Signature not readable' },
  'iam.signature.invalid': { status: 401, title: 'Signature not valid' },
  'iam.signature.expired': { status: 401, title: 'Signature outside its time' },
  'iam.signature.scope': { status: 401, title: 'Signature for another service' },
  'iam.signature.unsignedHeader': { status: 401, title: 'Header not signed' },
  'iam.signIn.failed': { status: 401, title: 'Sign-in failed' },
  'iam.signIn.lockedOut': { status: 429, title: 'Too many failed sign-ins' },
  'iam.signIn.busy': { status: 503, title: 'Too many sign-ins at once' },
  'iam.password.weak': { status: 422, title: 'Password not acceptable' },
  'iam.name.malformed': { status: 422, title: 'Name not acceptable' },
  'iam.policy.malformed': { status: 400, title: 'Policy document not valid' },
  'iam.policy.inUse': { status: 409, title: 'Policy still attached' },
  'iam.policy.platform': { status: 409, title: 'Policy belongs to the platform' },
  'iam.role.platform': { status: 409, title: 'Role belongs to the platform' },
  'iam.pdp.contextNotYours': { status: 403, title: 'Context key belongs to the platform' },
  'iam.authzen.malformed': { status: 400, title: 'Not an AuthZEN request' },
  'iam.thing.absent': { status: 404, title: 'Not found' },
  'iam.thing.exists': { status: 409, title: 'Exists already' },
  'iam.thing.inUse': { status: 409, title: 'Still in use' },
  'iam.limit.reached': { status: 409, title: 'Limit reached' },
})
