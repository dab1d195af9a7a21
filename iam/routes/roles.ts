import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, iamArn, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { tagContext, tagsIn } from '../tagging.ts'
import type { Role } from '../types.ts'
import {
  closed,
  documentSchema,
  documentText,
  holderForm,
  holderProperties,
  listQuery,
  nameParam,
  nameSchema,
  page,
  tagsSchema,
} from './forms.ts'

const roleSchema = Type.Object({
  ...holderProperties,
  description: Type.String(),
  trust: Type.String({ description: 'The trust policy: who may assume the role' }),
  sessionSecMax: Type.Integer(),
  builtin: Type.Boolean({ description: 'Made by the platform; it cannot be changed' }),
  boundary: Type.Optional(Type.String()),
  tags: Type.Record(Type.String(), Type.String()),
})

const roleForm = (role: Role) => ({
  ...holderForm(role),
  description: role.description,
  trust: role.trust,
  sessionSecMax: role.sessionSecMax,
  builtin: role.builtin,
  tags: role.tags,
  ...(role.boundary === undefined ? {} : { boundary: role.boundary }),
})

const tagsAsked = (body: unknown) => tagContext(tagsIn(body))
const everyRole = 'arn:rampart:iam::{account}:role/*'
const oneRole = 'arn:rampart:iam::{account}:role/{name}'
const tags = ['iam']
const description = Type.String({ maxLength: 1_000 })
const sessionSecMax = Type.Integer({ minimum: 900, maximum: 43_200 })

/** `/v1/iam/roles`. */
export function roleRoutes(iam: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/roles',
      config: { access: { action: 'iam:role:list', resource: everyRole } },
      schema: { summary: 'Lists roles', tags, querystring: listQuery, response: { 200: listSchema(roleSchema) } },
      handler: async (request) => {
        const roles = iam.roles.list(contextOf(request).principal.account).map(roleForm)
        return page(roles, request.query, { ...deps, placeOf: ({ name }) => name })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/roles',
      config: { access: { action: 'iam:role:create', resource: everyRole, context: tagsAsked } },
      schema: {
        summary: 'Makes a role',
        tags,
        body: closed({
          name: nameSchema,
          trust: documentSchema,
          description: Type.Optional(description),
          sessionSecMax: Type.Optional(sessionSecMax),
          tags: Type.Optional(tagsSchema),
        }),
        response: { 201: roleSchema },
      },
      handler: async (request, reply) => {
        const trust = documentText(request.body.trust, request.rawBody, 'trust')
        const { principal } = contextOf(request)
        const arn = iamArn(principal.account, 'role', request.body.name)
        await iam.tagging.requireMaySet(principal, { arn, before: {}, after: request.body.tags ?? {} })
        const role = await iam.roles.create(principal.account, { ...request.body, trust })
        reply.code(201)
        return roleForm(role)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/roles/:name',
      config: { access: { action: 'iam:role:get', resource: oneRole } },
      schema: { summary: 'Shows a role', tags, params: nameParam, response: { 200: roleSchema } },
      handler: async (request) => roleForm(iam.roles.get(contextOf(request).principal.account, request.params.name)),
    })

    api.route({
      method: 'PATCH',
      url: '/v1/iam/roles/:name',
      config: { access: { action: 'iam:role:update', resource: oneRole } },
      schema: {
        summary: 'Changes a role',
        tags,
        params: nameParam,
        body: closed({
          trust: Type.Optional(documentSchema),
          description: Type.Optional(description),
          sessionSecMax: Type.Optional(sessionSecMax),
        }),
        response: { 200: roleSchema },
      },
      handler: async (request) => {
        const { trust, ...rest } = request.body
        return roleForm(
          await iam.roles.update(contextOf(request).principal.account, request.params.name, {
            ...rest,
            ...(trust === undefined ? {} : { trust: documentText(trust, request.rawBody, 'trust') }),
          }),
        )
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/roles/:name',
      config: { access: { action: 'iam:role:delete', resource: oneRole } },
      schema: { summary: 'Deletes a role', tags, params: nameParam },
      handler: async (request, reply) => {
        await iam.roles.delete(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/roles/:name/tags',
      config: { access: { action: 'iam:role:tag', resource: oneRole, context: tagsAsked } },
      schema: {
        summary: 'Replaces the tags of a role',
        description: 'A tag that some policy grants by takes `iam:tag:setProtected` too.',
        tags,
        params: nameParam,
        body: closed({ tags: tagsSchema }),
        response: { 200: roleSchema },
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const { name } = request.params
        await iam.tagging.set(principal, { kind: 'role', name }, request.body.tags)
        return roleForm(iam.roles.get(principal.account, name))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/roles/:name/sessions',
      config: { access: { action: 'iam:role:revokeSessions', resource: oneRole } },
      schema: { summary: 'Ends every session of a role, at its next request', tags, params: nameParam },
      handler: async (request, reply) => {
        await iam.roles.revokeSessions(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })
  }
}
