import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, formatInstant, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { IDENTITY_PROVIDER_AUDIENCES_MAX } from '../limits.ts'
import { requireName } from '../names.ts'
import { type IdentityProvider, identityAlgorithms } from '../web-identity/identity-providers.ts'
import { closed, listQuery, nameParam, page } from './forms.ts'

const jwksSchema = Type.Object({}, { additionalProperties: true, description: 'A JWK set of public keys' })
const algorithmsSchema = Type.Array(Type.Enum(identityAlgorithms), { minItems: 1, maxItems: identityAlgorithms.length })

const providerSchema = Type.Object({
  name: Type.String(),
  arn: Type.String({ description: 'What a trust policy names as `Federated`' }),
  issuer: Type.String(),
  audiences: Type.Array(Type.String()),
  algorithms: Type.Array(Type.String()),
  jwks: Type.Optional(jwksSchema),
  createdAt: Type.String({ format: 'date-time' }),
})

const providerForm = ({ account: _, createdAt, audiences, algorithms, ...provider }: IdentityProvider) => ({
  ...provider,
  audiences: [...audiences],
  algorithms: [...algorithms],
  createdAt: formatInstant(createdAt),
})

const everyProvider = 'arn:rampart:iam::{account}:oidc-provider/*'
const oneProvider = 'arn:rampart:iam::{account}:oidc-provider/{name}'
const tags = ['iam']

/** `/v1/iam/identity-providers`: OpenID Connect providers whose tokens are good for roles here. */
export function identityProviderRoutes({ identityProviders }: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/identity-providers',
      config: { access: { action: 'iam:identity-provider:list', resource: everyProvider } },
      schema: {
        summary: 'Lists identity providers',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(providerSchema) },
      },
      handler: async (request) => {
        const items = (await identityProviders.list(contextOf(request).principal.account)).map(providerForm)
        return page(items, request.query, { ...deps, placeOf: ({ name }) => name })
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/identity-providers/:name',
      config: { access: { action: 'iam:identity-provider:get', resource: oneProvider } },
      schema: { summary: 'Shows an identity provider', tags, params: nameParam, response: { 200: providerSchema } },
      handler: async (request) =>
        providerForm(await identityProviders.get(contextOf(request).principal.account, request.params.name)),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/identity-providers/:name',
      config: { access: { action: 'iam:identity-provider:create', resource: oneProvider } },
      schema: {
        summary: 'Makes or replaces an identity provider',
        description:
          'Its tokens are exchanged for credentials of roles by `AssumeRoleWithWebIdentity`. A trust policy names its ARN as `Federated`, with conditions on `<issuer>:sub`.',
        tags,
        params: nameParam,
        body: closed({
          issuer: Type.String({ maxLength: 512 }),
          audiences: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
            minItems: 1,
            maxItems: IDENTITY_PROVIDER_AUDIENCES_MAX,
          }),
          algorithms: Type.Optional(algorithmsSchema),
          jwks: Type.Optional(jwksSchema),
        }),
        response: { 200: providerSchema },
      },
      handler: async (request) => {
        const { name } = request.params
        requireName('identity provider', name)
        return providerForm(
          await identityProviders.put(contextOf(request).principal.account, { name, ...request.body }),
        )
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/identity-providers/:name',
      config: { access: { action: 'iam:identity-provider:delete', resource: oneProvider } },
      schema: { summary: 'Deletes an identity provider', tags, params: nameParam },
      handler: async (request, reply) => {
        await identityProviders.delete(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })
  }
}
