import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, formatInstant, iamArn, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import type { PolicyVersion } from '../policies.ts'
import type { ManagedPolicy } from '../types.ts'
import {
  closed,
  documentSchema,
  documentText,
  lintSchema,
  lintsOf,
  listQuery,
  nameParam,
  nameSchema,
  page,
} from './forms.ts'

const policySchema = Type.Object({
  name: Type.String(),
  id: Type.String(),
  arn: Type.String(),
  description: Type.String(),
  defaultVersion: Type.Integer(),
  document: Type.String({ description: 'Of the default version, as it was written' }),
  createdAt: Type.String({ format: 'date-time' }),
  lints: Type.Array(lintSchema),
})

const policyForm = (policy: ManagedPolicy) => ({
  name: policy.name,
  id: policy.id,
  arn: policy.arn,
  description: policy.description,
  defaultVersion: policy.defaultVersion,
  document: policy.document,
  createdAt: formatInstant(policy.createdAt),
  lints: lintsOf(policy.compiled),
})

const versionSchema = Type.Object({
  version: Type.Integer(),
  isDefault: Type.Boolean(),
  document: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
})

const versionForm = (version: PolicyVersion) => ({ ...version, createdAt: formatInstant(version.createdAt) })

const everyPolicy = 'arn:rampart:iam::{account}:policy/*'
const onePolicy = 'arn:rampart:iam::{account}:policy/{name}'
const tags = ['iam']
const versionParams = closed({ name: Type.String(), version: Type.Integer({ minimum: 1 }) })

/** `/v1/iam/policies`. */
export function policyRoutes(iam: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/policies',
      config: { access: { action: 'iam:policy:list', resource: everyPolicy } },
      schema: {
        summary: "Lists the account's policies and the platform's",
        tags,
        querystring: listQuery,
        response: { 200: listSchema(policySchema) },
      },
      handler: async (request) => {
        const policies = iam.policies.list(contextOf(request).principal.account).map(policyForm)
        return page(policies, request.query, { ...deps, placeOf: ({ arn }) => arn })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/policies',
      config: { access: { action: 'iam:policy:create', resource: everyPolicy } },
      schema: {
        summary: 'Makes a managed policy',
        description: 'What is wrong is named with line and column; `lints` says what is allowed and rarely meant.',
        tags,
        body: closed({
          name: nameSchema,
          document: documentSchema,
          description: Type.Optional(Type.String({ maxLength: 1_000 })),
        }),
        response: { 201: policySchema },
      },
      handler: async (request, reply) => {
        const document = documentText(request.body.document, request.rawBody, 'document')
        const policy = await iam.policies.create(contextOf(request).principal.account, { ...request.body, document })
        reply.code(201)
        return policyForm(policy)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/policies/:name',
      config: { access: { action: 'iam:policy:get', resource: onePolicy } },
      schema: { summary: 'Shows a policy', tags, params: nameParam, response: { 200: policySchema } },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        return policyForm(iam.policies.get(account, iamArn(account, 'policy', request.params.name)))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/policies/:name',
      config: { access: { action: 'iam:policy:delete', resource: onePolicy } },
      schema: { summary: 'Deletes a policy that nobody holds', tags, params: nameParam },
      handler: async (request, reply) => {
        await iam.policies.delete(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/policies/:name/versions',
      config: { access: { action: 'iam:policy:listVersions', resource: onePolicy } },
      schema: {
        summary: 'Lists the versions of a policy, newest first',
        tags,
        params: nameParam,
        response: { 200: listSchema(versionSchema) },
      },
      handler: async (request) => {
        const versions = await iam.policies.versions(contextOf(request).principal.account, request.params.name)
        return { items: versions.map(versionForm) }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/policies/:name/versions',
      config: { access: { action: 'iam:policy:createVersion', resource: onePolicy } },
      schema: {
        summary: 'Makes a version of a policy',
        tags,
        params: nameParam,
        body: closed({
          document: documentSchema,
          setDefault: Type.Optional(Type.Boolean({ description: 'Whether it decides from now on; default true' })),
        }),
        response: { 201: versionSchema },
      },
      handler: async (request, reply) => {
        const document = documentText(request.body.document, request.rawBody, 'document')
        const { account } = contextOf(request).principal
        const made = await iam.policies.createVersion(account, request.params.name, { ...request.body, document })
        reply.code(201)
        return versionForm(made)
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/policies/:name/default-version',
      config: { access: { action: 'iam:policy:setDefaultVersion', resource: onePolicy } },
      schema: {
        summary: 'Makes an earlier or later version decide',
        tags,
        params: nameParam,
        body: closed({ version: Type.Integer({ minimum: 1 }) }),
      },
      handler: async (request, reply) => {
        const { account } = contextOf(request).principal
        await iam.policies.setDefaultVersion(account, request.params.name, request.body.version)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/policies/:name/versions/:version',
      config: { access: { action: 'iam:policy:deleteVersion', resource: onePolicy } },
      schema: { summary: 'Deletes a version that does not decide', tags, params: versionParams },
      handler: async (request, reply) => {
        const { name, version } = request.params
        await iam.policies.deleteVersion(contextOf(request).principal.account, name, version)
        return reply.code(204).send()
      },
    })
  }
}
