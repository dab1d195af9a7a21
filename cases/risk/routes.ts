import { Type } from 'typebox'
import {
  type Api,
  contextOf,
  type FilterCompiler,
  filterQuery,
  formatInstant,
  listSchema,
  pageOf,
  pageQuery,
  placesOf,
  type WorkspaceRouteDeps,
} from '../../platform/index.ts'
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, VALUE_CHARS_MAX } from '../limits.ts'
import type { Entities, ListedEntity } from './entities.ts'
import { criticalities } from './score.ts'

export interface EntityRouteDeps extends WorkspaceRouteDeps {
  readonly compileFilter: FilterCompiler
}

const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['entities']
const entityParams = Type.Object({
  ws: Type.String(),
  type: Type.String({
    pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$',
    description: 'As in the `entities` of alerts: `users`.',
  }),
  value: Type.String({ minLength: 1, maxLength: VALUE_CHARS_MAX }),
})
const entity = {
  type: Type.String(),
  value: Type.String(),
  risk: Type.Number({ description: '0 to 100, now.' }),
  criticality: Type.Enum([...criticalities]),
  contributions: Type.Integer(),
  tactics: Type.Array(Type.String()),
}
const entitySchema = Type.Object(entity)
const riskSchema = Type.Object({
  ...entity,
  at: Type.String(),
  alertScore: Type.Number({ description: 'From here on the risk makes an alert,' }),
  alertTactics: Type.Integer({ description: 'and so many tactics in seven days do.' }),
  parts: Type.Array(
    Type.Object({
      alertId: Type.Optional(Type.String()),
      ruleId: Type.String(),
      title: Type.String(),
      at: Type.String(),
      findings: Type.Integer(),
      recordIds: Type.Array(Type.String()),
      tactics: Type.Array(Type.String()),
      techniques: Type.Array(Type.String()),
      risk: Type.Number({ description: 'base × confidence × intel × asset, at most 100' }),
      base: Type.Number({ description: 'By severity.' }),
      confidence: Type.Number(),
      intel: Type.Number(),
      asset: Type.Number({ description: 'By the most critical entity.' }),
      decayed: Type.Number({ description: 'What age left of it: half in seven days.' }),
      share: Type.Optional(
        Type.Number({
          description:
            'decayed / i^1.5 / 2.6124 for the i-th: what it adds. Absent = judged harmless, it adds nothing.',
        }),
      ),
    }),
    { description: 'The weightiest first.' },
  ),
})

/** `/v1/workspaces/{ws}/entities`. */
export function entityRoutes(entities: Entities, deps: EntityRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/entities',
      config: { access: { action: 'siem:entity:list', resource: ofWorkspace } },
      schema: {
        summary: 'Lists entities, the highest risk first',
        tags,
        params: Type.Object({ ws: Type.String() }),
        querystring: Type.Object({
          ...pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT }),
          sort: Type.Optional(Type.Enum(['-risk'])),
          ...filterQuery("type = 'users' and risk > 20"),
        }),
        response: { 200: listSchema(entitySchema) },
      },
      handler: async (request) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        const page = pageOf(request.query, { limit: PAGE_ITEMS_DEFAULT, ...deps, now, toAnswer })
        const listed = await entities.listEntities(place, page)
        return { ...listed, items: listed.items.map(toAnswer) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/entities/:type/:value/risk',
      config: { access: { action: 'siem:entity:get', resource: ofWorkspace } },
      schema: {
        summary: 'Why the risk of an entity is what it is',
        tags,
        params: entityParams,
        querystring: Type.Object({
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT })),
        }),
        response: { 200: riskSchema },
      },
      handler: async (request) => {
        const { type, value } = request.params
        const place = await placeOf(request)
        const { limit = PAGE_ITEMS_DEFAULT } = request.query
        const risk = await entities.explainRisk(place, { kind: type, value }, limit)
        return {
          ...risk,
          at: formatInstant(risk.at),
          tactics: [...risk.tactics],
          parts: risk.parts.map((part) => ({
            ...part,
            at: formatInstant(part.at),
            recordIds: [...part.recordIds],
            tactics: [...part.tactics],
            techniques: [...part.techniques],
          })),
        }
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/entities/:type/:value',
      config: { access: { action: 'siem:entity:put', resource: ofWorkspace } },
      schema: {
        summary: 'Says how much it matters what happens to an entity',
        description: 'Findings from now on are scored by it: low 0.7, normal 1, high 1.25, crown_jewel 1.5.',
        tags,
        params: entityParams,
        body: Type.Object({ criticality: Type.Enum([...criticalities]) }, { additionalProperties: false }),
        response: { 200: entitySchema },
      },
      handler: async (request) => {
        const { type, value } = request.params
        const place = await placeOf(request)
        const set = await entities.setCriticality(place, { kind: type, value }, request.body.criticality)
        return { ...set, tactics: [...set.tactics] }
      },
    })
  }
}

const toAnswer = (entity: ListedEntity) => ({ ...entity, tactics: [...entity.tactics] })
