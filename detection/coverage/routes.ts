import { Type } from 'typebox'
import { type Api, placesOf, type WorkspaceRouteDeps } from '../../platform/index.ts'
import type { RuleHealthKeeper } from '../health/health.ts'
import { TALLY_DAYS_KEPT } from '../limits.ts'
import type { Rules } from '../rules.ts'
import { coverageOf, coverageStates } from './coverage.ts'
import { coverageSvg } from './coverage-svg.ts'
import { navigatorLayer } from './navigator.ts'

const access = { action: 'siem:rule:list', resource: 'arn:rampart:siem:{region}:{account}:workspace/{ws}' } as const
const params = Type.Object({ ws: Type.String() })
const query = Type.Object({
  days: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: TALLY_DAYS_KEPT,
      default: 7,
      description: 'A log source delivers when events of it came in so many days.',
    }),
  ),
})
const tags = ['rules']
const seen = {
  id: Type.String(),
  name: Type.String(),
  state: Type.Enum([...coverageStates], {
    description: 'covered; rules but no events of their log sources; no rule',
  }),
  rules: Type.Integer(),
  delivered: Type.Integer({ description: 'Of these, rules whose events come.' }),
}
const count = { covered: Type.Integer(), no_events: Type.Integer(), none: Type.Integer() }
const coverageSchema = Type.Object({
  attack: Type.String({ description: 'The version of ATT&CK whose names these are.' }),
  sourcesKnown: Type.Boolean(),
  tactics: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      techniques: Type.Array(
        Type.Object({
          ...seen,
          subTechniques: Type.Array(Type.Object(seen)),
          missing: Type.Array(Type.String(), { description: 'Log sources that would have to deliver.' }),
        }),
      ),
    }),
  ),
  others: Type.Array(Type.Object({ id: Type.String(), rules: Type.Integer() }), {
    description: 'Techniques that rules name and this version does not have.',
  }),
  gaps: Type.Array(
    Type.Object({ logsource: Type.String(), rules: Type.Integer(), techniques: Type.Array(Type.String()) }),
    { description: 'Log sources that rules look at and that deliver nothing.' },
  ),
  wanted: Type.Array(
    Type.Object({
      name: Type.String(),
      logsource: Type.Optional(Type.String({ description: 'As rules call it.' })),
      delivers: Type.Optional(Type.Boolean()),
      techniques: Type.Array(Type.String()),
    }),
    { description: 'Log sources that, by ATT&CK, would show techniques that are not covered; the most first.' },
  ),
  summary: Type.Object({
    techniques: Type.Integer(),
    rules: Type.Integer(),
    ...count,
    subTechniques: Type.Object({ total: Type.Integer(), ...count }),
  }),
})
const layerSchema = Type.Object({}, { additionalProperties: true })

/** `/v1/workspaces/{ws}/coverage`, as data and as a picture. */
export function coverageRoutes(
  deps: WorkspaceRouteDeps & {
    readonly rules: Pick<Rules, 'liveDocuments'>
    readonly health: Pick<RuleHealthKeeper, 'sources'>
  },
) {
  const placeOf = placesOf(deps)
  const coverageIn = async (request: Parameters<typeof placeOf>[0], days = 7) => {
    const place = await placeOf(request)
    return coverageOf(deps.rules.liveDocuments(place), await deps.health.sources(place, days))
  }
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/coverage',
      config: { access },
      schema: {
        summary: 'Which ATT&CK techniques the rules that run would see',
        tags,
        params,
        querystring: query,
        response: { 200: coverageSchema },
      },
      handler: async (request) => {
        const coverage = await coverageIn(request, request.query.days)
        return structuredClone(coverage) as never
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/coverage.svg',
      config: { access },
      schema: { summary: 'The same as a picture: tactics as columns', tags, params, querystring: query },
      handler: async (request, reply) => {
        const coverage = await coverageIn(request, request.query.days)
        return reply
          .header('content-type', 'image/svg+xml')
          .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
          .send(coverageSvg(coverage))
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/coverage/navigator',
      config: { access },
      schema: {
        summary: 'The same as a layer of the ATT&CK Navigator, format 4.5',
        tags,
        params,
        querystring: query,
        response: { 200: layerSchema },
      },
      handler: async (request) => {
        const coverage = await coverageIn(request, request.query.days)
        return { ...navigatorLayer(coverage, `Coverage of workspace ${request.params.ws}`) }
      },
    })
  }
}
