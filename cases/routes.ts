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
import { type AlertAnswer, alertSchema } from './alert-forms.ts'
import type { Cases } from './cases.ts'
import { detectionFindingSchema } from './foreign-alert.ts'
import {
  COMMENT_CHARS_MAX,
  FOREIGN_FINDINGS_MAX,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  UPDATE_KEY_CHARS_MAX,
  VALUE_CHARS_MAX,
} from './limits.ts'
import { alertStates, verdicts } from './types.ts'

export interface AlertRouteDeps extends WorkspaceRouteDeps {
  readonly compileFilter: FilterCompiler
}

const workspaceParams = Type.Object({ ws: Type.String() })
const alertParams = Type.Object({ ws: Type.String(), id: Type.String() })
const page = pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT })
const ofAlert = 'arn:rampart:siem:{region}:{account}:alert/{ws}/{id}'
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['alerts']

/** `/v1/workspaces/{ws}/alerts`. */
export function alertRoutes(cases: Cases, deps: AlertRouteDeps) {
  const placeOf = placesOf(deps)
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/alerts',
      config: { access: { action: 'siem:alert:list', resource: ofWorkspace } },
      schema: {
        summary: 'Lists alerts, newest first',
        tags,
        params: workspaceParams,
        querystring: Type.Object({
          ...page,
          ...filterQuery("severity = 'high' and count > 3"),
        }),
        response: { 200: listSchema(alertSchema) },
      },
      handler: async (request) => {
        const ctx = contextOf(request)
        const wanted = { limit: PAGE_ITEMS_DEFAULT, ...deps, now: ctx.now, toAnswer: (alert: AlertAnswer) => alert }
        const { workspace } = await placeOf(request)
        return cases.listAlerts(ctx, workspace, pageOf(request.query, wanted))
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/alerts',
      config: { access: { action: 'siem:alert:put', resource: ofWorkspace } },
      schema: {
        summary: 'Takes alerts of other products',
        description:
          'OCSF Detection Findings, one or a list. The same `metadata.product` and `finding_info.uid` again updates the alert that is there.',
        tags,
        params: workspaceParams,
        body: Type.Union([
          detectionFindingSchema,
          Type.Array(detectionFindingSchema, { minItems: 1, maxItems: FOREIGN_FINDINGS_MAX }),
        ]),
        response: {
          200: Type.Object({ items: Type.Array(alertSchema, { description: 'In the order of the request.' }) }),
        },
      },
      handler: async (request) => {
        const ctx = contextOf(request)
        const findings = Array.isArray(request.body) ? request.body : [request.body]
        const { workspace } = await placeOf(request)
        return { items: await cases.putForeignAlerts(ctx, workspace, findings) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/alerts/:id',
      config: { access: { action: 'siem:alert:get', resource: ofAlert } },
      schema: { summary: 'Gets an alert', tags, params: alertParams, response: { 200: alertSchema } },
      handler: async (request, reply) => {
        const { alert, revision } = await cases.getAlert(contextOf(request), request.params.ws, request.params.id)
        reply.header('etag', etagOf(revision))
        return alert
      },
    })

    api.route({
      method: 'PATCH',
      url: '/v1/workspaces/:ws/alerts/:id',
      config: { access: { action: 'siem:alert:update', resource: ofAlert } },
      schema: {
        summary: 'Changes state, verdict or owner of an alert, or comments on it',
        tags,
        params: alertParams,
        headers: Type.Object({
          ...ifMatchHeader,
          'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: UPDATE_KEY_CHARS_MAX })),
        }),
        body: Type.Object(
          {
            state: Type.Optional(Type.Enum([...alertStates])),
            verdict: Type.Optional(Type.Union([Type.Enum([...verdicts]), Type.Null()])),
            owner: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: VALUE_CHARS_MAX }), Type.Null()])),
            comment: Type.Optional(Type.String({ minLength: 1, maxLength: COMMENT_CHARS_MAX })),
          },
          { additionalProperties: false, minProperties: 1 },
        ),
        response: { 200: alertSchema },
      },
      handler: async (request, reply) => {
        const ctx = contextOf(request)
        const key = request.headers['idempotency-key']
        const { alert, revision } = await cases.updateAlert(ctx, request.params.ws, request.params.id, request.body, {
          ifMatch: request.headers['if-match'],
          onceKey: key === undefined ? undefined : `${ctx.principal.arn} ${key}`,
        })
        reply.header('etag', etagOf(revision))
        return alert
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/alerts/:id/comments',
      config: { access: { action: 'siem:alert:get', resource: ofAlert } },
      schema: {
        summary: 'Lists the comments of an alert, oldest first',
        tags,
        params: alertParams,
        querystring: Type.Object(page),
        response: {
          200: listSchema(
            Type.Object({ id: Type.String(), at: Type.String(), author: Type.String(), text: Type.String() }),
          ),
        },
      },
      handler: async (request) => {
        const { ws, id } = request.params
        const listed = await cases.listComments(contextOf(request), ws, id, request.query)
        return { ...listed, items: listed.items.map((comment) => ({ ...comment, at: formatInstant(comment.at) })) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/alerts/:id/history',
      config: { access: { action: 'siem:alert:get', resource: ofAlert } },
      schema: {
        summary: 'Lists who moved what of an alert, oldest first',
        tags,
        params: alertParams,
        querystring: Type.Object(page),
        response: {
          200: listSchema(
            Type.Object({
              id: Type.String(),
              at: Type.String(),
              who: Type.String(),
              member: Type.Enum(['state', 'verdict', 'owner']),
              from: Type.String(),
              to: Type.String(),
              reason: Type.String(),
              requestId: Type.String(),
            }),
          ),
        },
      },
      handler: async (request) => {
        const { ws, id } = request.params
        const listed = await cases.listMoves(contextOf(request), ws, id, request.query)
        return { ...listed, items: listed.items.map((move) => ({ ...move, at: formatInstant(move.at) })) }
      },
    })
  }
}
