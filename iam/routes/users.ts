import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, formatInstant, iamArn, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { tagContext, tagsIn } from '../tagging.ts'
import type { User } from '../types.ts'
import { closed, holderForm, holderProperties, listQuery, nameParam, nameSchema, page, tagsSchema } from './forms.ts'

const userSchema = Type.Object({
  ...holderProperties,
  enabled: Type.Boolean(),
  hasPassword: Type.Boolean(),
  groups: Type.Array(Type.String()),
  boundary: Type.Optional(Type.String()),
  tags: Type.Record(Type.String(), Type.String()),
})

const userForm = (user: User) => ({
  ...holderForm(user),
  enabled: user.enabled,
  hasPassword: user.hasPassword,
  groups: [...user.groups],
  tags: user.tags,
  ...(user.boundary === undefined ? {} : { boundary: user.boundary }),
})

const accessKeySchema = Type.Object({
  accessKeyId: Type.String(),
  enabled: Type.Boolean(),
  createdAt: Type.String({ format: 'date-time' }),
  lastUsedAt: Type.Optional(Type.String({ format: 'date-time' })),
})

const tagsAsked = (body: unknown) => tagContext(tagsIn(body))
const everyUser = 'arn:rampart:iam::{account}:user/*'
const oneUser = 'arn:rampart:iam::{account}:user/{name}'
const tags = ['iam']
const password = Type.String({ maxLength: 1024 })
const keyParams = closed({ name: Type.String(), key: Type.String({ maxLength: 128 }) })

/** `/v1/iam/users`, with their access keys. */
export function userRoutes(iam: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/users',
      config: { access: { action: 'iam:user:list', resource: everyUser } },
      schema: { summary: 'Lists users', tags, querystring: listQuery, response: { 200: listSchema(userSchema) } },
      handler: async (request) => {
        const users = iam.users.list(contextOf(request).principal.account).map(userForm)
        return page(users, request.query, { ...deps, placeOf: ({ name }) => name })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/users',
      config: { access: { action: 'iam:user:create', resource: everyUser, context: tagsAsked } },
      schema: {
        summary: 'Makes a user',
        description: 'Without a password it cannot sign in; it may still have access keys.',
        tags,
        body: closed({ name: nameSchema, password: Type.Optional(password), tags: Type.Optional(tagsSchema) }),
        response: { 201: userSchema },
      },
      handler: async (request, reply) => {
        const { principal } = contextOf(request)
        const after = request.body.tags ?? {}
        await iam.tagging.requireMaySet(principal, {
          arn: iamArn(principal.account, 'user', request.body.name),
          before: {},
          after,
        })
        const user = await iam.users.create(principal.account, request.body)
        reply.code(201).header('location', `/v1/iam/users/${encodeURIComponent(user.name)}`)
        return userForm(user)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/users/:name',
      config: { access: { action: 'iam:user:get', resource: oneUser } },
      schema: { summary: 'Shows a user', tags, params: nameParam, response: { 200: userSchema } },
      handler: async (request) => userForm(iam.users.get(contextOf(request).principal.account, request.params.name)),
    })

    api.route({
      method: 'PATCH',
      url: '/v1/iam/users/:name',
      config: { access: { action: 'iam:user:update', resource: oneUser } },
      schema: {
        summary: 'Changes a user',
        description: 'A new password, and disabling, end every session of the user at its next request.',
        tags,
        params: nameParam,
        body: closed({ password: Type.Optional(password), enabled: Type.Optional(Type.Boolean()) }),
        response: { 200: userSchema },
      },
      handler: async (request) =>
        userForm(await iam.users.update(contextOf(request).principal.account, request.params.name, request.body)),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/users/:name/tags',
      config: { access: { action: 'iam:user:tag', resource: oneUser, context: tagsAsked } },
      schema: {
        summary: 'Replaces the tags of a user',
        description: 'A tag that some policy grants by takes `iam:tag:setProtected` too.',
        tags,
        params: nameParam,
        body: closed({ tags: tagsSchema }),
        response: { 200: userSchema },
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const { name } = request.params
        await iam.tagging.set(principal, { kind: 'user', name }, request.body.tags)
        return userForm(iam.users.get(principal.account, name))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/users/:name',
      config: { access: { action: 'iam:user:delete', resource: oneUser } },
      schema: { summary: 'Deletes a user with its access keys', tags, params: nameParam },
      handler: async (request, reply) => {
        await iam.users.delete(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/users/:name/sessions',
      config: { access: { action: 'iam:session:revoke', resource: oneUser } },
      schema: { summary: 'Ends every session of a user', tags, params: nameParam },
      handler: async (request, reply) => {
        await iam.users.revokeSessions(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/users/:name/access-keys',
      config: { access: { action: 'iam:access-key:list', resource: oneUser } },
      schema: {
        summary: 'Lists the access keys of a user',
        tags,
        params: nameParam,
        response: { 200: listSchema(accessKeySchema) },
      },
      handler: async (request) => ({
        items: iam.accessKeys.list(contextOf(request).principal.account, request.params.name).map((key) => ({
          accessKeyId: key.id,
          enabled: key.enabled,
          createdAt: formatInstant(key.createdAt),
          ...(key.lastUsedAt === undefined ? {} : { lastUsedAt: formatInstant(key.lastUsedAt) }),
        })),
      }),
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/users/:name/access-keys',
      config: { access: { action: 'iam:access-key:create', resource: oneUser } },
      schema: {
        summary: 'Makes an access key',
        description: 'The secret is in this answer and nowhere else.',
        tags,
        params: nameParam,
        response: {
          201: Type.Object({
            accessKeyId: Type.String(),
            secretAccessKey: Type.String(),
            createdAt: Type.String({ format: 'date-time' }),
          }),
        },
      },
      handler: async (request, reply) => {
        const { account } = contextOf(request).principal
        const made = await iam.accessKeys.create(account, request.params.name)
        reply.code(201).header('cache-control', 'no-store')
        return {
          accessKeyId: made.accessKeyId,
          secretAccessKey: made.secretAccessKey.revealText(),
          createdAt: formatInstant(made.createdAt),
        }
      },
    })

    api.route({
      method: 'PATCH',
      url: '/v1/iam/users/:name/access-keys/:key',
      config: { access: { action: 'iam:access-key:update', resource: oneUser } },
      schema: {
        summary: 'Enables or disables an access key',
        tags,
        params: keyParams,
        body: closed({ enabled: Type.Boolean() }),
      },
      handler: async (request, reply) => {
        const { name, key } = request.params
        await iam.accessKeys.setEnabled(contextOf(request).principal.account, name, key, request.body.enabled)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/users/:name/access-keys/:key',
      config: { access: { action: 'iam:access-key:delete', resource: oneUser } },
      schema: { summary: 'Deletes an access key', tags, params: keyParams },
      handler: async (request, reply) => {
        await iam.accessKeys.delete(contextOf(request).principal.account, request.params.name, request.params.key)
        return reply.code(204).send()
      },
    })
  }
}
