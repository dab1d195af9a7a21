import { Type } from 'typebox'
import type { Api } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { closed } from './forms.ts'

/** `POST /v1/iam/tokens`. */
export function tokenRoutes(iam: Iam) {
  return (api: Api): void => {
    api.route({
      method: 'POST',
      url: '/v1/iam/tokens',
      config: { access: { public: 'this is where a caller proves who it is' } },
      bodyLimit: 16 * 1024,
      schema: {
        summary: 'Signs a user in',
        description: 'An access token for `Authorization: Bearer`, good for an hour.',
        tags: ['iam'],
        body: closed({
          accountId: Type.Optional(Type.String({ maxLength: 64, description: 'Default: the first account' })),
          userName: Type.String({ minLength: 1, maxLength: 128 }),
          password: Type.String({ minLength: 1, maxLength: 1024 }),
          mfaCode: Type.Optional(
            Type.String({
              maxLength: 64,
              description: 'Of the authenticator app, or a recovery code; each is good once',
            }),
          ),
        }),
        response: {
          200: Type.Object({ accessToken: Type.String(), expiresAt: Type.String({ format: 'date-time' }) }),
        },
      },
      handler: async (request, reply) => {
        const { accountId, userName, password, mfaCode } = request.body
        reply.header('cache-control', 'no-store')
        return iam.signIn({
          ...(accountId === undefined ? {} : { accountId }),
          userName,
          password,
          ...(mfaCode === undefined ? {} : { mfaCode }),
          sourceIp: request.ip,
        })
      },
    })
  }
}
