import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, formatInstant, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { type App, authMethods, grantTypes } from '../oidc/app-registrations.ts'
import { closed, listQuery, page } from './forms.ts'

const every = 'arn:rampart:iam::{account}:app-registration/*'
const one = 'arn:rampart:iam::{account}:app-registration/{id}'
const tags = ['iam']
const idParam = closed({ id: Type.String() })
const uris = Type.Array(Type.String({ maxLength: 2048 }), { maxItems: 50 })

const properties = {
  name: Type.String({ minLength: 1, maxLength: 128, description: 'Shown to users who sign in' }),
  applicationType: Type.Union([Type.Literal('web'), Type.Literal('native')]),
  redirectUris: uris,
  postLogoutRedirectUris: uris,
  grantTypes: Type.Array(Type.Enum([...grantTypes]), { maxItems: 4, uniqueItems: true }),
  authMethod: Type.Enum([...authMethods]),
}

const body = closed({
  name: properties.name,
  applicationType: Type.Optional(properties.applicationType),
  redirectUris: Type.Optional(properties.redirectUris),
  postLogoutRedirectUris: Type.Optional(properties.postLogoutRedirectUris),
  grantTypes: Type.Optional(properties.grantTypes),
  authMethod: Type.Optional(properties.authMethod),
  jwks: Type.Optional(
    closed({ keys: Type.Array(Type.Object({}, { additionalProperties: true }), { minItems: 1, maxItems: 10 }) }),
  ),
  backchannelLogoutUri: Type.Optional(Type.String({ maxLength: 2048 })),
})

const appProperties = {
  id: Type.String({ description: 'The client id' }),
  createdAt: Type.String({ format: 'date-time' }),
  ...properties,
  backchannelLogoutUri: Type.Optional(Type.String()),
}
const appSchema = Type.Object(appProperties)
const toldSchema = Type.Object({ ...appProperties, clientSecret: Type.Optional(Type.String()) })

const appForm = (app: App) => ({
  ...app,
  createdAt: formatInstant(app.createdAt),
  redirectUris: [...app.redirectUris],
  postLogoutRedirectUris: [...app.postLogoutRedirectUris],
  grantTypes: [...app.grantTypes],
})

const toldForm = ({ app, secret }: Awaited<ReturnType<Iam['oidc']['apps']['create']>>) => ({
  ...appForm(app),
  ...(secret ? { clientSecret: secret.revealText() } : {}),
})

/** `/v1/iam/app-registrations`: applications that sign users in here, devices, and services with credentials. */
export function appRegistrationRoutes({ oidc: { apps } }: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/app-registrations',
      config: { access: { action: 'iam:app-registration:list', resource: every } },
      schema: {
        summary: 'Lists app registrations',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(appSchema) },
      },
      handler: async (request) => {
        const all = await apps.list(contextOf(request).principal.account)
        return page(all.map(appForm), request.query, { ...deps, placeOf: ({ id }) => id })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/app-registrations',
      config: { access: { action: 'iam:app-registration:create', resource: every } },
      schema: {
        summary: 'Registers an application',
        description: 'Where it proves itself by a secret, that is in this answer and nowhere else.',
        tags,
        body,
        response: { 201: toldSchema },
      },
      handler: async (request, reply) => {
        const made = await apps.create(contextOf(request).principal.account, request.body)
        reply
          .code(201)
          .header('location', `/v1/iam/app-registrations/${made.app.id}`)
          .header('cache-control', 'no-store')
        return toldForm(made)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/app-registrations/:id',
      config: { access: { action: 'iam:app-registration:get', resource: one } },
      schema: { summary: 'Shows an app registration', tags, params: idParam, response: { 200: appSchema } },
      handler: async (request) => appForm(await apps.get(contextOf(request).principal.account, request.params.id)),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/app-registrations/:id',
      config: { access: { action: 'iam:app-registration:update', resource: one } },
      schema: {
        summary: 'Replaces an app registration, all but its secret',
        tags,
        params: idParam,
        body,
        response: { 200: toldSchema },
      },
      handler: async (request, reply) => {
        reply.header('cache-control', 'no-store')
        return toldForm(await apps.replace(contextOf(request).principal.account, request.params.id, request.body))
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/app-registrations/:id/secret',
      config: { access: { action: 'iam:app-registration:rotateSecret', resource: one } },
      schema: {
        summary: 'Makes another secret; the old one is good no longer',
        tags,
        params: idParam,
        response: { 200: Type.Object({ clientSecret: Type.String() }) },
      },
      handler: async (request, reply) => {
        reply.header('cache-control', 'no-store')
        const secret = await apps.rotateSecret(contextOf(request).principal.account, request.params.id)
        return { clientSecret: secret.revealText() }
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/app-registrations/:id',
      config: { access: { action: 'iam:app-registration:delete', resource: one } },
      schema: { summary: 'Deletes an app registration', tags, params: idParam },
      handler: async (request, reply) => {
        await apps.delete(contextOf(request).principal.account, request.params.id)
        return reply.code(204).send()
      },
    })
  }
}
