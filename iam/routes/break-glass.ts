import { Type } from 'typebox'
import { type Api, contextOf, formatInstant, listSchema } from '../../platform/index.ts'
import type { BreakGlassState } from '../access/break-glass.ts'
import type { Iam } from '../iam.ts'
import { ACCESS_SEC_MIN, BREAK_GLASS_SEC_MAX, CUSTODIANS_MAX } from '../limits.ts'
import { commentSchema, reasonSchema, requestForm, requestSchema } from './access-requests.ts'
import { closed, nameParam, nameSchema } from './forms.ts'

const stateSchema = Type.Object({
  custodians: Type.Array(Type.String()),
  openUntil: Type.Optional(Type.String({ format: 'date-time' })),
})

const stateForm = ({ custodians, openUntil }: BreakGlassState) => ({
  custodians: [...custodians],
  ...(openUntil === undefined ? {} : { openUntil: formatInstant(openUntil) }),
})

const oneUser = 'arn:rampart:iam::{account}:user/{name}'
const openingParams = closed({ name: Type.String(), id: Type.String() })
const tags = ['iam']
const base = '/v1/iam/users/:name/break-glass'

/** `/v1/iam/users/{name}/break-glass`: users for emergencies, and their custodians. */
export function breakGlassRoutes({ breakGlass }: Iam) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: base,
      config: { access: { action: 'iam:break-glass:get', resource: oneUser } },
      schema: { summary: 'Shows a break-glass user', tags, params: nameParam, response: { 200: stateSchema } },
      handler: async (request) => stateForm(breakGlass.get(contextOf(request).principal.account, request.params.name)),
    })

    api.route({
      method: 'PUT',
      url: base,
      config: { access: { action: 'iam:break-glass:put', resource: oneUser } },
      schema: {
        summary: 'Makes a user a break-glass user',
        description:
          'It acts only while opened: one custodian asks, two others approve. Then no guardrail of the organisation binds it, and every use raises an alert.',
        tags,
        params: nameParam,
        body: closed({ custodians: Type.Array(nameSchema, { maxItems: CUSTODIANS_MAX }) }),
        response: { 200: stateSchema },
      },
      handler: async (request) =>
        stateForm(
          await breakGlass.put(contextOf(request).principal.account, request.params.name, request.body.custodians),
        ),
    })

    api.route({
      method: 'DELETE',
      url: base,
      config: { access: { action: 'iam:break-glass:delete', resource: oneUser } },
      schema: { summary: 'Makes a break-glass user a user like others', tags, params: nameParam },
      handler: async (request, reply) => {
        await breakGlass.remove(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: `${base}/openings`,
      config: { access: { action: 'iam:break-glass:get', resource: oneUser } },
      schema: {
        summary: 'Lists the openings of a break-glass user, the newest first',
        tags,
        params: nameParam,
        response: { 200: listSchema(requestSchema) },
      },
      handler: async (request) => ({
        items: (await breakGlass.openings(contextOf(request).principal.account, request.params.name)).map(requestForm),
      }),
    })

    api.route({
      method: 'POST',
      url: `${base}/openings`,
      config: { access: { action: 'iam:break-glass:request', resource: oneUser } },
      schema: {
        summary: 'Asks to open a break-glass user; for its custodians',
        tags,
        params: nameParam,
        body: closed({
          reason: reasonSchema,
          durationSec: Type.Integer({ minimum: ACCESS_SEC_MIN, maximum: BREAK_GLASS_SEC_MAX }),
        }),
        response: { 201: requestSchema },
      },
      handler: async (request, reply) => {
        reply.code(201)
        return requestForm(await breakGlass.request(contextOf(request).principal, request.params.name, request.body))
      },
    })

    for (const verb of ['approve', 'reject'] as const) {
      api.route({
        method: 'POST',
        url: `${base}/openings/:id(^[^:]+)::${verb}`,
        config: { access: { action: `iam:break-glass:${verb}`, resource: oneUser } },
        schema: {
          summary: verb === 'approve' ? 'Approves an opening; the second approval opens' : 'Rejects an opening',
          tags,
          params: openingParams,
          body: closed({ comment: commentSchema }),
          response: { 200: requestSchema },
        },
        handler: async (request) => {
          const { name, id } = request.params
          return requestForm(await breakGlass[verb](contextOf(request).principal, name, { id, ...request.body }))
        },
      })
    }

    api.route({
      method: 'POST',
      url: `${base}/openings/:id(^[^:]+)::close`,
      config: { access: { action: 'iam:break-glass:close', resource: oneUser } },
      schema: {
        summary: 'Closes a break-glass user before its time',
        tags,
        params: openingParams,
        body: closed({}),
        response: { 200: requestSchema },
      },
      handler: async (request) => {
        const { name, id } = request.params
        return requestForm(await breakGlass.close(contextOf(request).principal, name, id))
      },
    })
  }
}
