import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type Api, contextOf, etagOf, formatInstant } from '../../platform/index.ts'
import { compileFilter } from '../ppl/index.ts'
import { fieldTypes } from '../types.ts'
import { DECLARED_FIELDS_MAX, FIELD_NAME_LENGTH_MAX, RETENTION_DAYS_MAX } from './limits.ts'
import type { ListPage, Named, Pipes } from './pipes.ts'
import { PIPE_NAME, type Pipe } from './types.ts'

const name = Type.String({ pattern: PIPE_NAME })
const ofWorkspace = 'arn:rampart:siem:{region}:{account}:workspace/{ws}'
const ofDataspace = 'arn:rampart:siem:{region}:{account}:dataspace/{ws}/{ds}'
const ofPipe = 'arn:rampart:siem:{region}:{account}:pipe/{ws}/{ds}/{pipe}'
const ofAllWorkspaces = 'arn:rampart:siem:{region}:{account}:workspace/*'
const tags = ['pipes']

const page = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  filter: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: "PPL, such as `name like 'web%'`" })),
})
const named = Type.Object({ name: Type.String() })
const listOf = <T extends Type.TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: Type.Optional(Type.String()) })

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
const ifMatch = Type.Object({ 'if-match': Type.Optional(Type.String({ maxLength: 1024 })) })
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
        response: { 200: listOf(pipeSchema) },
      },
      handler: async (request) => {
        const { ws, ds } = request.params
        const { filter, ...page } = request.query
        const matches = filter === undefined ? undefined : compileFilter(filter, { now: contextOf(request).now })
        const listed = await pipes.listPipes(contextOf(request).principal.account, ws, ds, {
          ...page,
          ...(matches === undefined ? {} : { matches: (pipe) => matches(toAnswer(pipe)) }),
        })
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
    schema: { summary: 'Lists workspaces', tags, querystring: page, response: { 200: listOf(named) } },
    handler: async (request) => pipes.listWorkspaces(contextOf(request).principal.account, pageOf(request)),
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
      response: { 200: listOf(named) },
    },
    handler: async (request) =>
      pipes.listDataspaces(contextOf(request).principal.account, request.params.ws, pageOf(request)),
  })
}

/** What a list of named things is asked for. */
function pageOf(request: FastifyRequest<{ Querystring: Static<typeof page> }>): ListPage<Named> {
  const { filter, ...asked } = request.query
  if (filter === undefined) return asked
  return { ...asked, matches: compileFilter(filter, { now: contextOf(request).now }) }
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
