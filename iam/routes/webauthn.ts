import { Type } from 'typebox'
import { type Api, contextOf, formatInstant, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { WEBAUTHN_BODY_BYTES_MAX } from '../limits.ts'
import type { SecurityKey } from '../webauthn/webauthn.ts'
import { closed, nameParam } from './forms.ts'
import { optionsSchema, securityKeySchema } from './tokens.ts'

const keySchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  transports: Type.Array(Type.String()),
  backedUp: Type.Boolean({ description: 'It is kept on more than one device' }),
  createdAt: Type.String({ format: 'date-time' }),
  lastUsedAt: Type.Optional(Type.String({ format: 'date-time' })),
})

const keyForm = ({ createdAt, lastUsedAt, transports, ...key }: SecurityKey) => ({
  ...key,
  transports: [...transports],
  createdAt: formatInstant(createdAt),
  ...(lastUsedAt === undefined ? {} : { lastUsedAt: formatInstant(lastUsedAt) }),
})

const oneUser = 'arn:rampart:iam::{account}:user/{name}'
const tags = ['iam']

/** `/v1/iam/users/{name}/security-keys`: security keys and passkeys. */
export function webauthnRoutes({ webauthn }: Iam, { publicUrl }: { readonly publicUrl: () => string }) {
  const origin = () => URL.parse(publicUrl())?.origin ?? ''
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/users/:name/security-keys',
      config: { access: { action: 'iam:security-key:list', resource: oneUser } },
      schema: {
        summary: 'Lists the security keys of a user',
        tags,
        params: nameParam,
        response: { 200: listSchema(keySchema) },
      },
      handler: async (request) => ({
        items: (await webauthn.list(contextOf(request).principal.account, request.params.name)).map(keyForm),
      }),
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/users/:name/security-keys/options',
      config: { access: { action: 'iam:security-key:create', resource: oneUser } },
      schema: {
        summary: 'Begins to register a security key',
        description: 'For `PublicKeyCredential.parseCreationOptionsFromJSON`; good for five minutes and one answer.',
        tags,
        params: nameParam,
        response: { 200: optionsSchema },
      },
      handler: async (request, reply) => {
        reply.header('cache-control', 'no-store')
        return webauthn.beginRegistration(contextOf(request).principal.account, request.params.name, origin())
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/users/:name/security-keys',
      config: { access: { action: 'iam:security-key:create', resource: oneUser } },
      bodyLimit: WEBAUTHN_BODY_BYTES_MAX,
      schema: {
        summary: 'Registers a security key',
        description:
          'From here on the user signs in with a second factor, or by this key alone where it checks who holds it.',
        tags,
        params: nameParam,
        body: closed({ name: Type.String({ minLength: 1, maxLength: 64 }), response: securityKeySchema }),
        response: { 201: keySchema },
      },
      handler: async (request, reply) => {
        const given = { ...request.body, origin: origin() }
        const key = await webauthn.register(contextOf(request).principal.account, request.params.name, given)
        reply.code(201)
        return keyForm(key)
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/users/:name/security-keys/:key',
      config: { access: { action: 'iam:security-key:delete', resource: oneUser } },
      schema: {
        summary: 'Removes a security key',
        tags,
        params: closed({ name: Type.String(), key: Type.String() }),
      },
      handler: async (request, reply) => {
        await webauthn.remove(contextOf(request).principal.account, request.params.name, request.params.key)
        return reply.code(204).send()
      },
    })
  }
}
