import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, formatInstant, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { MOVED_AT_ONCE_MAX } from '../limits.ts'
import { MIGRATE } from '../projects/projects.ts'
import { holderKinds, type Project } from '../types.ts'
import { closed, listQuery, nameSchema, page } from './forms.ts'

const projectSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  enabled: Type.Boolean({ description: 'What is in a disabled project can be read and not changed' }),
  createdAt: Type.String({ format: 'date-time' }),
})

const projectForm = (project: Project) => ({ ...project, createdAt: formatInstant(project.createdAt) })

const can = Type.Enum(['no', 'conditionally', 'now'])
const changeSchema = Type.Object({ principal: Type.String(), action: Type.String(), before: can, after: can })
const grantSchema = closed({
  holder: closed({ kind: Type.Enum(holderKinds), name: nameSchema }),
  policy: Type.String({ maxLength: 512, description: 'ARN of a managed policy' }),
})

const everyProject = 'arn:rampart:eps::{account}:project/*'
const oneProject = 'arn:rampart:eps::{account}:project/{id}'
const tags = ['iam']
const idParam = closed({ id: Type.String() })
const description = Type.String({ maxLength: 1_000 })

/** `/v1/iam/projects`: enterprise projects. */
export function projectRoutes({ projects }: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/projects',
      config: { access: { action: 'eps:project:list', resource: everyProject } },
      schema: {
        summary: 'Lists enterprise projects',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(projectSchema) },
      },
      handler: async (request) => {
        const items = projects.list(contextOf(request).principal.account).map(projectForm)
        return page(items, request.query, { ...deps, placeOf: ({ id }) => id })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/projects',
      config: { access: { action: 'eps:project:create', resource: everyProject } },
      schema: {
        summary: 'Makes an enterprise project',
        tags,
        body: closed({ name: nameSchema, description: Type.Optional(description) }),
        response: { 201: projectSchema },
      },
      handler: async (request, reply) => {
        const made = await projects.create(contextOf(request).principal.account, request.body)
        reply.code(201)
        return projectForm(made)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/projects/:id',
      config: { access: { action: 'eps:project:get', resource: oneProject } },
      schema: { summary: 'Shows an enterprise project', tags, params: idParam, response: { 200: projectSchema } },
      handler: async (request) => projectForm(projects.get(contextOf(request).principal.account, request.params.id)),
    })

    api.route({
      method: 'PATCH',
      url: '/v1/iam/projects/:id',
      config: { access: { action: 'eps:project:update', resource: oneProject } },
      schema: {
        summary: 'Describes, disables or enables an enterprise project',
        tags,
        params: idParam,
        body: closed({ description: Type.Optional(description), enabled: Type.Optional(Type.Boolean()) }),
        response: { 200: projectSchema },
      },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        return projectForm(await projects.update(account, request.params.id, request.body))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/projects/:id',
      config: { access: { action: 'eps:project:delete', resource: oneProject } },
      schema: { summary: 'Deletes an enterprise project with nothing in it', tags, params: idParam },
      handler: async (request, reply) => {
        await projects.delete(contextOf(request).principal.account, request.params.id)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/projects/:id/resources',
      config: { access: { action: 'eps:project:listResources', resource: oneProject } },
      schema: {
        summary: 'Lists the resources of an enterprise project',
        tags,
        params: idParam,
        querystring: listQuery,
        response: { 200: listSchema(Type.Object({ resource: Type.String() })) },
      },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        const items = projects.resources(account, request.params.id).map((resource) => ({ resource }))
        return page(items, request.query, { ...deps, placeOf: ({ resource }) => resource })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/projects/:id/resources',
      config: { access: { action: MIGRATE, resource: oneProject } },
      schema: {
        summary: 'Moves resources into an enterprise project, all or none',
        description: `Takes \`${MIGRATE}\` on the project they leave too. Tells who gains and who loses access by it.`,
        tags,
        params: idParam,
        body: closed({
          resources: Type.Array(Type.String({ minLength: 1, maxLength: 2_048 }), {
            minItems: 1,
            maxItems: MOVED_AT_ONCE_MAX,
          }),
          dryRun: Type.Optional(Type.Boolean({ description: 'Only tells; nothing moves' })),
        }),
        response: {
          200: Type.Object({
            moved: Type.Array(
              Type.Object({
                resource: Type.String(),
                from: Type.String(),
                to: Type.String(),
                gains: Type.Array(changeSchema),
                loses: Type.Array(changeSchema),
                truncated: Type.Boolean(),
              }),
            ),
          }),
        },
      },
      handler: async (request) => {
        const { principal } = contextOf(request)
        const moved = await projects.move(principal, { to: request.params.id, ...request.body })
        return { moved: moved.map((one) => ({ ...one, gains: [...one.gains], loses: [...one.loses] })) }
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/projects/:id/grants',
      config: { access: { action: 'eps:project:listGrants', resource: oneProject } },
      schema: {
        summary: 'Lists who holds what for an enterprise project',
        tags,
        params: idParam,
        response: { 200: listSchema(grantSchema) },
      },
      handler: async (request) => {
        const grants = projects.grants(contextOf(request).principal.account, request.params.id)
        return { items: grants.map(({ holder, policy }) => ({ holder, policy })) }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/projects/:id/grants',
      config: { access: { action: 'eps:project:grant', resource: oneProject } },
      schema: { summary: 'Gives a policy for this enterprise project only', tags, params: idParam, body: grantSchema },
      handler: async (request, reply) => {
        const { account } = contextOf(request).principal
        await projects.grant(account, { ...request.body, scope: { kind: 'project', id: request.params.id } })
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/projects/:id/grants/revoke',
      config: { access: { action: 'eps:project:revoke', resource: oneProject } },
      schema: { summary: 'Takes such a policy back', tags, params: idParam, body: grantSchema },
      handler: async (request, reply) => {
        const { account } = contextOf(request).principal
        await projects.revoke(account, { ...request.body, scope: { kind: 'project', id: request.params.id } })
        return reply.code(204).send()
      },
    })
  }
}
