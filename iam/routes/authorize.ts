import { Type } from 'typebox'
import {
  type Api,
  type Context,
  type ContextValue,
  contextOf,
  formatCursor,
  iamArn,
  type Principal,
  parseCursor,
} from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { BATCH_MAX, REQUEST_TEXT_MAX } from '../limits.ts'
import { canonicalKey, isPlatformKey } from '../policy/context-keys.ts'
import { abilityProperties, closed, contextSchema } from './forms.ts'

const askSchema = closed({
  principal: Type.Optional(Type.String({ maxLength: 512, description: 'ARN of a user or role; default: the caller' })),
  action: Type.String({ minLength: 1, maxLength: REQUEST_TEXT_MAX }),
  resource: Type.String({ minLength: 1, maxLength: REQUEST_TEXT_MAX }),
  context: Type.Optional(contextSchema),
})

const pdp = (account: string) => `arn:rampart:iam::${account}:pdp/default`

interface Ask {
  readonly principal?: string
  readonly action: string
  readonly resource: string
  readonly context?: Readonly<Record<string, ContextValue>>
}

/** `POST /v1/iam/authorize`: decisions asked for by others. */
export function authorizeRoutes(iam: Iam) {
  return (api: Api): void => {
    api.route({
      method: 'POST',
      url: '/v1/iam/authorize',
      config: {
        access: { action: 'iam:pdp:evaluate', resource: 'arn:rampart:iam::{account}:pdp/default', audit: 'refusals' },
      },
      schema: {
        summary: 'Decides whether principals of the account may do something',
        description:
          'Up to 1,000 requests at once, each decided alone. A refusal is an answer, not an error. Keys of the namespace `g:` belong to the platform; setting them takes `iam:pdp:assertContext`.',
        tags: ['iam'],
        body: closed({
          requests: Type.Array(askSchema, { minItems: 1, maxItems: BATCH_MAX }),
          explain: Type.Optional(
            Type.Boolean({ description: 'Adds what matched and what nearly did; takes `iam:policy:get`' }),
          ),
        }),
        response: {
          200: Type.Object({
            snapshot: Type.Integer({ description: 'The number of the identities and policies that decided' }),
            decisions: Type.Array(
              Type.Object({
                id: Type.String(),
                decision: Type.Enum(['allow', 'deny']),
                reason: Type.Enum(['allow', 'explicitDeny', 'implicitDeny', 'error']),
                determining: Type.Array(Type.String()),
                explanation: Type.Optional(Type.Unknown()),
              }),
            ),
          }),
        },
      },
      handler: async (request) => {
        const ctx = contextOf(request)
        const asks: readonly Ask[] = request.body.requests
        if (asks.some(setsPlatformKeys)) {
          await requireAllowed(iam, ctx, {
            action: 'iam:pdp:assertContext',
            resource: pdp(ctx.principal.account),
            message: 'keys of the namespace `g:` are set by the platform',
          })
        }
        if (request.body.explain) await requirePolicyReader(iam, ctx)
        return {
          snapshot: iam.authorizer.snapshots?.current() ?? 0,
          decisions: asks.map((ask) => {
            const about = {
              principal: ask.principal === undefined ? ctx.principal : principalAsked(iam, ctx, ask.principal),
              action: ask.action,
              resource: ask.resource,
              context: new Map(Object.entries(ask.context ?? {})),
            }
            const { allowed, id, reason, determining } = iam.decide(about)
            return {
              ...(request.body.explain ? { explanation: iam.explain(about) } : {}),
              id,
              decision: allowed ? ('allow' as const) : ('deny' as const),
              reason,
              determining: [...determining],
            }
          }),
        }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/who-can',
      config: {
        access: { action: 'iam:pdp:whoCan', resource: 'arn:rampart:iam::{account}:pdp/default', audit: 'refusals' },
      },
      schema: {
        summary: 'Finds who can do something, now or under conditions',
        tags: ['iam'],
        body: closed({
          action: askSchema.properties.action,
          resource: askSchema.properties.resource,
          context: askSchema.properties.context,
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
          cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
        }),
        response: {
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                principal: Type.String(),
                ...abilityProperties,
              }),
            ),
            nextCursor: Type.Optional(Type.String()),
          }),
        },
      },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        const { action, resource, context = {}, limit = 100, cursor } = request.body
        const after = parseCursor(cursor)
        const { items, last } = await iam.whoCan(account, {
          action,
          resource,
          context: new Map(Object.entries(context)),
          limit,
          ...(after === undefined ? {} : { after }),
        })
        return {
          items: items.map((item) => ({ ...item, statements: [...item.statements] })),
          ...(last === undefined ? {} : { nextCursor: formatCursor(last) }),
        }
      },
    })
  }
}

function setsPlatformKeys({ context }: Ask): boolean {
  return context !== undefined && Object.keys(context).some((key) => isPlatformKey(canonicalKey(key)))
}

async function requirePolicyReader(iam: Iam, ctx: Context): Promise<void> {
  await requireAllowed(iam, ctx, {
    action: 'iam:policy:get',
    resource: iamArn(ctx.principal.account, 'policy', '*'),
    message: 'explanations show policies, which the caller may not read',
  })
}

interface Needed {
  readonly action: string
  readonly resource: string
  readonly message: string
}

async function requireAllowed(iam: Iam, { principal }: Context, { action, resource, message }: Needed): Promise<void> {
  const { allowed, id } = await iam.authorizer.authorize({ principal, action, resource })
  if (!allowed) throw iamError('iam.pdp.notAllowed', `${message} (${action})`, { extra: { decisionId: id } })
}

/** A principal nobody has is decided like one without policies: refused, and told apart by nothing. */
function principalAsked(iam: Iam, { principal }: Context, arn: string): Principal {
  const found = iam.findPrincipal(principal.account, arn)
  return found ?? { kind: 'user', account: principal.account, arn: principal.arn, name: '', auth: 'internal' }
}
