import type { FastifyRequest } from 'fastify'
import {
  type Context,
  type ContextValue,
  iamArn,
  type Principal,
  RampartError,
  requestContext,
} from '../../platform/index.ts'
import type { AssumedRole, SessionWish } from '../assume-role.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import type { SessionCredentials } from '../role-sessions.ts'
import type { NamedOperation, PublicCall, PublicQueryOperation, QueryOperation, QueryService } from './operation.ts'
import { isoSeconds, type QueryInput } from './query.ts'

const SESSION_NAME = /^[A-Za-z0-9_+=,.@-]{2,64}$/
const EXTERNAL_ID = /^[A-Za-z0-9_+=,.@:/-]{2,1224}$/
const ROLE_SECONDS = { min: 900, max: 43_200 }

/** @see AWS STS API Reference, version 2011-06-15 */
export function stsService(iam: Iam): QueryService {
  const signed: NamedOperation[] = [
    [
      'GetCallerIdentity',
      {
        action: 'sts:caller:get',
        callerOnly: 'it tells a caller nothing but who it is',
        audit: 'refusals',
        run: ({ principal }) => ({
          Arn: principal.arn,
          UserId: userIdOf(iam, principal),
          Account: principal.account,
        }),
      },
    ],
    [
      'AssumeRole',
      {
        action: 'sts:role:assume',
        callerOnly: "the role's trust policy and the caller's policies decide together, in the operation",
        run: (ctx, input, request) => assumeRole(iam, ctx, input, request),
      },
    ],
    [
      'DecodeAuthorizationMessage',
      {
        action: 'sts:message:decode',
        resource: (_, account) => iamArn(account, 'decision', '*'),
        audit: 'refusals',
        run: async ({ principal }, input) => ({ DecodedMessage: await decodeMessage(iam, principal, input) }),
      },
    ],
    [
      'GetSessionToken',
      {
        action: 'sts:session:get',
        callerOnly: 'it gives a user no more than it has',
        run: (ctx, input, request) => getSessionToken(iam, ctx, input, request),
      },
    ],
  ]
  const byWebIdentity: PublicQueryOperation = {
    action: 'sts:role:assumeWithWebIdentity',
    public: 'the token of an identity provider stands in for a signature',
    run: (call, input) => assumeRoleWithWebIdentity(iam, call, input),
  }
  return {
    name: 'sts',
    version: '2011-06-15',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    operations: new Map<string, QueryOperation>([...signed, ['AssumeRoleWithWebIdentity', byWebIdentity]]),
  }
}

/** As AWS has it: of a session, the role's id and the session's name. */
function userIdOf(iam: Iam, principal: Principal): string {
  const id = iam.idOf(principal) ?? principal.name
  const session = principal.kind === 'role' ? principal.arn.slice(principal.arn.lastIndexOf('/') + 1) : undefined
  return session === undefined ? id : `${id}:${session}`
}

async function readDecision(iam: Iam, principal: Principal, id: string) {
  try {
    return await iam.readDecision(principal, id)
  } catch (cause) {
    if (!(cause instanceof RampartError) || cause.code !== 'iam.thing.absent') throw cause
    throw iamError('iam.decision.absent', 'this is no message of a refusal here, or its time is over', { cause })
  }
}

/** Our encoded message is the decision id that a refusal tells. */
async function decodeMessage(iam: Iam, principal: Principal, input: QueryInput): Promise<string> {
  const found = await readDecision(iam, principal, input.get('EncodedMessage'))
  const { explanation } = found
  return JSON.stringify({
    allowed: false,
    explicitDeny: found.reason === 'explicitDeny',
    matchedStatements: { items: explanation?.layers.flatMap(({ statements }) => statements) ?? [] },
    failures: { items: explanation?.layers.flatMap(({ nearest }) => nearest) ?? [] },
    context: { principal: { arn: found.principal }, action: found.action, resource: found.resource },
    layers: explanation?.layers ?? [],
    missing: explanation?.missing ?? [],
    suggest: explanation?.suggest ?? [],
    redacted: found.redacted,
  })
}

/** What all ways to take on a role have in common. */
function wishOf(input: QueryInput): SessionWish {
  if (input.list('PolicyArns').length > 0 || input.find('PolicyArns.member.1.arn') !== undefined) {
    // Left out, it would give more than was asked for.
    throw iamError('iam.aws.malformed', 'PolicyArns is not taken here; send the policy itself as Policy')
  }
  const sessionName = text(input, 'RoleSessionName', SESSION_NAME, '2 to 64 letters, digits and + = , . @ _ -') ?? ''
  if (sessionName === '') input.get('RoleSessionName')
  const ttlSec = input.findNumber('DurationSeconds', ROLE_SECONDS)
  const policy = input.find('Policy')
  return {
    arn: input.get('RoleArn'),
    sessionName,
    ...(ttlSec === undefined ? {} : { ttlSec }),
    ...(policy === undefined ? {} : { policy }),
  }
}

/** @throws iam.aws.malformed */
function text(input: QueryInput, name: string, form: RegExp, words: string): string | undefined {
  const value = input.find(name)
  if (value === undefined || form.test(value)) return value
  throw iamError('iam.aws.malformed', `${name} has ${words}`)
}

async function assumeRole(iam: Iam, ctx: Context, input: QueryInput, request: FastifyRequest) {
  const wish = wishOf(input)
  const externalId = text(input, 'ExternalId', EXTERNAL_ID, '2 to 1,224 letters, digits and + = , . @ : / _ -')
  const sourceIdentity = text(input, 'SourceIdentity', SESSION_NAME, '2 to 64 letters, digits and + = , . @ _ -')
  const mfa = await proveMfa(iam, ctx.principal, input, request.ip)
  const made = await iam.assumeRole(mfa ? { ...ctx.principal, ...mfa, authenticatedAt: ctx.now } : ctx.principal, {
    ...wish,
    tags: input.tags('Tags'),
    transitiveTagKeys: input.list('TransitiveTagKeys'),
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    context: new Map<string, ContextValue>([
      ...requestContext(request),
      ['sts:RoleSessionName', wish.sessionName],
      ...(externalId === undefined ? [] : [['sts:ExternalId', externalId] as const]),
    ]),
  })
  return {
    ...assumedForm(made, wish.sessionName),
    ...(sourceIdentity === undefined ? {} : { SourceIdentity: sourceIdentity }),
  }
}

async function assumeRoleWithWebIdentity(iam: Iam, call: PublicCall, input: QueryInput) {
  const wish = wishOf(input)
  const token = input.get('WebIdentityToken')
  if (input.find('ProviderId') !== undefined) {
    throw iamError('iam.aws.malformed', 'ProviderId is for tokens that are no OpenID Connect ones; leave it out')
  }
  const made = await iam.assumeRoleWithWebIdentity({ ...wish, token, context: call.context })
  const { identity } = made
  call.identify({ account: identity.provider.account, arn: made.arn })
  return {
    ...assumedForm(made, wish.sessionName),
    SubjectFromWebIdentityToken: identity.subject,
    Audience: identity.audience,
    Provider: identity.provider.arn,
  }
}

const assumedForm = (made: AssumedRole, sessionName: string) => ({
  Credentials: credentialsForm(made.credentials),
  AssumedRoleUser: { AssumedRoleId: `${made.roleId}:${sessionName}`, Arn: made.arn },
  PackedPolicySize: made.packedPercent,
})

async function getSessionToken(iam: Iam, { principal }: Context, input: QueryInput, request: FastifyRequest) {
  if (principal.kind !== 'user' || principal.auth !== 'accessKey') {
    throw iamError('iam.aws.malformed', 'GetSessionToken is for users, with their own access key')
  }
  const mfa = await proveMfa(iam, principal, input, request.ip)
  const credentials = await iam.sessionOfUser(principal, {
    ttlSec: input.findNumber('DurationSeconds', { min: 900, max: 129_600 }) ?? 43_200,
    mfa: mfa !== undefined,
  })
  return { Credentials: credentialsForm(credentials) }
}

/** The second factor of the user who calls, where a code of it is sent.
 * @throws iam.mfa.wrongCode, iam.signIn.lockedOut, iam.aws.malformed */
async function proveMfa(iam: Iam, principal: Principal, input: QueryInput, sourceIp: string) {
  const serial = input.find('SerialNumber')
  const code = input.find('TokenCode')
  if (serial === undefined && code === undefined) return undefined
  if (principal.kind !== 'user' || serial === undefined || code === undefined) {
    throw iamError('iam.aws.malformed', 'SerialNumber and TokenCode come together, and from a user')
  }
  if (serial !== iamArn(principal.account, 'mfa', principal.name)) {
    throw iamError('iam.mfa.wrongCode', 'MultiFactorAuthentication failed: that is no device of the caller')
  }
  await iam.mfa.proveCode(principal.account, principal.name, { code, sourceIp })
  return { mfa: true }
}

function credentialsForm(made: SessionCredentials) {
  return {
    AccessKeyId: made.accessKeyId,
    SecretAccessKey: made.secretAccessKey.revealText(),
    SessionToken: made.sessionToken,
    Expiration: isoSeconds(made.expiresAt),
  }
}
