import { Type } from 'typebox'
import { type Api, formatInstant, placesOf, type WorkspaceRouteDeps } from '../../platform/index.ts'
import { ALLOW_BYTES_MAX, ALLOW_VALUES_MAX, VALUE_CHARS_MAX } from '../limits.ts'
import type { AllowLists } from './allow-lists.ts'
import type { AllowList } from './store.ts'

const listParams = Type.Object({ ws: Type.String(), name: Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' }) })
const ofList = 'arn:rampart:siem:{region}:{account}:allow-list/{ws}/{name}'
const tags = ['indicators']
const values = Type.Array(Type.String({ minLength: 1, maxLength: VALUE_CHARS_MAX }), { maxItems: ALLOW_VALUES_MAX })
const listSchema = Type.Object({ name: Type.String(), valueCount: Type.Integer(), updatedAt: Type.String() })

/** `/v1/workspaces/{ws}/allow-lists`.
 * @param deps.requireWorkspace throws what the caller is told where there is no such workspace */
export function allowRoutes(lists: AllowLists, deps: WorkspaceRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/allow-lists',
      config: {
        access: { action: 'siem:allow-list:list', resource: 'arn:rampart:siem:{region}:{account}:workspace/{ws}' },
      },
      schema: {
        summary: 'Lists allow-lists',
        tags,
        params: Type.Object({ ws: Type.String() }),
        response: { 200: Type.Object({ items: Type.Array(listSchema) }) },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        return { items: (await lists.list(place)).map(toAnswer) }
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/allow-lists/:name',
      bodyLimit: ALLOW_BYTES_MAX,
      config: { access: { action: 'siem:allow-list:put', resource: ofList } },
      schema: {
        summary: 'Puts values that no indicator is met by; it holds when this answers',
        description:
          'A domain stands for all below it, a network for its addresses. A MISP warning list of type `cidr`, `hostname` or `string` is taken as it is: its `list` is read.',
        tags,
        params: listParams,
        body: Type.Object({ list: values }, { description: 'Other members of a MISP warning list are passed over.' }),
        response: { 200: listSchema },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        return toAnswer(await lists.put(place, request.params.name, request.body.list))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/allow-lists/:name',
      config: { access: { action: 'siem:allow-list:delete', resource: ofList } },
      schema: { summary: 'Deletes an allow-list', tags, params: listParams, response: { 204: Type.Null() } },
      handler: async (request, reply) => {
        const place = await placeOf(request)
        await lists.delete(place, request.params.name)
        return reply.code(204).send(null)
      },
    })
  }
}

function toAnswer({ name, entries, updatedAt }: AllowList) {
  return { name, valueCount: entries.length, updatedAt: formatInstant(updatedAt) }
}
