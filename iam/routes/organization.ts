import { Type } from 'typebox'
import {
  type Api,
  contextOf,
  type FilterCompiler,
  formatInstant,
  listSchema,
  parseAccountId,
} from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import type {
  GuardrailPolicy,
  Invitation,
  Member,
  Organization,
  OrganizationNode,
} from '../organization/organization.ts'
import { guardrailKinds } from '../organization/tables.ts'
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

const instant = Type.String({ format: 'date-time' })
const accountId = Type.String({ pattern: '^[0-9]{12}$', description: '12 digits' })

const organizationSchema = Type.Object({
  id: Type.String(),
  managementAccount: accountId,
  root: Type.Optional(Type.String({ description: 'Node id; told to the management account' })),
  createdAt: instant,
})

const organizationForm = (found: Organization, isManager: boolean) => ({
  id: found.id,
  managementAccount: found.management,
  ...(isManager ? { root: found.root.id } : {}),
  createdAt: formatInstant(found.createdAt),
})

const memberSchema = Type.Object({
  account: accountId,
  name: Type.String(),
  parent: Type.String({ description: 'Node id' }),
  joinedAt: instant,
})

const memberForm = ({ account, name, node, joinedAt }: Member & { readonly name: string }) => ({
  account,
  name,
  parent: node,
  joinedAt: formatInstant(joinedAt),
})

const unitSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  parent: Type.Optional(Type.String()),
  depth: Type.Integer(),
  createdAt: instant,
})

const unitForm = ({ id, name, parent, depth, createdAt }: OrganizationNode) => ({
  id,
  name,
  ...(parent === undefined ? {} : { parent }),
  depth,
  createdAt: formatInstant(createdAt),
})

const invitationSchema = Type.Object({
  id: Type.String(),
  account: accountId,
  organization: Type.Optional(Type.String()),
  from: Type.Optional(accountId),
  createdAt: instant,
  expiresAt: instant,
})

const invitationForm = ({
  id,
  account,
  createdAt,
  expiresAt,
  ...more
}: Invitation & { readonly organization?: string; readonly from?: string }) => ({
  id,
  account,
  createdAt: formatInstant(createdAt),
  expiresAt: formatInstant(expiresAt),
  ...(more.organization === undefined ? {} : { organization: more.organization }),
  ...(more.from === undefined ? {} : { from: more.from }),
})

const guardrailSchema = Type.Object({
  name: Type.String(),
  kind: Type.Enum(guardrailKinds),
  description: Type.String(),
  document: Type.String(),
  builtin: Type.Boolean(),
  createdAt: instant,
  lints: Type.Array(lintSchema),
})

const guardrailForm = ({ name, kind, description, document, builtin, compiled, createdAt }: GuardrailPolicy) => ({
  name,
  kind,
  description,
  document,
  builtin,
  createdAt: formatInstant(createdAt),
  lints: lintsOf(compiled),
})

const organization = 'arn:rampart:iam::{account}:organization/default'
const everyAccount = 'arn:rampart:iam::{account}:organization/account/*'
const oneAccount = 'arn:rampart:iam::{account}:organization/account/{id}'
const everyUnit = 'arn:rampart:iam::{account}:organization/unit/*'
const oneUnit = 'arn:rampart:iam::{account}:organization/unit/{id}'
const everyInvitation = 'arn:rampart:iam::{account}:organization/invitation/*'
const oneInvitation = 'arn:rampart:iam::{account}:organization/invitation/{id}'
const everyGuardrail = 'arn:rampart:iam::{account}:organization/guardrail/*'
const oneGuardrail = 'arn:rampart:iam::{account}:organization/guardrail/{name}'
const oneNode = 'arn:rampart:iam::{account}:organization/node/{node}'
const tags = ['iam']
const idParam = closed({ id: Type.String() })
const nodeId = Type.String({ minLength: 1, maxLength: 64 })

/** `/v1/iam/organization`: the tree of accounts and what bounds them. */
export function organizationRoutes({ organizations }: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/organization',
      config: { access: { action: 'iam:organization:get', resource: organization } },
      schema: { summary: 'Shows the organisation the account is in', tags, response: { 200: organizationSchema } },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        const found = organizations.get(account)
        return organizationForm(found, found.management === account)
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/organization',
      config: { access: { action: 'iam:organization:create', resource: organization } },
      schema: {
        summary: 'Makes an organisation, managed by this account',
        tags,
        body: closed({}),
        response: { 201: organizationSchema },
      },
      handler: async (request, reply) => {
        const made = await organizations.create(contextOf(request).principal.account)
        reply.code(201)
        return organizationForm(made, true)
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/organization',
      config: { access: { action: 'iam:organization:delete', resource: organization } },
      schema: { summary: 'Deletes an organisation with no other account in it', tags },
      handler: async (request, reply) => {
        await organizations.delete(contextOf(request).principal.account)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/organization/leave',
      config: { access: { action: 'iam:organization:leave', resource: organization } },
      schema: { summary: 'Takes this account out of its organisation', tags, body: closed({}) },
      handler: async (request, reply) => {
        await organizations.leave(contextOf(request).principal.account)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/organization/accounts',
      config: { access: { action: 'iam:organization:listAccounts', resource: everyAccount } },
      schema: {
        summary: 'Lists the accounts of the organisation',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(memberSchema) },
      },
      handler: async (request) => {
        const items = organizations.accounts(contextOf(request).principal.account).map(memberForm)
        return page(items, request.query, { ...deps, placeOf: ({ account }) => account })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/organization/accounts',
      config: { access: { action: 'iam:organization:createAccount', resource: everyAccount } },
      schema: {
        summary: 'Makes a member account',
        description:
          'The management account can assume its role `organization-access`. `administrator` makes a first user beside it.',
        tags,
        body: closed({
          name: nameSchema,
          parent: Type.Optional(nodeId),
          administrator: Type.Optional(closed({ userName: nameSchema, password: Type.String({ maxLength: 1_024 }) })),
        }),
        response: { 201: Type.Object({ account: accountId, name: Type.String(), createdAt: instant }) },
      },
      handler: async (request, reply) => {
        const made = await organizations.createAccount(contextOf(request).principal.account, request.body)
        reply.code(201)
        return { account: made.id, name: made.name, createdAt: formatInstant(made.createdAt) }
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/organization/accounts/:id/parent',
      config: { access: { action: 'iam:organization:moveAccount', resource: oneAccount } },
      schema: { summary: 'Moves an account in the tree', tags, params: idParam, body: closed({ parent: nodeId }) },
      handler: async (request, reply) => {
        await organizations.move(contextOf(request).principal.account, request.params.id, request.body.parent)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/organization/accounts/:id',
      config: { access: { action: 'iam:organization:removeAccount', resource: oneAccount } },
      schema: { summary: 'Takes an account out of the organisation', tags, params: idParam },
      handler: async (request, reply) => {
        await organizations.remove(contextOf(request).principal.account, request.params.id)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/organization/units',
      config: { access: { action: 'iam:organization:listUnits', resource: everyUnit } },
      schema: {
        summary: 'Lists the root and the organisational units',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(unitSchema) },
      },
      handler: async (request) => {
        const { nodes } = organizations.managed(contextOf(request).principal.account)
        const items = [...nodes.values()].map(unitForm).sort((a, b) => (a.id < b.id ? -1 : 1))
        return page(items, request.query, { ...deps, placeOf: ({ id }) => id })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/organization/units',
      config: { access: { action: 'iam:organization:createUnit', resource: everyUnit } },
      schema: {
        summary: 'Makes an organisational unit',
        tags,
        body: closed({ name: nameSchema, parent: Type.Optional(nodeId) }),
        response: { 201: unitSchema },
      },
      handler: async (request, reply) => {
        const made = await organizations.createUnit(contextOf(request).principal.account, request.body)
        reply.code(201)
        return unitForm(made)
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/organization/units/:id',
      config: { access: { action: 'iam:organization:deleteUnit', resource: oneUnit } },
      schema: { summary: 'Deletes an empty unit', tags, params: idParam },
      handler: async (request, reply) => {
        await organizations.deleteUnit(contextOf(request).principal.account, request.params.id)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/organization/invitations',
      config: { access: { action: 'iam:organization:listInvitations', resource: everyInvitation } },
      schema: {
        summary: 'Lists open invitations, sent and received',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(invitationSchema) },
      },
      handler: async (request) => {
        const items = organizations.invitations(contextOf(request).principal.account).map(invitationForm)
        return page(items, request.query, { ...deps, placeOf: ({ id }) => id })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/organization/invitations',
      config: { access: { action: 'iam:organization:invite', resource: everyInvitation } },
      schema: {
        summary: 'Invites an account',
        tags,
        body: closed({ account: accountId }),
        response: { 201: invitationSchema },
      },
      handler: async (request, reply) => {
        const invited = parseAccountId(request.body.account)
        const made = await organizations.invite(contextOf(request).principal.account, invited)
        reply.code(201)
        return invitationForm(made)
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/organization/invitations/:id/accept',
      config: { access: { action: 'iam:organization:acceptInvitation', resource: oneInvitation } },
      schema: { summary: 'Joins the organisation that invited this account', tags, params: idParam, body: closed({}) },
      handler: async (request, reply) => {
        await organizations.accept(contextOf(request).principal.account, request.params.id)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/organization/invitations/:id',
      config: { access: { action: 'iam:organization:declineInvitation', resource: oneInvitation } },
      schema: { summary: 'Declines an invitation, or takes one back', tags, params: idParam },
      handler: async (request, reply) => {
        await organizations.decline(contextOf(request).principal.account, request.params.id)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/organization/guardrails',
      config: { access: { action: 'iam:organization:listGuardrails', resource: everyGuardrail } },
      schema: {
        summary: 'Lists guardrail policies',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(guardrailSchema) },
      },
      handler: async (request) => {
        const items = organizations.guardrails(contextOf(request).principal.account).map(guardrailForm)
        return page(items, request.query, { ...deps, placeOf: ({ name }) => name })
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/organization/guardrails/:name',
      config: { access: { action: 'iam:organization:getGuardrail', resource: oneGuardrail } },
      schema: { summary: 'Shows a guardrail policy', tags, params: nameParam, response: { 200: guardrailSchema } },
      handler: async (request) =>
        guardrailForm(organizations.guardrail(contextOf(request).principal.account, request.params.name)),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/organization/guardrails/:name',
      config: { access: { action: 'iam:organization:putGuardrail', resource: oneGuardrail } },
      schema: {
        summary: 'Makes a guardrail policy, or replaces its document',
        description:
          'An upper bound: it grants nothing. Kind `principal` bounds what principals of the accounts below it may do, `resource` what may be done to their resources. An Allow takes no Condition.',
        tags,
        params: nameParam,
        body: closed({
          kind: Type.Enum(guardrailKinds),
          document: documentSchema,
          description: Type.Optional(Type.String({ maxLength: 1_000 })),
        }),
        response: { 200: guardrailSchema },
      },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        const document = documentText(request.body.document, request.rawBody, 'document')
        const input = { ...request.body, name: request.params.name, document }
        return guardrailForm(await organizations.putGuardrail(account, input))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/organization/guardrails/:name',
      config: { access: { action: 'iam:organization:deleteGuardrail', resource: oneGuardrail } },
      schema: { summary: 'Deletes a guardrail that is attached nowhere', tags, params: nameParam },
      handler: async (request, reply) => {
        await organizations.deleteGuardrail(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/organization/nodes/:node/guardrails',
      config: { access: { action: 'iam:organization:listAttachedGuardrails', resource: oneNode } },
      schema: {
        summary: 'Lists the guardrails of the root, a unit or an account',
        tags,
        params: closed({ node: Type.String() }),
        response: { 200: listSchema(Type.Object({ name: Type.String() })) },
      },
      handler: async (request) => {
        const names = organizations.attachedTo(contextOf(request).principal.account, request.params.node)
        return { items: names.map((name) => ({ name })) }
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/organization/nodes/:node/guardrails/:name',
      config: { access: { action: 'iam:organization:attachGuardrail', resource: oneNode } },
      schema: {
        summary: 'Attaches a guardrail to the root, a unit or an account',
        tags,
        params: closed({ node: Type.String(), name: Type.String() }),
      },
      handler: async (request, reply) => {
        const { node, name } = request.params
        await organizations.attach(contextOf(request).principal.account, node, name)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/organization/nodes/:node/guardrails/:name',
      config: { access: { action: 'iam:organization:detachGuardrail', resource: oneNode } },
      schema: {
        summary: 'Detaches a guardrail; a node with none of a kind allows nothing',
        tags,
        params: closed({ node: Type.String(), name: Type.String() }),
      },
      handler: async (request, reply) => {
        const { node, name } = request.params
        await organizations.detach(contextOf(request).principal.account, node, name)
        return reply.code(204).send()
      },
    })
  }
}
