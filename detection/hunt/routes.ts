import { Type } from 'typebox'
import { type AccountId, type Api, type Authorizer, placesOf, type WorkspaceRouteDeps } from '../../platform/index.ts'
import { requireEventAccess } from '../event-access.ts'
import { HUNT_DAYS_DEFAULT, HUNT_DAYS_MAX } from '../limits.ts'
import type { Hunts } from './hunts.ts'

/** `POST /v1/workspaces/{ws}/indicators/{id}:hunt`. */
export function huntRoutes(
  hunts: Hunts,
  deps: WorkspaceRouteDeps & {
    readonly authorizer: Authorizer
    /** @throws what the caller is told where there is no such indicator */
    readonly requireIndicator: (account: AccountId, workspace: string, id: string) => Promise<unknown>
  },
) {
  const placeOf = placesOf(deps)
  return (api: Api): void => {
    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/indicators/:id(^[^:]+)::hunt',
      config: {
        access: { action: 'siem:indicator:hunt', resource: 'arn:rampart:siem:{region}:{account}:indicator/{ws}/{id}' },
      },
      schema: {
        summary: 'Searches stored events for an indicator',
        description:
          'Of the pipes that the caller may search. The answer names a job; `GET /v1/jobs/{id}` tells how far it is, and at the end the counts as `output`. What is found becomes alerts, each record once.',
        tags: ['indicators'],
        params: Type.Object({ ws: Type.String(), id: Type.String() }),
        body: Type.Object(
          { days: Type.Optional(Type.Integer({ minimum: 1, maximum: HUNT_DAYS_MAX, default: HUNT_DAYS_DEFAULT })) },
          { additionalProperties: false },
        ),
        response: { 202: Type.Object({ jobId: Type.String() }) },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const { account, workspace } = await placeOf(request)
        await deps.requireIndicator(account, workspace, id)
        const { days = HUNT_DAYS_DEFAULT } = request.body
        const hidden = await requireEventAccess(deps.authorizer, request, { workspace, what: 'a hunt' })
        const job = await hunts.start(account, { workspace, ids: [id], days, ...hidden })
        return reply.code(202).send({ jobId: job.id })
      },
    })
  }
}
