import { type Static, Type } from 'typebox'
import {
  type Api,
  etagOf,
  formatInstant,
  ifMatchHeader,
  placesOf,
  type WorkspaceRouteDeps,
} from '../../../platform/index.ts'
import { entityKinds } from '../../online/entities.ts'
import { severities } from '../../types.ts'
import { baselineError } from '../errors.ts'
import { EXCLUSION_CHARS_MAX, EXCLUSIONS_MAX, SUBJECT_CHARS_MAX } from '../limits.ts'
import type { PastDeviation } from '../stream/running.ts'
import { type BaselineSettings, heldWhy } from '../stream/settings.ts'
import type { BaselineState, Baselines } from './baselines.ts'

const workspaceParams = Type.Object({ ws: Type.String() })
const baselineParams = Type.Object({ ws: Type.String(), name: Type.String() })
const ofBaseline = 'arn:rampart:siem:{region}:{account}:baseline/{ws}/{name}'
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['baselines']
const states = ['learning', 'active', 'frozen'] as const
const instant = Type.String({ format: 'date-time' })

const settingsSchema = {
  enabled: Type.Boolean({ description: 'Off: sees nothing, states nothing, and forgets nothing.' }),
  threshold: Type.Number({ minimum: 0, maximum: 1, description: 'Deviations of a lower score make no alert.' }),
  exclusions: Type.Array(
    Type.Object(
      {
        entity: Type.String({
          minLength: 1,
          maxLength: EXCLUSION_CHARS_MAX,
          description: '`*` stands for any letters, `?` for any one.',
        }),
        reason: Type.Optional(Type.String({ maxLength: EXCLUSION_CHARS_MAX })),
        until: Type.Optional(instant),
      },
      { additionalProperties: false },
    ),
    {
      maxItems: EXCLUSIONS_MAX,
      description: 'Entities whose deviations make no alert; everything is learned of them.',
    },
  ),
}
const settingsAnswer = Type.Object(settingsSchema)

const deviationSchema = Type.Object({
  at: instant,
  since: instant,
  entity: Type.String(),
  score: Type.Number(),
  expected: Type.String(),
  seen: Type.String(),
  version: Type.Integer(),
  held: Type.Optional(Type.Enum([...heldWhy], { description: 'Why no alert was made of it.' })),
})

const baselineSchema = Type.Object({
  name: Type.String(),
  title: Type.String(),
  version: Type.Integer({ description: 'Goes up when the model changes; it then learns anew.' }),
  watches: Type.String(),
  needs: Type.String({ description: 'Events and members it lives on.' }),
  window: Type.String({ description: 'What must have been seen before it states anything.' }),
  entity: Type.Array(Type.Enum([...entityKinds, 'network', 'value']), { description: 'Of a pair, each.' }),
  severity: Type.Enum([...severities]),
  techniques: Type.Array(Type.String()),
  freezes: Type.Boolean({ description: 'Learns nothing of an entity while an alert of it is open.' }),
  state: Type.Enum([...states]),
  progress: Type.Number({ description: 'How far the entity that it knows best is, 0 to 1.' }),
  samples: Type.Integer({ description: 'Observations so far.' }),
  entities: Type.Object({ known: Type.Integer(), active: Type.Integer(), frozen: Type.Integer() }),
  deviations: Type.Object({
    known: Type.Integer({ description: 'Those that are remembered.' }),
    told: Type.Integer({ description: 'Of them those that made alerts.' }),
  }),
  ...settingsSchema,
})

/** `/v1/workspaces/{ws}/baselines`. */
export function baselineRoutes(baselines: Baselines, deps: WorkspaceRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/baselines',
      config: { access: { action: 'siem:baseline:list', resource: ofWorkspace } },
      schema: {
        summary: 'Lists the baselines: what each watches, how far it has learned, how it is set',
        tags,
        params: workspaceParams,
        response: { 200: Type.Object({ items: Type.Array(baselineSchema) }) },
      },
      handler: async (request) => {
        const place = await placeOf(request)
        return { items: (await baselines.list(place)).map(toAnswer) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/baselines/:name',
      config: { access: { action: 'siem:baseline:get', resource: ofBaseline } },
      schema: { summary: 'Gets a baseline', tags, params: baselineParams, response: { 200: baselineSchema } },
      handler: async (request, reply) => {
        const { name } = request.params
        const found = await baselines.get(await placeOf(request), name)
        reply.header('etag', etagOf(found.revision))
        return toAnswer(found)
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/baselines/:name',
      config: { access: { action: 'siem:baseline:put', resource: ofBaseline } },
      schema: {
        summary: 'Sets a baseline; it holds from the next event on',
        description: 'What the body leaves out is as by default: enabled, threshold 0, no exclusions.',
        tags,
        params: baselineParams,
        headers: Type.Object(ifMatchHeader),
        body: Type.Partial(Type.Object(settingsSchema), { additionalProperties: false }),
        response: { 200: baselineSchema },
      },
      handler: async (request, reply) => {
        const { name } = request.params
        const place = await placeOf(request)
        const put = await baselines.put(place, name, readSettings(request.body), request.headers['if-match'])
        reply.header('etag', etagOf(put.revision))
        return toAnswer(put)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/baselines/:name/entities/:entity',
      config: { access: { action: 'siem:baseline:get', resource: ofBaseline } },
      schema: {
        summary: 'Tells how far a baseline knows an entity, and what it stated of it',
        tags,
        params: Type.Object({
          ws: Type.String(),
          name: Type.String(),
          entity: Type.String({ maxLength: 2 * SUBJECT_CHARS_MAX + 1 }),
        }),
        response: {
          200: Type.Object({
            entity: Type.String(),
            state: Type.Enum([...states]),
            progress: Type.Number(),
            deviations: Type.Array(deviationSchema, { description: 'Newest first.' }),
          }),
        },
      },
      handler: async (request) => {
        const { name, entity } = request.params
        const place = await placeOf(request)
        const report = await baselines.getEntity(place, name, entity)
        return { ...report, deviations: report.deviations.map(toDeviation) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/baselines/:name/deviations',
      config: { access: { action: 'siem:baseline:get', resource: ofBaseline } },
      schema: {
        summary: 'Lists what a baseline stated lately, and what its settings held back',
        tags,
        params: baselineParams,
        response: { 200: Type.Object({ items: Type.Array(deviationSchema, { description: 'Newest first.' }) }) },
      },
      handler: async (request) => {
        const { name } = request.params
        const place = await placeOf(request)
        return { items: (await baselines.listDeviations(place, name)).map(toDeviation) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/baselines/:name/offers',
      config: { access: { action: 'siem:baseline:get', resource: ofBaseline } },
      schema: {
        summary:
          'Offers settings under which a false alert would not have been, and tells what else they would have hidden',
        description: 'Nothing is changed: put the settings of an offer to apply it.',
        tags,
        params: baselineParams,
        querystring: Type.Object({
          alert: Type.String({ minLength: 1, maxLength: 128, description: 'Closed as `false_positive`.' }),
        }),
        response: {
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                kind: Type.Enum(['exclusion', 'threshold']),
                summary: Type.String(),
                settings: settingsAnswer,
                hides: Type.Object(
                  {
                    count: Type.Integer(),
                    entities: Type.Integer(),
                    examples: Type.Array(deviationSchema),
                  },
                  { description: 'Of the deviations that are remembered and made alerts.' },
                ),
              }),
            ),
          }),
        },
      },
      handler: async (request) => {
        const { name } = request.params
        const place = await placeOf(request)
        const offers = await baselines.offers(place, name, request.query.alert)
        return {
          items: offers.map(({ kind, summary, settings, hides }) => ({
            kind,
            summary,
            settings: toSettings(settings),
            hides: { ...hides, examples: hides.examples.map(toDeviation) },
          })),
        }
      },
    })
  }
}

function toAnswer({ baseline, settings, report }: BaselineState): Static<typeof baselineSchema> {
  const { name, title, version, watches, needs, learns, entity, severity, techniques, freezes } = baseline
  return {
    ...{ name, title, version, watches, needs, window: learns, severity, freezes },
    entity: [...entity],
    techniques: [...techniques],
    ...report,
    ...toSettings(settings),
  }
}

function toSettings({ enabled, threshold, exclusions }: BaselineSettings): Static<typeof settingsAnswer> {
  return {
    enabled,
    threshold,
    exclusions: exclusions.map(({ until, ...exclusion }) => ({
      ...exclusion,
      ...(until === undefined ? {} : { until: formatInstant(until) }),
    })),
  }
}

function readSettings({ exclusions, ...rest }: Partial<Static<typeof settingsAnswer>>): Partial<BaselineSettings> {
  if (exclusions === undefined) return rest
  return { ...rest, exclusions: exclusions.map(({ until, ...exclusion }) => ({ ...exclusion, ...readUntil(until) })) }
}

function readUntil(until: string | undefined): { readonly until?: number } {
  if (until === undefined) return {}
  const at = Date.parse(until)
  if (Number.isFinite(at)) return { until: at }
  throw baselineError('detection.baseline.untilUnreadable', `\`${until}\` is no time; write it as 2026-01-31T00:00:00Z`)
}

function toDeviation({ findingId: _, at, since, ...past }: PastDeviation): Static<typeof deviationSchema> {
  return { ...past, at: formatInstant(at), since: formatInstant(since) }
}
