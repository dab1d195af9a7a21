import { Type } from 'typebox'
import { type AccountId, type Api, contextOf, etagOf, formatInstant } from '../../platform/index.ts'
import { RULE_FILE_BYTES_MAX } from '../limits.ts'
import { bodyText } from '../routes.ts'
import type { Rules } from '../rules.ts'
import type { UnusableRule } from './pipelines.ts'
import type { StoredPipeline } from './store.ts'

export interface PipelineRouteDeps {
  /** @throws what the caller is told where there is no such workspace */
  readonly requireWorkspace: (account: AccountId, workspace: string) => Promise<unknown>
}

const workspaceParams = Type.Object({ ws: Type.String() })
const pipelineParams = Type.Object({
  ws: Type.String(),
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
})
const ifMatch = Type.Object({ 'if-match': Type.Optional(Type.String({ maxLength: 1024 })) })
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['rules']

const listed = { name: Type.String(), createdAt: Type.String(), updatedAt: Type.String() }
const unusable = Type.Array(Type.Object({ id: Type.String(), reasons: Type.Array(Type.String()) }), {
  description: 'Rules that cannot be run with the pipelines as they now are, and why; they are kept.',
})

/** `/v1/workspaces/{ws}/rule-pipelines`. */
export function pipelineRoutes(rules: Rules, deps: PipelineRouteDeps) {
  return (api: Api): void => {
    const placeOf = async (account: AccountId, workspace: string) => {
      await deps.requireWorkspace(account, workspace)
      return { account, workspace }
    }

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/rule-pipelines/:name',
      bodyLimit: 16 * RULE_FILE_BYTES_MAX,
      config: { access: { action: 'siem:rule:put', resource: ofWorkspace } },
      schema: {
        summary: 'Puts a pySigma pipeline, which changes every rule of the workspace before it is run',
        description:
          'The body is YAML as pySigma takes it. Pipelines go by priority, then by name. Rules are read anew and live when this answers; their texts stay as they are.',
        tags,
        params: pipelineParams,
        headers: ifMatch,
        response: { 200: Type.Object({ ...listed, notApplicable: Type.Array(Type.String()), unusable }) },
      },
      handler: async (request, reply) => {
        const { ws, name } = request.params
        const place = await placeOf(contextOf(request).principal.account, ws)
        const put = await rules.putPipeline(place, name, bodyText(request.body), request.headers['if-match'])
        reply.header('etag', etagOf(put.pipeline.revision))
        return { ...toAnswer(put.pipeline), notApplicable: [...put.notApplicable], unusable: toUnusable(put.unusable) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rule-pipelines/:name',
      config: { access: { action: 'siem:rule:list', resource: ofWorkspace } },
      schema: {
        summary: 'Gets a pipeline of rules',
        tags,
        params: pipelineParams,
        response: { 200: Type.Object({ ...listed, text: Type.String() }) },
      },
      handler: async (request, reply) => {
        const { ws, name } = request.params
        const pipeline = await rules.getPipeline(await placeOf(contextOf(request).principal.account, ws), name)
        reply.header('etag', etagOf(pipeline.revision))
        return { ...toAnswer(pipeline), text: pipeline.text }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rule-pipelines',
      config: { access: { action: 'siem:rule:list', resource: ofWorkspace } },
      schema: {
        summary: 'Lists the pipelines of rules, all of them, by name',
        tags,
        params: workspaceParams,
        response: { 200: Type.Object({ items: Type.Array(Type.Object(listed)) }) },
      },
      handler: async (request) => {
        const place = await placeOf(contextOf(request).principal.account, request.params.ws)
        return { items: (await rules.listPipelines(place)).map(toAnswer) }
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/rule-pipelines/:name',
      config: { access: { action: 'siem:rule:delete', resource: ofWorkspace } },
      schema: {
        summary: 'Deletes a pipeline; every rule is run without it when this answers',
        tags,
        params: pipelineParams,
        headers: ifMatch,
        response: { 200: Type.Object({ unusable }) },
      },
      handler: async (request) => {
        const { ws, name } = request.params
        const place = await placeOf(contextOf(request).principal.account, ws)
        const change = await rules.deletePipeline(place, name, request.headers['if-match'])
        return { unusable: toUnusable(change.unusable) }
      },
    })
  }
}

function toAnswer({ name, createdAt, updatedAt }: StoredPipeline) {
  return { name, createdAt: formatInstant(createdAt), updatedAt: formatInstant(updatedAt) }
}

function toUnusable(rules: readonly UnusableRule[]) {
  return rules.map(({ id, reasons }) => ({ id, reasons: [...reasons] }))
}
