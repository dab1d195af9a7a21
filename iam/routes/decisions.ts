import { Type } from 'typebox'
import { type Api, contextOf, formatInstant } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { closed } from './forms.ts'

/** `/v1/iam/decisions`: why a call was refused. */
export function decisionRoutes(iam: Iam) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/decisions/:id',
      config: { access: { action: 'iam:decision:get', resource: 'arn:rampart:iam::{account}:decision/{id}' } },
      schema: {
        summary: 'Explains the refusal behind a decision id',
        description:
          'Every layer that had a say, the statements that matched and those that nearly did. Layers whose policies the caller may not read (`iam:policy:get`; guardrails: the management account) are named in `redacted`.',
        tags: ['iam'],
        params: closed({ id: Type.String() }),
        response: {
          200: Type.Object({
            id: Type.String(),
            at: Type.String({ format: 'date-time' }),
            principal: Type.String(),
            action: Type.String(),
            resource: Type.String(),
            reason: Type.String(),
            redacted: Type.Array(Type.String()),
            explanation: Type.Optional(Type.Unknown()),
          }),
        },
      },
      handler: async (request) => {
        const { at, redacted, ...decision } = await iam.readDecision(contextOf(request).principal, request.params.id)
        return { ...decision, at: formatInstant(at), redacted: [...redacted] }
      },
    })
  }
}
