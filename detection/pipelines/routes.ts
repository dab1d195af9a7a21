import { Type } from 'typebox'
import {
  type Api,
  etagOf,
  formatInstant,
  ifMatchHeader,
  placesOf,
  type WorkspaceRouteDeps,
} from '../../platform/index.ts'
import { RULE_FILE_BYTES_MAX } from '../limits.ts'
import { bodyText } from '../routes.ts'
import type { Rules } from '../rules.ts'
import type { UnusableRule } from './pipelines.ts'
import type { StoredPipeline } from './store.ts'

const workspaceParams = Type.Object({ ws: Type.String() })
const pipelineParams = Type.Object({
  ws: Type.String(),
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
})
const ifMatch = Type.Object(ifMatchHeader)
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['rules']

const listed = { name: Type.String(), createdAt: Type.String(), updatedAt: Type.String() }
const unusable = Type.Array(Type.Object({ id: Type.String(), reasons: Type.Array(Type.String()) }), {
  description: 'Rules that cannot be run with the pipelines as they now are, and why; they are kept.',
})

/** `/v1/workspaces/{ws}/rule-pipelines`. */
export function pipelineRoutes(rules: Rules, deps: WorkspaceRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

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
        const { name } = request.params
        const place = await placeOf(request)
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
        const { name } = request.params
        const pipeline = await rules.getPipeline(await placeOf(request), name)
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
        const place = await placeOf(request)
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
        const { name } = request.params
        const place = await placeOf(request)
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
