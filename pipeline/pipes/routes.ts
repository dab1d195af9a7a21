import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import {
  type Api,
  contextOf,
  etagOf,
  filterQuery,
  formatInstant,
  ifMatchHeader,
  type ListPage,
  listSchema,
  pageOf,
  pageQuery,
} from '../../platform/index.ts'
import { compileFilter } from '../ppl/index.ts'
import { fieldTypes } from '../types.ts'
import { DECLARED_FIELDS_MAX, FIELD_NAME_LENGTH_MAX, RETENTION_DAYS_MAX } from './limits.ts'
import type { Named, Pipes } from './pipes.ts'
import { PIPE_NAME, type Pipe } from './types.ts'

const name = Type.String({ pattern: PIPE_NAME })
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const ofDataspace = 'arn:rampart:siem:{region}:{account}:dataspace/{ws}/{ds}'
const ofPipe = 'arn:rampart:siem:{region}:{account}:pipe/{ws}/{ds}/{pipe}'
const ofAllWorkspaces = 'arn:rampart:siem:{region}:{account}:workspace/*'
const tags = ['pipes']

const PAGE_ITEMS_MAX = 1_000
const PAGE_ITEMS_DEFAULT = 100
const page = Type.Object({
  ...pageQuery({ max: PAGE_ITEMS_MAX, default: PAGE_ITEMS_DEFAULT }),
  ...filterQuery("name like 'web%'"),
})
const named = Type.Object({ name: Type.String() })

const fields = Type.Record(
  Type.String({ minLength: 1, maxLength: FIELD_NAME_LENGTH_MAX }),
  Type.Enum([...fieldTypes]),
  { maxProperties: DECLARED_FIELDS_MAX, description: 'PPL types; a field that is not declared gets the type it shows' },
)
const pipeSchema = Type.Object({
  name: Type.String(),
  workspace: Type.String(),
  dataspace: Type.String(),
  fields: Type.Record(Type.String(), Type.String()),
  retentionDays: Type.Optional(Type.Integer()),
  createdAt: Type.String(),
  updatedAt: Type.String(),
})
const ofOnePipe = Type.Object({ ws: name, ds: name, pipe: name })
const ifMatch = Type.Object(ifMatchHeader)
/** A PUT that says nothing more than its path has no body, which arrives as null. */
const emptyBody = Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()])

/** `/v1/workspaces`, their dataspaces, and the pipes of those. */
export function pipeRoutes(pipes: Pipes) {
  return (api: Api): void => {
    workspaceRoutes(api, pipes)
    dataspaceRoutes(api, pipes)

    api.route({
      method: 'PUT',
      url: '/v1/workspaces/:ws/dataspaces/:ds/pipes/:pipe',
      config: { access: { action: 'siem:pipe:put', resource: ofPipe } },
      schema: {
        summary: 'Makes a pipe, or changes what it is set to',
        tags,
        params: ofOnePipe,
        headers: ifMatch,
        body: Type.Union([
          Type.Object(
            {
              fields: Type.Optional(fields),
              retentionDays: Type.Optional(Type.Integer({ minimum: 1, maximum: RETENTION_DAYS_MAX })),
            },
            { additionalProperties: false },
          ),
          Type.Null(),
        ]),
        response: { 200: pipeSchema },
      },
      handler: async (request, reply) => {
        const { ws, ds, pipe } = request.params
        const { account } = contextOf(request).principal
        const { fields: declared = {}, ...rest } = request.body ?? {}
        const address = { account, workspace: ws, dataspace: ds, pipe }
        const put = await pipes.putPipe(address, { fields: declared, ...rest }, request.headers['if-match'])
        reply.header('etag', etagOf(put.revision))
        return toAnswer(put)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/dataspaces/:ds/pipes/:pipe',
      config: { access: { action: 'siem:pipe:get', resource: ofPipe } },
      schema: {
        summary: 'Shows a pipe',
        tags,
        params: ofOnePipe,
        response: { 200: pipeSchema },
      },
      handler: async (request, reply) => {
        const { ws, ds, pipe } = request.params
        const { account } = contextOf(request).principal
        const found = await pipes.requirePipe({ account, workspace: ws, dataspace: ds, pipe })
        reply.header('etag', etagOf(found.revision))
        return toAnswer(found)
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/workspaces/:ws/dataspaces/:ds/pipes/:pipe',
      config: { access: { action: 'siem:pipe:delete', resource: ofPipe } },
      schema: {
        summary: 'Removes a pipe and its events',
        tags,
        params: ofOnePipe,
        headers: ifMatch,
        response: { 204: Type.Null() },
      },
      handler: async (request, reply) => {
        const { ws, ds, pipe } = request.params
        const { account } = contextOf(request).principal
        await pipes.deletePipe({ account, workspace: ws, dataspace: ds, pipe }, request.headers['if-match'])
        return reply.code(204).send(null)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/dataspaces/:ds/pipes',
      config: { access: { action: 'siem:pipe:list', resource: ofDataspace } },
      schema: {
        summary: 'Lists the pipes of a dataspace',
        tags,
        params: Type.Object({ ws: name, ds: name }),
        querystring: page,
        response: { 200: listSchema(pipeSchema) },
      },
      handler: async (request) => {
        const { ws, ds } = request.params
        const { principal, now } = contextOf(request)
        const part = pageOf(request.query, { limit: PAGE_ITEMS_DEFAULT, compileFilter, now, toAnswer })
        const listed = await pipes.listPipes(principal.account, ws, ds, part)
        return { ...listed, items: listed.items.map(toAnswer) }
      },
    })
  }
}

function workspaceRoutes(api: Api, pipes: Pipes): void {
  api.route({
    method: 'PUT',
    url: '/v1/workspaces/:ws',
    config: { access: { action: 'siem:workspace:put', resource: ofWorkspace } },
    schema: {
      summary: 'Makes a workspace',
      tags,
      params: Type.Object({ ws: name }),
      body: emptyBody,
      response: { 200: named },
    },
    handler: async (request) => {
      await pipes.putWorkspace(contextOf(request).principal.account, request.params.ws)
      return { name: request.params.ws }
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces',
    config: { access: { action: 'siem:workspace:list', resource: ofAllWorkspaces } },
    schema: { summary: 'Lists workspaces', tags, querystring: page, response: { 200: listSchema(named) } },
    handler: async (request) => pipes.listWorkspaces(contextOf(request).principal.account, namedPage(request)),
  })
}

function dataspaceRoutes(api: Api, pipes: Pipes): void {
  api.route({
    method: 'PUT',
    url: '/v1/workspaces/:ws/dataspaces/:ds',
    config: { access: { action: 'siem:dataspace:put', resource: ofDataspace } },
    schema: {
      summary: 'Makes a dataspace',
      tags,
      params: Type.Object({ ws: name, ds: name }),
      body: emptyBody,
      response: { 200: named },
    },
    handler: async (request) => {
      const { ws, ds } = request.params
      await pipes.putDataspace(contextOf(request).principal.account, ws, ds)
      return { name: ds }
    },
  })

  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/dataspaces',
    config: { access: { action: 'siem:dataspace:list', resource: ofWorkspace } },
    schema: {
      summary: 'Lists the dataspaces of a workspace',
      tags,
      params: Type.Object({ ws: name }),
      querystring: page,
      response: { 200: listSchema(named) },
    },
    handler: async (request) =>
      pipes.listDataspaces(contextOf(request).principal.account, request.params.ws, namedPage(request)),
  })
}

/** What a list of named things is asked for. */
function namedPage(request: FastifyRequest<{ Querystring: Static<typeof page> }>): ListPage<Named> {
  const { now } = contextOf(request)
  return pageOf(request.query, { limit: PAGE_ITEMS_DEFAULT, compileFilter, now, toAnswer: (item: Named) => item })
}

function toAnswer(pipe: Pipe) {
  return {
    name: pipe.pipe,
    workspace: pipe.workspace,
    dataspace: pipe.dataspace,
    fields: { ...pipe.fields },
    createdAt: formatInstant(pipe.createdAt),
    updatedAt: formatInstant(pipe.updatedAt),
    ...(pipe.retentionDays === undefined ? {} : { retentionDays: pipe.retentionDays }),
  }
}
