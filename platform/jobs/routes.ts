import { Type } from 'typebox'
import { formatInstant } from '../base/clock.ts'
import type { Api } from '../http/api.ts'
import { contextOf } from '../http/guard.ts'
import { type FilterCompiler, filterQuery, listSchema, pageOf, pageQuery } from '../http/lists.ts'
import type { Jobs } from './jobs.ts'
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from './limits.ts'
import { type Job, jobStates } from './types.ts'

const jobSchema = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  state: Type.Enum([...jobStates]),
  progress: Type.Integer({ minimum: 0, maximum: 100, description: 'percent' }),
  note: Type.Optional(Type.String()),
  output: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
  attempts: Type.Integer(),
  createdAt: Type.String({ format: 'date-time' }),
  startedAt: Type.Optional(Type.String({ format: 'date-time' })),
  endedAt: Type.Optional(Type.String({ format: 'date-time' })),
})
const params = Type.Object({ id: Type.String() })
const tags = ['jobs']

/** `/v1/jobs`. */
export function jobRoutes(jobs: Jobs, { compileFilter }: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/jobs',
      config: { access: { action: 'platform:job:list', resource: 'arn:rampart:platform:{region}:{account}:job/*' } },
      schema: {
        summary: 'Lists jobs, newest first',
        tags,
        querystring: Type.Object({
          ...pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT }),
          ...filterQuery("state = 'failed'"),
        }),
        response: { 200: listSchema(jobSchema) },
      },
      handler: async (request) => {
        const { principal, now } = contextOf(request)
        const page = pageOf(request.query, { limit: PAGE_ITEMS_DEFAULT, compileFilter, now, toAnswer })
        const listed = await jobs.list(principal.account, page)
        return { ...listed, items: listed.items.map(toAnswer) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/jobs/:id',
      config: { access: { action: 'platform:job:get', resource: 'arn:rampart:platform:{region}:{account}:job/{id}' } },
      schema: { summary: 'How far a job is', tags, params, response: { 200: jobSchema } },
      handler: async (request) => toAnswer(await jobs.get(contextOf(request).principal.account, request.params.id)),
    })

    api.route({
      method: 'POST',
      url: '/v1/jobs/:id(^[^:]+)::cancel',
      config: {
        access: { action: 'platform:job:cancel', resource: 'arn:rampart:platform:{region}:{account}:job/{id}' },
      },
      schema: {
        summary: 'Cancels a job',
        description: 'A queued one at once; a running one is asked to stop, and is `cancelled` when it has.',
        tags,
        params,
        response: { 200: jobSchema },
      },
      handler: async (request) => toAnswer(await jobs.cancel(contextOf(request).principal.account, request.params.id)),
    })
  }
}

function toAnswer(job: Job) {
  const { account: _, createdAt, startedAt, endedAt, ...rest } = job
  return {
    ...rest,
    createdAt: formatInstant(createdAt),
    ...(startedAt === undefined ? {} : { startedAt: formatInstant(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: formatInstant(endedAt) }),
  }
}
