import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Api, auditAs } from '../../platform/index.ts'
import type { Iam, SignedIn } from '../iam.ts'
import { WEBAUTHN_BODY_BYTES_MAX } from '../limits.ts'
import { OPEN_SESSION } from '../sign-in.ts'
import { closed } from './forms.ts'

const accountId = Type.Optional(Type.String({ maxLength: 64, description: 'Default: the first account' }))
const tokenSchema = Type.Object({ accessToken: Type.String(), expiresAt: Type.String({ format: 'date-time' }) })
/** As the browser's `toJSON` gives it; the library reads it, member by member. */
export const securityKeySchema = Type.Object(
  {},
  { additionalProperties: true, description: 'Of `navigator.credentials`' },
)
/** In the words of W3C Web Authentication, which a browser takes as they are. */
export const optionsSchema = Type.Object({}, { additionalProperties: true })
const tags = ['iam']
const CHANGE_PASSWORD = 'iam:password:change'
const proofMembers = {
  accountId,
  userName: Type.String({ minLength: 1, maxLength: 128 }),
  password: Type.String({ minLength: 1, maxLength: 1024 }),
  mfaCode: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'Of the authenticator app, or a recovery code; each is good once',
    }),
  ),
  securityKey: Type.Optional(securityKeySchema),
}

function sourceOf(request: FastifyRequest) {
  const userAgent = request.headers['user-agent']
  return { sourceIp: request.ip, ...(userAgent === undefined ? {} : { userAgent }) }
}

/** `/v1/iam/tokens`: sign-ins. Each is audited; those that fail are counted by source, since nobody is known to try. */
export function tokenRoutes(iam: Iam, { publicUrl }: { readonly publicUrl: () => string }) {
  const origin = () => URL.parse(publicUrl())?.origin ?? ''
  const signIn = async (request: FastifyRequest, prove: () => Promise<SignedIn>) => {
    auditAs(request, { action: OPEN_SESSION })
    const { user, ...token } = await prove()
    auditAs(request, { action: OPEN_SESSION, caller: user, resources: [user.arn] })
    return token
  }
  return (api: Api): void => {
    api.route({
      method: 'POST',
      url: '/v1/iam/tokens',
      config: { access: { public: 'this is where a caller proves who it is' } },
      bodyLimit: WEBAUTHN_BODY_BYTES_MAX,
      schema: {
        summary: 'Signs a user in',
        description:
          'An access token for `Authorization: Bearer`, good for an hour. Where a second factor is missing, the refusal names the factors, and for a security key has `securityKeyOptions`.',
        tags,
        body: closed(proofMembers),
        response: { 200: tokenSchema },
      },
      handler: async (request, reply) => {
        const { mfaCode, ...given } = request.body
        reply.header('cache-control', 'no-store')
        return signIn(request, () =>
          iam.signIn({
            ...given,
            ...(mfaCode === undefined ? {} : { code: mfaCode }),
            origin: origin(),
            ...sourceOf(request),
          }),
        )
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/tokens/password',
      config: { access: { public: 'the present password says who asks, also where it is too old to sign in with' } },
      bodyLimit: WEBAUTHN_BODY_BYTES_MAX,
      schema: {
        summary: "Changes a user's own password",
        description: 'Ends every session of the user.',
        tags,
        body: closed({ ...proofMembers, newPassword: Type.String({ minLength: 1, maxLength: 1024 }) }),
      },
      handler: async (request, reply) => {
        const { mfaCode, ...given } = request.body
        auditAs(request, { action: CHANGE_PASSWORD })
        const user = await iam.changePassword({
          ...given,
          ...(mfaCode === undefined ? {} : { code: mfaCode }),
          origin: origin(),
          sourceIp: request.ip,
        })
        auditAs(request, { action: CHANGE_PASSWORD, caller: user, resources: [user.arn] })
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/tokens/passkey-options',
      config: { access: { public: 'this is where a caller begins to prove who it is' } },
      schema: {
        summary: 'Begins a sign-in by passkey',
        description: 'For `PublicKeyCredential.parseRequestOptionsFromJSON`; good for five minutes and one answer.',
        tags,
        body: closed({ accountId }),
        response: { 200: optionsSchema },
      },
      handler: async (request, reply) => {
        reply.header('cache-control', 'no-store')
        return iam.passkeyOptions(request.body.accountId, origin())
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/tokens/passkey',
      config: { access: { public: 'this is where a caller proves who it is' } },
      bodyLimit: WEBAUTHN_BODY_BYTES_MAX,
      schema: {
        summary: 'Signs a user in by passkey, without a password',
        tags,
        body: closed({ accountId, securityKey: securityKeySchema }),
        response: { 200: tokenSchema },
      },
      handler: async (request, reply) => {
        reply.header('cache-control', 'no-store')
        return signIn(request, () => iam.signInByPasskey({ ...request.body, origin: origin(), ...sourceOf(request) }))
      },
    })
  }
}
