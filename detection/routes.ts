import { Type } from 'typebox'
import {
  type Api,
  contextOf,
  etagOf,
  type FilterCompiler,
  filterQuery,
  formatInstant,
  ifMatchHeader,
  listSchema,
  pageOf,
  pageQuery,
  placesOf,
  type WorkspaceRouteDeps,
} from '../platform/index.ts'
import { detectionError } from './errors.ts'
import { IMPORT_PACKED_BYTES_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, RULE_FILE_BYTES_MAX } from './limits.ts'
import type { RuleRun, Rules } from './rules.ts'
import { type Problem, printProblem } from './sigma/problem.ts'
import { type RuleRevision, ruleChanges, ruleStates, type StoredRule } from './store.ts'
import { severities } from './types.ts'

export interface RuleRouteDeps extends WorkspaceRouteDeps {
  readonly compileFilter: FilterCompiler
}

const workspaceParams = Type.Object({ ws: Type.String() })
const ruleParams = Type.Object({ ws: Type.String(), id: Type.String() })
const ifMatch = Type.Object(ifMatchHeader)
const ofRule = 'arn:rampart:siem:{region}:{account}:rule/{ws}/{id}'
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['rules']
const page = pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT })
const SOURCE_NAME = '^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$'

const summary = {
  id: Type.String(),
  kind: Type.Enum(['rule', 'correlation', 'filter']),
  title: Type.String(),
  severity: Type.Enum([...severities]),
  state: Type.Enum([...ruleStates]),
  canary: Type.Optional(
    Type.Object({ until: Type.Optional(Type.String()), alertPercent: Type.Optional(Type.Integer()) }),
  ),
  revision: Type.Integer(),
  source: Type.Optional(Type.String({ description: 'The folder that it was synced from.' })),
  commit: Type.Optional(Type.String()),
  author: Type.String({ description: 'Who changed it last.' }),
  createdAt: Type.String(),
  updatedAt: Type.String(),
}
const runSchema = {
  state: Type.Enum([...ruleStates]),
  until: Type.Optional(
    Type.String({ format: 'date-time', description: 'Of a canary: from then on (by receipt) it alerts.' }),
  ),
  alertPercent: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 99, description: 'Of a canary: this share of its findings alerts already.' }),
  ),
}
const revisionSchema = Type.Object({
  revision: Type.Integer(),
  change: Type.Enum([...ruleChanges]),
  title: Type.String(),
  state: Type.Enum([...ruleStates]),
  author: Type.String(),
  at: Type.String(),
  source: Type.Optional(Type.String()),
  commit: Type.Optional(Type.String()),
  text: Type.String(),
})
const syncedSchema = { id: Type.String(), title: Type.String() }
const planSchema = Type.Object({
  source: Type.String(),
  commit: Type.Optional(Type.String()),
  previousCommit: Type.Optional(Type.String()),
  added: Type.Array(Type.Object({ ...syncedSchema, file: Type.String() })),
  changed: Type.Array(Type.Object({ ...syncedSchema, file: Type.String() })),
  removed: Type.Array(Type.Object(syncedSchema)),
  unchanged: Type.Integer(),
  tests: Type.Integer({ description: 'Tests of its rules that passed.' }),
  applied: Type.Boolean(),
})
const listedSchema = Type.Object(summary)
const ruleSchema = Type.Object({ ...summary, text: Type.String({ description: 'Sigma, as it was put.' }) })
const putSchema = Type.Object({
  ...summary,
  warnings: Type.Array(Type.String(), { description: 'What is doubtful in it, by line.' }),
})
const importSchema = Type.Object({
  imported: Type.Integer(),
  refused: Type.Array(
    Type.Object({
      file: Type.String(),
      id: Type.String(),
      title: Type.String(),
      reasons: Type.Array(Type.String()),
    }),
  ),
})

/** `/v1/workspaces/{ws}/rules`. */
export function ruleRoutes(rules: Rules, deps: RuleRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/rules/:id',
      bodyLimit: 16 * RULE_FILE_BYTES_MAX,
      config: { access: { action: 'siem:rule:put', resource: ofRule } },
      schema: {
        summary: 'Puts a Sigma rule, correlation or filter; it is live when this answers',
        description:
          'The body is one YAML document. Its `id`, where it has one, is that of the path. Without `state` it is run as it was before, a new one at once.',
        tags,
        params: ruleParams,
        headers: ifMatch,
        querystring: Type.Object({ ...runSchema, state: Type.Optional(runSchema.state) }),
        response: { 200: putSchema },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const { principal } = contextOf(request)
        const place = await placeOf(request)
        const { state } = request.query
        const { rule, warnings } = await rules.put(place, id, bodyText(request.body), {
          author: principal.arn,
          ifMatch: request.headers['if-match'],
          ...(state === undefined ? {} : { run: readRun({ ...request.query, state }) }),
        })
        reply.header('etag', etagOf(rule.revision))
        return { ...toAnswer(rule), warnings: warnings.map((warning: Problem) => printProblem(warning)) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules/:id',
      config: { access: { action: 'siem:rule:get', resource: ofRule } },
      schema: { summary: 'Gets a rule', tags, params: ruleParams, response: { 200: ruleSchema } },
      handler: async (request, reply) => {
        const { id } = request.params
        const rule = await rules.get(await placeOf(request), id)
        reply.header('etag', etagOf(rule.revision))
        return { ...toAnswer(rule), text: rule.text }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules',
      config: { access: { action: 'siem:rule:list', resource: ofWorkspace } },
      schema: {
        summary: 'Lists rules by id',
        tags,
        params: workspaceParams,
        querystring: Type.Object({
          ...page,
          ...filterQuery("severity = 'high' and kind = 'correlation'"),
        }),
        response: { 200: listSchema(listedSchema) },
      },
      handler: async (request) => {
        const { now } = contextOf(request)
        const place = await placeOf(request)
        const page = pageOf(request.query, { limit: PAGE_ITEMS_DEFAULT, ...deps, now, toAnswer })
        const listed = await rules.list(place, page)
        return { ...listed, items: listed.items.map(toAnswer) }
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/rules/:id',
      config: { access: { action: 'siem:rule:delete', resource: ofRule } },
      schema: {
        summary: 'Deletes a rule; it matches nothing more when this answers',
        tags,
        params: ruleParams,
        headers: ifMatch,
        response: { 204: Type.Null() },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const { principal } = contextOf(request)
        const edit = { author: principal.arn, ifMatch: request.headers['if-match'] }
        await rules.delete(await placeOf(request), id, edit)
        return reply.code(204).send(null)
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/rules::import',
      bodyLimit: IMPORT_PACKED_BYTES_MAX,
      config: { access: { action: 'siem:rule:put', resource: ofWorkspace } },
      schema: {
        summary: 'Imports a folder of rules',
        description:
          'The body is a .tar.gz of a tree. What can be used is taken together; the rest is told, with reasons.',
        tags,
        params: workspaceParams,
        response: { 200: importSchema },
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const place = await placeOf(request)
        const { imported, refused } = await rules.import(place, bodyBytes(request.body), { author: principal.arn })
        return { imported, refused: refused.map((refusal) => ({ ...refusal, reasons: [...refusal.reasons] })) }
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/rules/:id/state',
      config: { access: { action: 'siem:rule:put', resource: ofRule } },
      schema: {
        summary: 'Enables a rule, tries it out as a canary, or disables it',
        description:
          'A canary looks at all events; what it finds is counted and listed (`canary-findings`) and becomes no alert.',
        tags,
        params: ruleParams,
        headers: ifMatch,
        body: Type.Object(runSchema, { additionalProperties: false }),
        response: { 200: listedSchema },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const { principal } = contextOf(request)
        const edit = { author: principal.arn, ifMatch: request.headers['if-match'] }
        const rule = await rules.run(await placeOf(request), id, readRun(request.body), edit)
        reply.header('etag', etagOf(rule.revision))
        return toAnswer(rule)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/rules/:id/revisions',
      config: { access: { action: 'siem:rule:get', resource: ofRule } },
      schema: {
        summary: 'Lists the forms that a rule had, newest first, also of a deleted one',
        tags,
        params: ruleParams,
        querystring: Type.Object(page),
        response: {
          200: listSchema(revisionSchema),
        },
      },
      handler: async (request) => {
        const { limit = PAGE_ITEMS_DEFAULT, cursor } = request.query
        const { id } = request.params
        const part = { limit, ...(cursor === undefined ? {} : { cursor }) }
        const listed = await rules.listRevisions(await placeOf(request), id, part)
        return { ...listed, items: listed.items.map(toRevision) }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/rules/:id(^[^:]+)::rollback',
      config: { access: { action: 'siem:rule:put', resource: ofRule } },
      schema: {
        summary: 'Puts a form that the rule had before, as a new revision',
        tags,
        params: ruleParams,
        headers: ifMatch,
        body: Type.Object({ revision: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
        response: { 200: listedSchema },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const { principal } = contextOf(request)
        const edit = { author: principal.arn, ifMatch: request.headers['if-match'] }
        const place = await placeOf(request)
        const rule = await rules.rollBack(place, id, request.body.revision, edit)
        reply.header('etag', etagOf(rule.revision))
        return toAnswer(rule)
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/rules::sync',
      bodyLimit: IMPORT_PACKED_BYTES_MAX,
      config: { access: { action: 'siem:rule:put', resource: ofWorkspace } },
      schema: {
        summary: 'Makes the rules that came from a folder equal to the folder',
        description:
          'The body is a .tar.gz of the folder. All of it or nothing; rules that did not come from this folder are left alone.',
        tags,
        params: workspaceParams,
        querystring: Type.Object({
          source: Type.String({ pattern: SOURCE_NAME, description: 'Names the folder.' }),
          commit: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
          dryRun: Type.Optional(Type.Boolean({ default: false, description: 'Only tell what would change.' })),
          adopt: Type.Optional(
            Type.Boolean({ default: false, description: 'Take over rules of the same ids that were put by hand.' }),
          ),
          newState: Type.Optional(Type.Enum([...ruleStates], { default: 'enabled' })),
        }),
        response: { 200: planSchema },
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const place = await placeOf(request)
        const { source, commit, dryRun = false, adopt = false, newState = 'enabled' } = request.query
        const plan = await rules.sync(place, {
          ...{ source, dryRun, adopt, newState },
          ...(commit === undefined ? {} : { commit }),
          archive: bodyBytes(request.body),
          author: principal.arn,
        })
        return { ...plan, added: [...plan.added], changed: [...plan.changed], removed: [...plan.removed] }
      },
    })
  }
}

/** @throws detection.rule.badRun */
function readRun({
  state,
  until,
  alertPercent,
}: {
  readonly state: RuleRun['state']
  readonly until?: string
  readonly alertPercent?: number
}): RuleRun {
  if (state !== 'canary') {
    if (until === undefined && alertPercent === undefined) return { state }
    throw detectionError('detection.rule.badRun', '`until` and `alertPercent` are for the state `canary`')
  }
  const untilAt = until === undefined ? undefined : Date.parse(until)
  return {
    state,
    canary: {
      ...(untilAt === undefined ? {} : { untilAt }),
      ...(alertPercent === undefined ? {} : { alertPercent }),
    },
  }
}

function toAnswer({ canary, text: _, createdAt, updatedAt, ...rule }: StoredRule) {
  return {
    ...rule,
    ...(canary ? { canary: toCanary(canary) } : {}),
    createdAt: formatInstant(createdAt),
    updatedAt: formatInstant(updatedAt),
  }
}

function toCanary({ untilAt, alertPercent }: NonNullable<StoredRule['canary']>) {
  return {
    ...(untilAt === undefined ? {} : { until: formatInstant(untilAt) }),
    ...(alertPercent === undefined ? {} : { alertPercent }),
  }
}

function toRevision({ id: _, at, ...revision }: RuleRevision) {
  return { ...revision, at: formatInstant(at) }
}

function bodyBytes(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

/** A body as text, however it was sent. */
export function bodyText(body: unknown): string {
  // A rule sent as JSON is YAML, too, but arrives parsed.
  return Buffer.isBuffer(body) ? body.toString('utf8') : JSON.stringify(body ?? '')
}
