import { Type } from 'typebox'
import { type Api, type Context, type ContextValue, contextOf, type Principal } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { BATCH_MAX, REQUEST_TEXT_MAX } from '../limits.ts'
import { canonicalKey, isPlatformKey } from '../policy/context-keys.ts'
import { closed } from './forms.ts'

const contextValue = Type.Union([
  Type.String({ maxLength: 2_048 }),
  Type.Number(),
  Type.Boolean(),
  Type.Array(Type.String({ maxLength: 2_048 }), { maxItems: 200 }),
])

const askSchema = closed({
  principal: Type.Optional(Type.String({ maxLength: 512, description: 'ARN of a user or role; default: the caller' })),
  action: Type.String({ minLength: 1, maxLength: REQUEST_TEXT_MAX }),
  resource: Type.String({ minLength: 1, maxLength: REQUEST_TEXT_MAX }),
  context: Type.Optional(
    Type.Record(Type.String({ minLength: 1, maxLength: 256 }), contextValue, { maxProperties: 100 }),
  ),
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
        body: closed({ requests: Type.Array(askSchema, { minItems: 1, maxItems: BATCH_MAX }) }),
        response: {
          200: Type.Object({
            decisions: Type.Array(
              Type.Object({
                id: Type.String(),
                decision: Type.Enum(['allow', 'deny']),
                reason: Type.Enum(['allow', 'explicitDeny', 'implicitDeny', 'error']),
                determining: Type.Array(Type.String()),
              }),
            ),
          }),
        },
      },
      handler: async (request) => {
        const ctx = contextOf(request)
        const asks: readonly Ask[] = request.body.requests
        if (asks.some(setsPlatformKeys)) await requireAssertContext(iam, ctx)
        return {
          decisions: asks.map((ask) => {
            const { allowed, id, reason, determining } = iam.decide({
              principal: ask.principal === undefined ? ctx.principal : principalAsked(iam, ctx, ask.principal),
              action: ask.action,
              resource: ask.resource,
              context: new Map(Object.entries(ask.context ?? {})),
            })
            return {
              id,
              decision: allowed ? ('allow' as const) : ('deny' as const),
              reason,
              determining: [...determining],
            }
          }),
        }
      },
    })
  }
}

function setsPlatformKeys({ context }: Ask): boolean {
  return context !== undefined && Object.keys(context).some((key) => isPlatformKey(canonicalKey(key)))
}

async function requireAssertContext(iam: Iam, { principal }: Context): Promise<void> {
  const { allowed, id } = await iam.authorizer.authorize({
    principal,
    action: 'iam:pdp:assertContext',
    resource: pdp(principal.account),
  })
  if (allowed) return
  throw iamError('iam.pdp.contextNotYours', 'keys of the namespace `g:` are set by the platform', {
    extra: { decisionId: id },
  })
}

/** A principal nobody has is decided like one without policies: refused, and told apart by nothing. */
function principalAsked(iam: Iam, { principal }: Context, arn: string): Principal {
  const found = iam.findPrincipal(principal.account, arn)
  return found ?? { kind: 'user', account: principal.account, arn: principal.arn, name: '', auth: 'internal' }
}
