import { Type } from 'typebox'
import { type Api, contextOf } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { PASSWORD_HISTORY_MAX, PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '../limits.ts'
import { closed } from './forms.ts'

const policySchema = closed({
  lengthMin: Type.Integer({ minimum: PASSWORD_LENGTH_MIN, maximum: PASSWORD_LENGTH_MAX }),
  historyCount: Type.Integer({
    minimum: 0,
    maximum: PASSWORD_HISTORY_MAX,
    description: 'How many passwords back none may come again',
  }),
  ageDaysMax: Type.Integer({ minimum: 0, maximum: 3_650, description: '0: passwords do not age' }),
  failuresMax: Type.Integer({
    minimum: 1,
    maximum: 20,
    description: 'Failed sign-ins of one user from one address before that pair is locked out',
  }),
  lockoutMinutes: Type.Integer({ minimum: 1, maximum: 1_440 }),
})

const resource = 'arn:rampart:iam::{account}:password-policy/default'
const tags = ['iam']

/** `/v1/iam/password-policy`. */
export function passwordPolicyRoutes({ passwordPolicies }: Iam) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/password-policy',
      config: { access: { action: 'iam:password-policy:get', resource } },
      schema: { summary: 'Shows what the account demands of passwords', tags, response: { 200: policySchema } },
      handler: async (request) => passwordPolicies.get(contextOf(request).principal.account),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/password-policy',
      config: { access: { action: 'iam:password-policy:put', resource } },
      schema: {
        summary: 'Says what the account demands of passwords',
        description: 'Length and history count from the next new password on, age and lock-out from the next sign-in.',
        tags,
        body: policySchema,
        response: { 200: policySchema },
      },
      handler: async (request) => passwordPolicies.put(contextOf(request).principal.account, request.body),
    })
  }
}
