import { type Context, type ContextValue, formatInstant, iamArn, type Principal } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import type { QueryOperation, QueryService } from './operation.ts'
import type { QueryInput } from './query.ts'

const SESSION_NAME = /^[A-Za-z0-9_+=.@-]{2,64}$/

/** @see AWS STS API Reference, version 2011-06-15 */
export function stsService(iam: Iam): QueryService {
  return {
    name: 'sts',
    version: '2011-06-15',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    operations: new Map<string, QueryOperation>([
      [
        'GetCallerIdentity',
        {
          action: 'sts:caller:get',
          callerOnly: 'it tells a caller nothing but who it is',
          audit: 'refusals',
          run: ({ principal }) => ({
            Arn: principal.arn,
            UserId: iam.idOf(principal) ?? principal.name,
            Account: principal.account,
          }),
        },
      ],
      [
        'AssumeRole',
        {
          action: 'sts:role:assume',
          callerOnly: "the role's trust policy and the caller's policies decide together, in the operation",
          run: (ctx, input) => assumeRole(iam, ctx, input),
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
          run: (ctx, input) => getSessionToken(iam, ctx, input),
        },
      ],
    ]),
  }
}

/** Our encoded message is the decision id that a refusal tells. */
async function decodeMessage(iam: Iam, principal: Principal, input: QueryInput): Promise<string> {
  const found = await iam.readDecision(principal, input.get('EncodedMessage'))
  const { explanation } = found
  return JSON.stringify({
    allowed: false,
    explicitDeny: found.reason === 'explicitDeny',
    matchedStatements: { items: explanation?.layers.flatMap(({ statements }) => statements) ?? [] },
    failures: { items: explanation?.layers.flatMap(({ nearest }) => nearest) ?? [] },
    context: { principal: { arn: found.principal }, action: found.action, resource: found.resource },
    redacted: found.redacted,
  })
}

async function assumeRole(iam: Iam, ctx: Context, input: QueryInput) {
  const arn = input.get('RoleArn')
  const sessionName = input.get('RoleSessionName')
  if (!SESSION_NAME.test(sessionName)) {
    throw iamError('iam.aws.malformed', 'RoleSessionName has 2 to 64 letters, digits and + = . @ _ -')
  }
  const externalId = input.find('ExternalId')
  const context = new Map<string, ContextValue>([
    ['sts:RoleSessionName', sessionName],
    ...(externalId === undefined ? [] : [['sts:ExternalId', externalId] as const]),
  ])
  const made = await iam.assumeRole(ctx.principal, {
    arn,
    sessionName,
    ttlSec: input.findNumber('DurationSeconds', { min: 900, max: 43_200 }) ?? 3_600,
    context,
    ...policyMember(input),
  })
  return {
    Credentials: credentialsForm(made.credentials),
    AssumedRoleUser: { AssumedRoleId: `${made.roleId}:${sessionName}`, Arn: made.arn },
  }
}

async function getSessionToken(iam: Iam, { principal }: Context, input: QueryInput) {
  if (principal.kind !== 'user' || principal.auth !== 'accessKey') {
    throw iamError('iam.aws.malformed', 'GetSessionToken is for users, with their own access key')
  }
  const credentials = await iam.sessionOfUser(principal, {
    ttlSec: input.findNumber('DurationSeconds', { min: 900, max: 129_600 }) ?? 43_200,
  })
  return { Credentials: credentialsForm(credentials) }
}

function policyMember(input: QueryInput): { policy?: string } {
  const policy = input.find('Policy')
  return policy === undefined ? {} : { policy }
}

function credentialsForm(made: Awaited<ReturnType<Iam['sessionOfUser']>>) {
  return {
    AccessKeyId: made.accessKeyId,
    SecretAccessKey: made.secretAccessKey.revealText(),
    SessionToken: made.sessionToken,
    Expiration: formatInstant(made.expiresAt).replace(/\.\d{3}Z$/, 'Z'),
  }
}
