import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import {
  type AccountId,
  type Api,
  contextOf,
  type FilterCompiler,
  filterQuery,
  ifMatchHeader,
  type ListPage,
  listSchema,
  pageOf,
  pageQuery,
  parseAccountId,
  placesOf,
  RampartError,
  type WorkspaceRouteDeps,
} from '../platform/index.ts'
import type { Approvals } from './approvals.ts'
import { playbookError } from './errors.ts'
import type { Library } from './library.ts'
import { HOOK_BODY_BYTES_MAX, SOURCE_BYTES_MAX } from './limits.ts'
import { asInputs, type RunSummary, type Runs } from './runs.ts'
import type { Triggers } from './triggers.ts'
import { failureCodes, runStatuses, stepStatuses } from './types.ts'

export interface PlaybookRouteDeps extends WorkspaceRouteDeps {
  readonly library: Library
  readonly runs: Runs
  readonly approvals: Approvals
  readonly triggers: Triggers
  readonly compileFilter: FilterCompiler
}

const PAGE_ITEMS_MAX = 200
const PAGE_ITEMS_DEFAULT = 50

const text = (description?: string) => Type.String(description === undefined ? {} : { description })
const instant = Type.String({ format: 'date-time' })
const anything = Type.Unknown()
const object = Type.Record(Type.String(), Type.Unknown())

const workspaceParams = Type.Object({ ws: Type.String() })
const playbookParams = Type.Object({ ws: Type.String(), id: Type.String() })
const runParams = Type.Object({ ws: Type.String(), id: Type.String() })
const runOfPlaybookParams = Type.Object({ ws: Type.String(), playbook: Type.String(), id: Type.String() })
const listQuery = Type.Object(
  {
    ...pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT }),
    ...filterQuery("status = 'failed'"),
  },
  { additionalProperties: false },
)
const keyHeaders = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) })

const problemPlaces = Type.Array(
  Type.Object({ path: Type.String(), line: Type.Integer(), column: Type.Integer(), message: Type.String() }),
)
const failure = Type.Object({
  code: Type.Enum([...failureCodes]),
  message: Type.String(),
  step: Type.Optional(Type.String()),
  details: Type.Optional(object),
})
const stepSchema = Type.Object({
  id: Type.String(),
  status: Type.Enum([...stepStatuses]),
  attempts: Type.Integer(),
  startedAt: Type.Optional(instant),
  endedAt: Type.Optional(instant),
  input: Type.Optional(object),
  output: Type.Optional(anything),
  error: Type.Optional(failure),
  approvalId: Type.Optional(Type.String()),
})
const summaryMembers = {
  runId: Type.String(),
  playbookId: Type.String(),
  revision: Type.String(),
  status: Type.Enum([...runStatuses]),
  trigger: Type.Optional(Type.String()),
  startedBy: Type.String(),
  createdAt: instant,
  endedAt: Type.Optional(instant),
}
const runSchema = Type.Object({
  ...summaryMembers,
  steps: Type.Array(stepSchema),
  inputs: object,
  outputs: Type.Optional(object),
  error: Type.Optional(failure),
  reason: Type.Optional(Type.String()),
})
const approvalSchema = Type.Object({
  id: Type.String(),
  playbookId: Type.String(),
  runId: Type.String(),
  stepId: Type.String(),
  state: Type.Enum(['open', 'approved', 'rejected', 'expired', 'cancelled']),
  title: Type.String(),
  text: Type.Optional(Type.String()),
  show: Type.Array(Type.Object({ expression: Type.String(), value: anything })),
  approvers: Type.Object({
    anyOf: Type.Array(Type.String()),
    count: Type.Integer(),
    notInitiator: Type.Boolean(),
    mfa: Type.Boolean(),
  }),
  initiator: Type.String(),
  decisions: Type.Array(
    Type.Object({
      by: Type.String(),
      decision: Type.Enum(['approve', 'reject']),
      at: instant,
      comment: Type.Optional(Type.String()),
    }),
  ),
  askedAt: instant,
  expiresAt: instant,
  decidedAt: Type.Optional(instant),
})

const ofPlaybook = 'arn:rampart:soar:{region}:{account}:playbook/{ws}/{id}'
const ofWorkspace = 'arn:rampart:soar:{region}:{account}:workspace/{ws}'
const ofRun = 'arn:rampart:soar:{region}:{account}:run/{ws}/{id}'
const ofApproval = 'arn:rampart:soar:{region}:{account}:approval/{ws}/{id}'
const tags = ['playbooks']

/** `/v1/workspaces/{ws}/playbooks`, `…/runs`, `…/approvals`, and `/v1/hooks`. */
export function playbookRoutes(deps: PlaybookRouteDeps) {
  return (api: Api): void => {
    playbooks(api, deps)
    runs(api, deps)
    approvals(api, deps)
    hooks(api, deps)
  }
}

/** The page that is asked for; a filter speaks of items as they are answered. */
function pageIn<Item extends object>(
  request: FastifyRequest & { readonly query: Static<typeof listQuery> },
  { compileFilter }: PlaybookRouteDeps,
): ListPage<Item> {
  const { now } = contextOf(request)
  return pageOf(request.query, { limit: PAGE_ITEMS_DEFAULT, compileFilter, now, toAnswer: (item: Item) => item })
}

function playbooks(api: Api, deps: PlaybookRouteDeps): void {
  const { library } = deps
  const placeOf = placesOf(deps)

  api.route({
    method: 'PUT',
    url: '/v1/workspaces/:ws/playbooks/:id',
    config: { access: { action: 'soar:playbook:put', resource: ofPlaybook } },
    bodyLimit: SOURCE_BYTES_MAX + 1024,
    schema: {
      summary: 'Saves a playbook and makes it live',
      description: 'The body is the playbook as YAML. What is wrong with it is told all at once, each with its place.',
      tags,
      consumes: ['application/yaml'],
      params: playbookParams,
      headers: Type.Object(ifMatchHeader),
      response: {
        200: Type.Object({
          id: Type.String(),
          revision: text('SHA-256 of the canonical form'),
          triggers: Type.Array(
            Type.Object({
              id: Type.String(),
              url: Type.Optional(Type.String()),
              token: Type.Optional(text('told once')),
            }),
          ),
          warnings: problemPlaces,
        }),
      },
    },
    handler: async (request, reply) => {
      const ctx = contextOf(request)
      const { ws, id } = request.params
      await placeOf(request)
      const source = sourceOf(request.body)
      const answer = await library.put(ctx, ws, id, source, request.headers['if-match'])
      reply.header('etag', `"${answer.revision}"`)
      return { ...answer, triggers: [...answer.triggers], warnings: [...answer.warnings] }
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/playbooks/:id',
    config: { access: { action: 'soar:playbook:get', resource: ofPlaybook } },
    schema: {
      summary: 'Gets a playbook',
      tags,
      params: playbookParams,
      response: {
        200: Type.Object({
          id: Type.String(),
          name: Type.String(),
          description: Type.Optional(Type.String()),
          revision: Type.String(),
          source: text('the YAML as it was saved'),
          triggers: Type.Array(
            Type.Object({
              id: Type.String(),
              kind: Type.Enum(['alert', 'webhook', 'manual']),
              url: Type.Optional(Type.String()),
            }),
          ),
          updatedAt: instant,
          updatedBy: Type.String(),
        }),
      },
    },
    handler: async (request, reply) => {
      const { ws, id } = request.params
      const answer = await library.get(contextOf(request).principal.account, ws, id)
      reply.header('etag', `"${answer.revision}"`)
      return { ...answer, triggers: [...answer.triggers] }
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/playbooks',
    config: { access: { action: 'soar:playbook:list', resource: ofWorkspace } },
    schema: {
      summary: 'Lists playbooks',
      tags,
      params: workspaceParams,
      querystring: listQuery,
      response: {
        200: listSchema(
          Type.Object({
            id: Type.String(),
            name: Type.String(),
            revision: Type.String(),
            updatedAt: instant,
            updatedBy: Type.String(),
          }),
        ),
      },
    },
    handler: async (request) => {
      const { account, workspace } = await placeOf(request)
      return library.list(account, workspace, pageIn(request, deps))
    },
  })

  api.route({
    method: 'DELETE',
    url: '/v1/workspaces/:ws/playbooks/:id',
    config: { access: { action: 'soar:playbook:delete', resource: ofPlaybook } },
    schema: {
      summary: 'Takes a playbook out of use; runs under way end as they began',
      tags,
      params: playbookParams,
      response: { 204: Type.Null() },
    },
    handler: async (request, reply) => {
      const { ws, id } = request.params
      await library.delete(contextOf(request).principal.account, ws, id)
      return reply.code(204).send(null)
    },
  })

  api.route({
    method: 'POST',
    url: '/v1/workspaces/:ws/playbooks/:id/triggers/:trigger(^[^:]+)::rotate',
    config: { access: { action: 'soar:playbook:put', resource: ofPlaybook } },
    schema: {
      summary: 'Gives a webhook another token; the old one is refused from then on',
      tags,
      params: Type.Object({ ws: Type.String(), id: Type.String(), trigger: Type.String() }),
      response: { 200: Type.Object({ token: text('told once') }) },
    },
    handler: async (request) => {
      const { ws, id, trigger } = request.params
      return library.rotateToken(contextOf(request).principal.account, ws, id, trigger)
    },
  })
}

/** No body at all reads as one without members. */
async function bodyMayBeAbsent(request: { body: unknown }): Promise<void> {
  request.body ??= {}
}

function sourceOf(body: unknown): string {
  if (body instanceof Buffer) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(body)
    } catch {
      throw playbookError('playbooks.playbook.invalid', 'the body is not UTF-8')
    }
  }
  throw playbookError('playbooks.playbook.invalid', 'send the playbook as YAML, with Content-Type: application/yaml')
}

function runs(api: Api, deps: PlaybookRouteDeps): void {
  const { runs } = deps
  const placeOf = placesOf(deps)

  api.route({
    method: 'POST',
    url: '/v1/workspaces/:ws/playbooks/:id/runs',
    config: { access: { action: 'soar:playbook:run', resource: ofPlaybook } },
    schema: {
      summary: 'Starts a run',
      description: 'The same Idempotency-Key gives the same run.',
      tags,
      params: playbookParams,
      headers: keyHeaders,
      body: Type.Object({ inputs: Type.Optional(object) }, { additionalProperties: false }),
      response: { 201: Type.Object({ runId: Type.String() }) },
    },
    preValidation: bodyMayBeAbsent,
    handler: async (request, reply) => {
      const { ws, id } = request.params
      const inputs = asInputs(request.body.inputs)
      const runId = await runs.startByHand(contextOf(request), ws, id, inputs, request.headers['idempotency-key'])
      return reply.code(201).send({ runId })
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/runs',
    config: { access: { action: 'soar:run:list', resource: ofWorkspace } },
    schema: {
      summary: 'Lists runs, newest first',
      tags,
      params: workspaceParams,
      querystring: listQuery,
      response: { 200: listSchema(Type.Object(summaryMembers)) },
    },
    handler: async (request) => {
      const { account, workspace } = await placeOf(request)
      return runs.list(account, workspace, pageIn(request, deps))
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/playbooks/:id/runs',
    config: { access: { action: 'soar:run:list', resource: ofPlaybook } },
    schema: {
      summary: 'Lists the runs of a playbook, newest first',
      tags,
      params: playbookParams,
      querystring: listQuery,
      response: { 200: listSchema(Type.Object(summaryMembers)) },
    },
    handler: async (request) => {
      const { ws, id } = request.params
      const { account } = contextOf(request).principal
      return runs.list(account, ws, { ...pageIn<RunSummary>(request, deps), playbookId: id })
    },
  })

  const cancelled = Type.Object({ runId: Type.String() })
  const retryQuery = Type.Object(
    { from: Type.Optional(Type.Enum(['failed', 'start'])) },
    { additionalProperties: false },
  )

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/runs/:id',
    config: { access: { action: 'soar:run:get', resource: ofRun } },
    schema: { summary: 'Gets a run with its steps', tags, params: runParams, response: { 200: runSchema } },
    handler: async (request) => {
      const { ws, id } = request.params
      return runs.get(contextOf(request).principal.account, ws, id) as never
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/playbooks/:playbook/runs/:id',
    config: { access: { action: 'soar:run:get', resource: ofRun } },
    schema: { summary: 'Gets a run of a playbook', tags, params: runOfPlaybookParams, response: { 200: runSchema } },
    handler: async (request) => {
      const { ws, playbook, id } = request.params
      const run = await runs.get(contextOf(request).principal.account, ws, id)
      if (run.playbookId !== playbook)
        throw playbookError('playbooks.run.notFound', `no run \`${id}\` of \`${playbook}\``)
      return run as never
    },
  })

  api.route({
    method: 'POST',
    url: '/v1/workspaces/:ws/runs/:id(^[^:]+)::cancel',
    config: { access: { action: 'soar:run:cancel', resource: ofRun } },
    schema: {
      summary: 'Ends a run: nothing new begins, attempts under way are aborted',
      tags,
      params: runParams,
      response: { 202: cancelled },
    },
    handler: async (request, reply) => {
      const { ws, id } = request.params
      await runs.cancel(contextOf(request), ws, id)
      return reply.code(202).send({ runId: id })
    },
  })

  api.route({
    method: 'POST',
    url: '/v1/workspaces/:ws/runs/:id(^[^:]+)::retry',
    config: { access: { action: 'soar:run:retry', resource: ofRun } },
    schema: {
      summary: 'Starts a new run from the first step that did not succeed, on the same revision',
      tags,
      params: runParams,
      querystring: retryQuery,
      headers: keyHeaders,
      response: { 201: Type.Object({ runId: Type.String() }) },
    },
    handler: async (request, reply) => {
      const { ws, id } = request.params
      const from = request.query.from === 'start' ? 'start' : 'failed'
      const runId = await runs.retry(contextOf(request), ws, id, from, request.headers['idempotency-key'])
      return reply.code(201).send({ runId })
    },
  })
}

function approvals(api: Api, deps: PlaybookRouteDeps): void {
  const { approvals } = deps
  const placeOf = placesOf(deps)

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/approvals',
    config: { access: { action: 'soar:approval:list', resource: ofWorkspace } },
    schema: {
      summary: 'Lists approvals, newest first',
      tags,
      params: workspaceParams,
      querystring: listQuery,
      response: { 200: listSchema(approvalSchema) },
    },
    handler: async (request) => {
      const { account, workspace } = await placeOf(request)
      return (await approvals.list(account, workspace, pageIn(request, deps))) as never
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/approvals/:id',
    config: { access: { action: 'soar:approval:get', resource: ofApproval } },
    schema: { summary: 'Gets an approval', tags, params: runParams, response: { 200: approvalSchema } },
    handler: async (request) => {
      const { ws, id } = request.params
      return (await approvals.get(contextOf(request).principal.account, ws, id)) as never
    },
  })

  for (const decision of ['approve', 'reject'] as const) {
    api.route({
      method: 'POST',
      url: `/v1/workspaces/:ws/approvals/:id(^[^:]+)::${decision}`,
      config: { access: { action: 'soar:approval:decide', resource: ofApproval } },
      schema: {
        summary: decision === 'approve' ? 'Approves' : 'Rejects',
        tags,
        params: runParams,
        body: Type.Object(
          { comment: Type.Optional(Type.String({ maxLength: 4096 })) },
          { additionalProperties: false },
        ),
        response: { 200: approvalSchema },
      },
      preValidation: bodyMayBeAbsent,
      handler: async (request) => {
        const { ws, id } = request.params
        return (await approvals.decide(contextOf(request), ws, id, decision, request.body.comment)) as never
      },
    })
  }
}

function hooks(api: Api, { triggers }: PlaybookRouteDeps): void {
  api.route({
    method: 'POST',
    url: '/v1/hooks/:accountId/:ws/:path',
    config: { access: { public: 'the trigger token authenticates, compared in constant time' } },
    bodyLimit: HOOK_BODY_BYTES_MAX,
    schema: {
      summary: 'Calls a webhook trigger',
      description:
        'With `Authorization: Bearer <trigger token>`. 202 once the run is durable; no runId where a throttle holds it.',
      tags,
      params: Type.Object({ accountId: Type.String(), ws: Type.String(), path: Type.String() }),
      response: { 202: Type.Object({ runId: Type.Optional(Type.String()) }) },
    },
    handler: async (request, reply) => {
      const { accountId, ws, path } = request.params
      const fired = await triggers.callHook({
        account: tryAccount(accountId),
        workspace: ws,
        path,
        authorization: request.headers.authorization,
        headers: plainHeaders(request.headers),
        body: request.rawBody ?? Buffer.alloc(0),
        idempotencyKey: headerText(request.headers['idempotency-key']),
      })
      return reply.code(202).send(fired)
    },
  })
}

function tryAccount(accountId: string): AccountId | undefined {
  try {
    return parseAccountId(accountId)
  } catch (error) {
    if (error instanceof RampartError) return undefined
    throw error
  }
}

function plainHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerText(value) ?? '']))
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.slice(0, 4096) : value?.join(', ').slice(0, 4096)
}
