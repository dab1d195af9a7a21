import { Type } from 'typebox'
import type { Metrics } from '../metrics.ts'
import type { Api } from './api.ts'

export interface ProbeDeps {
  readonly metrics: Metrics
  /** What keeps the service from working, in words; undefined while it works. */
  readonly trouble: () => Promise<string | undefined>
}

const STATE = Type.Object({ status: Type.String(), detail: Type.Optional(Type.String()) })
const tags = ['service']

/** `/healthz`, `/readyz` and `/metrics`, for whatever watches the process. */
export function probeRoutes(deps: ProbeDeps) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/healthz',
      config: { access: { public: 'says only that the process answers' } },
      schema: { summary: 'Is the process alive?', tags, response: { 200: STATE } },
      handler: async () => ({ status: 'ok' }),
    })
    api.route({
      method: 'GET',
      url: '/readyz',
      config: { access: { public: 'says only whether the service can take work' } },
      schema: { summary: 'Can the service take work?', tags, response: { 200: STATE, 503: STATE } },
      handler: async (_, reply) => {
        const detail = await deps.trouble()
        if (detail === undefined) return { status: 'ok' }
        return reply.code(503).header('retry-after', '5').send({ status: 'unavailable', detail })
      },
    })
    api.route({
      method: 'GET',
      url: '/metrics',
      config: { access: { public: 'holds counts only, no names of tenants or people' } },
      schema: { summary: 'Counts for Prometheus', tags },
      handler: async (_, reply) => {
        const { contentType, text } = await deps.metrics.scrape()
        return reply.header('content-type', contentType).send(text)
      },
    })
  }
}
