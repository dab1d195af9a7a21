import { Type } from 'typebox'
import { type Api, type Context, contextOf, type Principal } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { REQUEST_TEXT_MAX } from '../limits.ts'
import { abilityProperties, closed, contextSchema, type FilterCompiler, page, pageQuery, pageSchema } from './forms.ts'

const PDP = 'arn:rampart:iam::{account}:pdp/default'

const principalSchema = Type.String({
  maxLength: 512,
  description: 'ARN of a user or role of the account; default: the caller',
})

/** `/v1/iam/what-can`, `/analyze`, `/diff`: what policies add up to. */
export function analysisRoutes(iam: Iam, { compileFilter }: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'POST',
      url: '/v1/iam/what-can',
      config: { access: { action: 'iam:pdp:whatCan', resource: PDP, audit: 'refusals' } },
      schema: {
        summary: 'Finds what a principal can do, now or under conditions',
        description:
          'Every layer is counted: guardrails, boundary, identity policies. Rows are patterns; what depends on the request stands in `if` and `residue`. With a `resource` the policy on it is counted too.',
        tags: ['iam'],
        body: closed({
          principal: Type.Optional(principalSchema),
          action: Type.Optional(
            Type.String({ minLength: 1, maxLength: 512, description: 'only actions of this pattern' }),
          ),
          resource: Type.Optional(
            Type.String({ minLength: 1, maxLength: REQUEST_TEXT_MAX, description: 'only this one' }),
          ),
          context: Type.Optional(contextSchema),
          ...pageQuery.properties,
        }),
        response: {
          200: Type.Intersect([
            pageSchema(
              Type.Object({
                action: Type.String(),
                exceptActions: Type.Array(Type.String()),
                resource: Type.String(),
                exceptResources: Type.Array(Type.String()),
                ...abilityProperties,
                escalation: Type.Array(Type.String(), { description: 'Actions among them by which one gets more' }),
                needsResourcePolicy: Type.Boolean({ description: 'The policy on the resource has to let it too' }),
              }),
            ),
            Type.Object({ complete: Type.Boolean({ description: 'False where there was more than is looked at' }) }),
          ]),
        },
      },
      handler: async (request) => {
        const { principal, action, resource, context = {}, ...query } = request.body
        const { items, complete } = await iam.whatCan(principalAsked(iam, contextOf(request), principal), {
          context: new Map(Object.entries(context)),
          ...(action === undefined ? {} : { action }),
          ...(resource === undefined ? {} : { resource }),
        })
        const places = new Map(items.map((item, index) => [item, String(index).padStart(6, '0')]))
        const found = page(items, query, { placeOf: (item) => places.get(item) ?? '', compileFilter })
        return {
          ...found,
          items: found.items.map((item) => ({
            ...item,
            statements: [...item.statements],
            exceptActions: [...item.exceptActions],
            exceptResources: [...item.exceptResources],
            escalation: [...item.escalation],
          })),
          complete,
        }
      },
    })
  }
}

/** @throws iam.thing.absent */
function principalAsked(iam: Iam, { principal }: Context, arn: string | undefined): Principal {
  if (arn === undefined) return principal
  const found = iam.findPrincipal(principal.account, arn)
  if (!found) throw iamError('iam.thing.absent', `the account has no user or role \`${arn.slice(0, 200)}\``)
  return found
}
