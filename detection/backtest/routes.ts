import { Type } from 'typebox'
import {
  type Api,
  type Authorizer,
  contextOf,
  type Job,
  placesOf,
  type WorkspaceRouteDeps,
} from '../../platform/index.ts'
import { requireEventAccess } from '../event-access.ts'
import { BACKTEST_DAYS_MAX, BACKTEST_TEXT_BYTES_MAX, EXCLUSION_BYTES_MAX } from '../limits.ts'
import type { Backtests } from './backtests.ts'

export interface BacktestRouteDeps extends WorkspaceRouteDeps {
  readonly authorizer: Authorizer
}

const ofRule = 'arn:rampart:siem:{region}:{account}:rule/{ws}/{id}'
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const tags = ['rules']
const workspaceParams = Type.Object({ ws: Type.String() })
const ruleParams = Type.Object({ ws: Type.String(), id: Type.String() })
const days = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: BACKTEST_DAYS_MAX,
    default: 7,
    description: 'Events of so many days up to now.',
  }),
)
const queued = Type.Object({
  jobId: Type.String({
    description: '`GET /v1/jobs/{id}` tells how far it is, and at the end the result as `output`.',
  }),
  state: Type.String(),
})

/** Back-tests: of a stored rule, of a text, of an exclusion. */
export function backtestRoutes(backtests: Backtests, deps: BacktestRouteDeps) {
  return (api: Api): void => {
    const placeOf = placesOf(deps)
    /** What the caller may read of the workspace.   @throws detection.backtest.notAllowed */
    const boundsOf = async (request: Parameters<typeof placeOf>[0], spanDays: number) => {
      const { workspace } = await placeOf(request)
      return {
        ...{ workspace },
        ...backtests.window(spanDays),
        ...(await requireEventAccess(deps.authorizer, request, { workspace, what: 'a back-test' })),
      }
    }

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/rules/:id(^[^:]+)::backtest',
      config: { access: { action: 'siem:rule:backtest', resource: ofRule } },
      schema: {
        summary: 'Tries a stored rule, with its exclusions, on events that happened',
        tags,
        params: ruleParams,
        body: Type.Object({ days }, { additionalProperties: false }),
        response: { 202: queued },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const bounds = await boundsOf(request, request.body.days ?? 7)
        const job = await backtests.start(contextOf(request).principal.account, {
          ...bounds,
          what: { kind: 'rule', id },
        })
        return reply.code(202).send(toQueued(job))
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/rules::backtest',
      bodyLimit: 2 * BACKTEST_TEXT_BYTES_MAX,
      config: { access: { action: 'siem:rule:backtest', resource: ofWorkspace } },
      schema: {
        summary: 'Tries rules that are not stored on events that happened',
        description:
          'The body is Sigma YAML, of several documents if need be. Filters that are live narrow them, correlations find live rules.',
        tags,
        params: workspaceParams,
        querystring: Type.Object({ days }),
        response: { 202: queued },
      },
      handler: async (request, reply) => {
        const bounds = await boundsOf(request, request.query.days ?? 7)
        const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : JSON.stringify(request.body ?? '')
        const job = await backtests.start(contextOf(request).principal.account, {
          ...bounds,
          what: { kind: 'text', text },
        })
        return reply.code(202).send(toQueued(job))
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/rules/:id/exclusions/:name(^[^:]+)::preview',
      config: { access: { action: 'siem:rule:backtest', resource: ofRule } },
      schema: {
        summary: 'Tells what an exclusion would have hidden',
        description: 'A back-test of the matches that it would have left out, those of the other exclusions apart.',
        tags,
        params: Type.Object({ ws: Type.String(), id: Type.String(), name: Type.String() }),
        body: Type.Object(
          {
            filter: Type.String({ minLength: 1, maxLength: EXCLUSION_BYTES_MAX, description: 'A Sigma filter.' }),
            days,
          },
          { additionalProperties: false },
        ),
        response: { 202: queued },
      },
      handler: async (request, reply) => {
        const { id, name } = request.params
        const bounds = await boundsOf(request, request.body.days ?? 7)
        const job = await backtests.start(contextOf(request).principal.account, {
          ...bounds,
          what: { kind: 'exclusion', id, name, text: request.body.filter },
        })
        return reply.code(202).send(toQueued(job))
      },
    })
  }
}

function toQueued({ id, state }: Job) {
  return { jobId: id, state }
}
