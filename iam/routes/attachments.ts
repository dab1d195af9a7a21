import { Type } from 'typebox'
import { type Api, contextOf } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { type HolderKind, holderKinds } from '../types.ts'
import { closed, documentSchema, documentText, nameParam } from './forms.ts'

const policyArn = Type.String({ minLength: 1, maxLength: 512 })
const inlineParams = closed({ name: Type.String(), policy: Type.String({ maxLength: 128 }) })
const tags = ['iam']

/** Policies that users, groups and roles hold: `/v1/iam/users/{name}/attached-policies` and the like. */
export function attachmentRoutes(iam: Iam) {
  return (api: Api): void => {
    for (const kind of holderKinds) addRoutes(api, iam, kind)
  }
}

function addRoutes(api: Api, iam: Iam, kind: HolderKind): void {
  const base = `/v1/iam/${kind}s/:name`
  const resource = `arn:rampart:iam::{account}:${kind}/{name}`

  api.route({
    method: 'POST',
    url: `${base}/attached-policies`,
    config: { access: { action: `iam:${kind}:attachPolicy`, resource } },
    schema: {
      summary: `Attaches a managed policy to a ${kind}`,
      tags,
      params: nameParam,
      body: closed({ policyArn }),
    },
    handler: async (request, reply) => {
      const holder = { kind, name: request.params.name }
      await iam.attachments.attach(contextOf(request).principal.account, holder, request.body.policyArn)
      return reply.code(204).send()
    },
  })

  api.route({
    method: 'DELETE',
    url: `${base}/attached-policies`,
    config: { access: { action: `iam:${kind}:detachPolicy`, resource } },
    schema: {
      summary: `Detaches a managed policy from a ${kind}`,
      tags,
      params: nameParam,
      querystring: closed({ policyArn }),
    },
    handler: async (request, reply) => {
      const holder = { kind, name: request.params.name }
      await iam.attachments.detach(contextOf(request).principal.account, holder, request.query.policyArn)
      return reply.code(204).send()
    },
  })

  api.route({
    method: 'GET',
    url: `${base}/inline-policies/:policy`,
    config: { access: { action: `iam:${kind}:getInlinePolicy`, resource } },
    schema: {
      summary: `Shows an inline policy of a ${kind}`,
      tags,
      params: inlineParams,
      response: { 200: Type.Object({ name: Type.String(), document: Type.String() }) },
    },
    handler: async (request) => {
      const { account } = contextOf(request).principal
      const { name, policy } = request.params
      const holder = iam[`${kind}s`].get(account, name)
      const inline = holder.inline.get(policy)
      if (!inline) throw iamError('iam.thing.absent', `the ${kind} \`${name}\` has no inline policy \`${policy}\``)
      return { name: policy, document: inline.document }
    },
  })

  api.route({
    method: 'PUT',
    url: `${base}/inline-policies/:policy`,
    config: { access: { action: `iam:${kind}:putInlinePolicy`, resource } },
    schema: {
      summary: `Puts an inline policy of a ${kind}`,
      tags,
      params: inlineParams,
      body: closed({ document: documentSchema }),
    },
    handler: async (request, reply) => {
      const document = documentText(request.body.document, request.rawBody, 'document')
      const { name, policy } = request.params
      await iam.attachments.putInline(contextOf(request).principal.account, { kind, name }, policy, document)
      return reply.code(204).send()
    },
  })

  api.route({
    method: 'DELETE',
    url: `${base}/inline-policies/:policy`,
    config: { access: { action: `iam:${kind}:deleteInlinePolicy`, resource } },
    schema: { summary: `Deletes an inline policy of a ${kind}`, tags, params: inlineParams },
    handler: async (request, reply) => {
      const { name, policy } = request.params
      await iam.attachments.deleteInline(contextOf(request).principal.account, { kind, name }, policy)
      return reply.code(204).send()
    },
  })

  if (kind === 'group') return

  api.route({
    method: 'PUT',
    url: `${base}/boundary`,
    config: { access: { action: `iam:${kind}:putBoundary`, resource } },
    schema: {
      summary: `Sets the permission boundary of a ${kind}: what it may do at most`,
      tags,
      params: nameParam,
      body: closed({ policyArn }),
    },
    handler: async (request, reply) => {
      const holder = { kind, name: request.params.name }
      await iam.attachments.setBoundary(contextOf(request).principal.account, holder, request.body.policyArn)
      return reply.code(204).send()
    },
  })

  api.route({
    method: 'DELETE',
    url: `${base}/boundary`,
    config: { access: { action: `iam:${kind}:deleteBoundary`, resource } },
    schema: { summary: `Takes the permission boundary of a ${kind} away`, tags, params: nameParam },
    handler: async (request, reply) => {
      const holder = { kind, name: request.params.name }
      await iam.attachments.setBoundary(contextOf(request).principal.account, holder, undefined)
      return reply.code(204).send()
    },
  })
}
