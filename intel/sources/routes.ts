import { Type } from 'typebox'
import { type AccountId, type Api, contextOf, formatInstant } from '../../platform/index.ts'
import { SOURCE_CHARS_MAX } from '../limits.ts'
import type { Sources } from './sources.ts'
import type { Source } from './store.ts'

const workspaceParams = Type.Object({ ws: Type.String() })
const sourceParams = Type.Object({
  ws: Type.String(),
  name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 ._:/@-]*$', maxLength: SOURCE_CHARS_MAX }),
})
const weight = Type.Integer({
  minimum: 0,
  maximum: 100,
  description: 'Percent that its confidence is multiplied by; 0 keeps what it says and matches none of it.',
})
const sourceSchema = Type.Object({
  name: Type.String(),
  weight,
  truePositives: Type.Integer({ description: 'Verdicts that an indicator of its was met rightly.' }),
  falsePositives: Type.Integer({ description: 'Verdicts that an indicator of its was met wrongly.' }),
  updatedAt: Type.String(),
})
const tags = ['indicators']

/** `/v1/workspaces/{ws}/indicator-sources`.
 * @param deps.requireWorkspace throws what the caller is told where there is no such workspace */
export function sourceRoutes(
  sources: Sources,
  deps: { readonly requireWorkspace: (account: AccountId, workspace: string) => Promise<unknown> },
) {
  return (api: Api): void => {
    const placeOf = async (account: AccountId, workspace: string) => {
      await deps.requireWorkspace(account, workspace)
      return { account, workspace }
    }

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/indicator-sources',
      config: {
        access: {
          action: 'siem:indicator-source:list',
          resource: 'arn:rampart:siem:{region}:{account}:workspace/{ws}',
        },
      },
      schema: {
        summary: 'Lists sources of indicators that were weighed or judged',
        tags,
        params: workspaceParams,
        response: { 200: Type.Object({ items: Type.Array(sourceSchema) }) },
      },
      handler: async (request) => {
        const place = await placeOf(contextOf(request).principal.account, request.params.ws)
        return { items: (await sources.list(place)).map(toAnswer) }
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/indicator-sources/:name',
      config: {
        access: {
          action: 'siem:indicator-source:put',
          resource: 'arn:rampart:siem:{region}:{account}:indicator-source/{ws}/{name}',
        },
      },
      schema: {
        summary: 'Says what the word of a source of indicators is worth; events are matched so when this answers',
        tags,
        params: sourceParams,
        body: Type.Object({ weight }, { additionalProperties: false }),
        response: { 200: sourceSchema },
      },
      handler: async (request) => {
        const place = await placeOf(contextOf(request).principal.account, request.params.ws)
        return toAnswer(await sources.setWeight(place, request.params.name, request.body.weight))
      },
    })
  }
}

function toAnswer({ updatedAt, ...source }: Source) {
  return { ...source, updatedAt: formatInstant(updatedAt) }
}
