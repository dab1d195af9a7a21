import { Type } from 'typebox'
import {
  type Api,
  formatInstant,
  listSchema,
  pageQuery,
  placesOf,
  type WorkspaceRouteDeps,
} from '../../platform/index.ts'
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, TALLY_DAYS_KEPT } from '../limits.ts'
import { ruleStates } from '../store.ts'
import type { RuleHealthKeeper } from './health.ts'
import { healthProblems } from './judge.ts'

const ofRule = 'arn:rampart:siem:{region}:{account}:rule/{ws}/{id}'
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['rules']

const healthSchema = Type.Object({
  ruleId: Type.String(),
  title: Type.String(),
  state: Type.Enum([...ruleStates]),
  revision: Type.Integer(),
  matches: Type.Integer({ description: 'Events it matched; of a correlation, events at which it held.' }),
  heldBack: Type.Integer({ description: 'Findings that were too many to tell.' }),
  excluded: Type.Integer({ description: 'Matches that exclusions left out.' }),
  canaryFindings: Type.Integer({ description: 'Findings that became no alert.' }),
  estimatedMs: Type.Number({ description: 'About the time its tests took; one event in some thousand is timed.' }),
  timeShare: Type.Number({ description: 'Of the time of all rules, 0 to 1.' }),
  alerts: Type.Integer({ description: 'Alerts that it made or added to.' }),
  closedAlerts: Type.Integer(),
  falsePositives: Type.Integer({ description: 'Of the closed ones.' }),
  problems: Type.Array(Type.Enum([...healthProblems])),
  advice: Type.Array(Type.String(), { description: 'What could be done, a sentence a problem.' }),
})
const reportSchema = Type.Object({
  days: Type.Integer(),
  events: Type.Integer({ description: 'Events looked at.' }),
  rules: Type.Array(healthSchema),
  staleExclusions: Type.Array(
    Type.Object({
      ruleId: Type.String(),
      name: Type.String(),
      owner: Type.String(),
      reason: Type.String(),
      hits: Type.Integer(),
      lastHitAt: Type.Optional(Type.String()),
      expiresAt: Type.Optional(Type.String()),
    }),
    { description: 'Over, or without a hit for long.' },
  ),
})
const canarySchema = Type.Object({
  id: Type.String(),
  time: Type.String({ format: 'date-time' }),
  recordIds: Type.Array(Type.String()),
  entities: Type.Record(Type.String(), Type.Array(Type.String())),
  group: Type.Optional(Type.Record(Type.String(), Type.String())),
})

/** `/v1/workspaces/{ws}/rules/health` and what canaries found. */
export function healthRoutes(health: RuleHealthKeeper, deps: WorkspaceRouteDeps) {
  const placeOf = placesOf(deps)
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules/health',
      config: { access: { action: 'siem:rule:list', resource: ofWorkspace } },
      schema: {
        summary: 'What rules did, and which never fire, fire too much, are mostly wrong, cost most or were throttled',
        tags,
        params: Type.Object({ ws: Type.String() }),
        querystring: Type.Object({
          days: Type.Optional(Type.Integer({ minimum: 1, maximum: TALLY_DAYS_KEPT, default: 30 })),
          problems: Type.Optional(Type.Boolean({ default: false, description: 'Only rules with something wrong.' })),
        }),
        response: { 200: reportSchema },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        const { days = 30, problems = false } = request.query
        const report = await health.report(place, days)
        const rules = problems ? report.rules.filter((rule) => rule.problems.length > 0) : report.rules
        return {
          ...report,
          rules: rules.map((rule) => ({ ...rule, problems: [...rule.problems], advice: [...rule.advice] })),
          staleExclusions: report.staleExclusions.map(({ untilAt, lastHitAt, ...exclusion }) => ({
            ...exclusion,
            ...(lastHitAt === undefined ? {} : { lastHitAt: formatInstant(lastHitAt) }),
            ...(untilAt === undefined ? {} : { expiresAt: formatInstant(untilAt) }),
          })),
        }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules/:id/canary-findings',
      config: { access: { action: 'siem:rule:get', resource: ofRule } },
      schema: {
        summary: 'Lists what a rule found while it was tried out, newest first; all are counted in its health',
        tags,
        params: Type.Object({ ws: Type.String(), id: Type.String() }),
        querystring: Type.Object(pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT })),
        response: { 200: listSchema(canarySchema) },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        const { id } = request.params
        const { limit = PAGE_ITEMS_DEFAULT, cursor } = request.query
        const page = { limit, ...(cursor === undefined ? {} : { cursor }) }
        const listed = await health.listCanaryFindings(place, id, page)
        return {
          ...listed,
          items: listed.items.map(({ ruleId: _, time, recordIds, entities, ...finding }) => ({
            ...finding,
            time: formatInstant(time),
            recordIds: [...recordIds],
            entities: Object.fromEntries(Object.entries(entities).map(([kind, values]) => [kind, [...(values ?? [])]])),
          })),
        }
      },
    })
  }
}
