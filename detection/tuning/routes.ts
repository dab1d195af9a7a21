import { Type } from 'typebox'
import {
  type Api,
  etagOf,
  formatInstant,
  ifMatchHeader,
  placesOf,
  type WorkspaceRouteDeps,
} from '../../platform/index.ts'
import { EXCLUSION_BYTES_MAX, OWNER_CHARS_MAX, REASON_CHARS_MAX } from '../limits.ts'
import type { Rules } from '../rules.ts'
import type { StoredExclusion } from './store.ts'

export interface TuningRouteDeps extends WorkspaceRouteDeps {
  /** Writes down the hits that are not written yet. */
  readonly collect: () => Promise<void>
}

const ruleParams = Type.Object({ ws: Type.String(), id: Type.String() })
const exclusionParams = Type.Object({
  ws: Type.String(),
  id: Type.String(),
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
})
const ifMatch = Type.Object(ifMatchHeader)
const ofRule = 'arn:rampart:siem:{region}:{account}:rule/{ws}/{id}'
const tags = ['rules']

const exclusionSchema = Type.Object({
  ruleId: Type.String(),
  name: Type.String(),
  filter: Type.String({ description: 'A Sigma filter.' }),
  owner: Type.String(),
  reason: Type.String(),
  expiresAt: Type.Optional(Type.String()),
  hits: Type.Integer({ description: 'Matches it left out.' }),
  lastHitAt: Type.Optional(Type.String()),
  createdAt: Type.String(),
  updatedAt: Type.String(),
})

/** `/v1/workspaces/{ws}/rules/{id}/exclusions`. */
export function exclusionRoutes(rules: Rules, deps: TuningRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/rules/:id/exclusions/:name',
      config: { access: { action: 'siem:rule:put', resource: ofRule } },
      schema: {
        summary: 'Leaves events out of a rule, apart from its text; live when this answers',
        description: 'New forms of the rule leave it as it is. Events of the time `expiresAt` and later count again.',
        tags,
        params: exclusionParams,
        headers: ifMatch,
        body: Type.Object(
          {
            filter: Type.String({
              minLength: 1,
              maxLength: EXCLUSION_BYTES_MAX,
              description:
                'A Sigma filter (YAML) that names this rule, or `any`: its condition says what to leave out, or after `not` what to keep.',
            }),
            owner: Type.String({ minLength: 1, maxLength: OWNER_CHARS_MAX, description: 'Who answers for it.' }),
            reason: Type.String({ minLength: 1, maxLength: REASON_CHARS_MAX }),
            expiresAt: Type.Optional(Type.String({ format: 'date-time' })),
          },
          { additionalProperties: false },
        ),
        response: { 200: exclusionSchema },
      },
      handler: async (request, reply) => {
        const { id: ruleId, name } = request.params
        const place = await placeOf(request)
        const { filter: text, owner, reason, expiresAt } = request.body
        const untilAt = expiresAt === undefined ? {} : { untilAt: Date.parse(expiresAt) }
        const row = { ruleId, name, text, owner, reason, ...untilAt }
        const exclusion = await rules.putExclusion(place, row, request.headers['if-match'])
        reply.header('etag', etagOf(exclusion.revision))
        return toAnswer(exclusion)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules/:id/exclusions',
      config: { access: { action: 'siem:rule:get', resource: ofRule } },
      schema: {
        summary: 'Lists the exclusions of a rule',
        tags,
        params: ruleParams,
        response: { 200: Type.Object({ items: Type.Array(exclusionSchema) }) },
      },
      handler: async (request) => {
        const { id } = request.params
        await deps.collect()
        const listed = await rules.listExclusions(await placeOf(request), id)
        return { items: listed.map(toAnswer) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules/:id/exclusions/:name',
      config: { access: { action: 'siem:rule:get', resource: ofRule } },
      schema: { summary: 'Gets an exclusion', tags, params: exclusionParams, response: { 200: exclusionSchema } },
      handler: async (request, reply) => {
        const { id, name } = request.params
        const place = await placeOf(request)
        await deps.collect()
        const exclusion = await rules.getExclusion(place, id, name)
        reply.header('etag', etagOf(exclusion.revision))
        return toAnswer(exclusion)
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/rules/:id/exclusions/:name',
      config: { access: { action: 'siem:rule:put', resource: ofRule } },
      schema: {
        summary: 'Deletes an exclusion; its events count again when this answers',
        tags,
        params: exclusionParams,
        headers: ifMatch,
        response: { 204: Type.Null() },
      },
      handler: async (request, reply) => {
        const { id, name } = request.params
        const place = await placeOf(request)
        await rules.deleteExclusion(place, id, name, request.headers['if-match'])
        return reply.code(204).send(null)
      },
    })
  }
}

function toAnswer({ text, untilAt, lastHitAt, createdAt, updatedAt, revision: _, ...exclusion }: StoredExclusion) {
  return {
    ...exclusion,
    filter: text,
    ...(untilAt === undefined ? {} : { expiresAt: formatInstant(untilAt) }),
    ...(lastHitAt === undefined ? {} : { lastHitAt: formatInstant(lastHitAt) }),
    createdAt: formatInstant(createdAt),
    updatedAt: formatInstant(updatedAt),
  }
}
