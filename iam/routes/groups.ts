import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { closed, holderForm, holderProperties, listQuery, nameParam, nameSchema, page } from './forms.ts'

const groupSchema = Type.Object({ ...holderProperties, members: Type.Optional(Type.Array(Type.String())) })
const everyGroup = 'arn:rampart:iam::{account}:group/*'
const oneGroup = 'arn:rampart:iam::{account}:group/{name}'
const tags = ['iam']
const memberParams = closed({ name: Type.String(), user: Type.String({ maxLength: 128 }) })

/** `/v1/iam/groups`. */
export function groupRoutes(iam: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/groups',
      config: { access: { action: 'iam:group:list', resource: everyGroup } },
      schema: { summary: 'Lists groups', tags, querystring: listQuery, response: { 200: listSchema(groupSchema) } },
      handler: async (request) => {
        const groups = iam.groups.list(contextOf(request).principal.account).map(holderForm)
        return page(groups, request.query, { ...deps, placeOf: ({ name }) => name })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/groups',
      config: { access: { action: 'iam:group:create', resource: everyGroup } },
      schema: { summary: 'Makes a group', tags, body: closed({ name: nameSchema }), response: { 201: groupSchema } },
      handler: async (request, reply) => {
        const group = await iam.groups.create(contextOf(request).principal.account, request.body.name)
        reply.code(201)
        return { ...holderForm(group), members: [] }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/groups/:name',
      config: { access: { action: 'iam:group:get', resource: oneGroup } },
      schema: { summary: 'Shows a group and its members', tags, params: nameParam, response: { 200: groupSchema } },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        const { name } = request.params
        return { ...holderForm(iam.groups.get(account, name)), members: iam.groups.members(account, name) }
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/groups/:name',
      config: { access: { action: 'iam:group:delete', resource: oneGroup } },
      schema: { summary: 'Deletes a group; its members lose its policies', tags, params: nameParam },
      handler: async (request, reply) => {
        await iam.groups.delete(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/groups/:name/members/:user',
      config: { access: { action: 'iam:group:addUser', resource: oneGroup } },
      schema: { summary: 'Puts a user into a group', tags, params: memberParams },
      handler: async (request, reply) => {
        await iam.groups.addUser(contextOf(request).principal.account, request.params.name, request.params.user)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/groups/:name/members/:user',
      config: { access: { action: 'iam:group:removeUser', resource: oneGroup } },
      schema: { summary: 'Takes a user out of a group', tags, params: memberParams },
      handler: async (request, reply) => {
        await iam.groups.removeUser(contextOf(request).principal.account, request.params.name, request.params.user)
        return reply.code(204).send()
      },
    })
  }
}
