import { Type } from 'typebox'
import {
  type Api,
  contextOf,
  type FilterCompiler,
  formatInstant,
  listSchema,
  type Principal,
} from '../../platform/index.ts'
import { type AccessRequest, type AccessTarget, requestStates } from '../access/access-requests.ts'
import { accessKinds } from '../access/tables.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { ACCESS_SEC_MAX, ACCESS_SEC_MIN } from '../limits.ts'
import { closed, listQuery, nameSchema, page } from './forms.ts'

const instant = Type.String({ format: 'date-time' })

export const requestSchema = Type.Object({
  id: Type.String(),
  kind: Type.Enum(accessKinds),
  target: Type.String({ description: 'ARN of the policy, name of the group or of the break-glass user' }),
  requester: Type.String(),
  reason: Type.String(),
  durationSec: Type.Integer(),
  state: Type.Enum(requestStates),
  approvalsNeeded: Type.Integer(),
  voices: Type.Array(
    Type.Object({ approver: Type.String(), approved: Type.Boolean(), comment: Type.String(), at: instant }),
  ),
  createdAt: instant,
  startsAt: Type.Optional(instant),
  expiresAt: Type.Optional(instant),
  endedAt: Type.Optional(instant),
  endedBy: Type.Optional(Type.String()),
})

export function requestForm({ createdAt, startsAt, expiresAt, endedAt, voices, ...request }: AccessRequest) {
  return {
    ...request,
    voices: voices.map((voice) => ({ ...voice, at: formatInstant(voice.at) })),
    createdAt: formatInstant(createdAt),
    ...(startsAt === undefined ? {} : { startsAt: formatInstant(startsAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: formatInstant(expiresAt) }),
    ...(endedAt === undefined ? {} : { endedAt: formatInstant(endedAt) }),
  }
}

export const reasonSchema = Type.String({ minLength: 1, maxLength: 1_000 })
export const commentSchema = Type.Optional(Type.String({ maxLength: 1_000 }))

const everyRequest = 'arn:rampart:iam::{account}:access-request/*'
const oneRequest = 'arn:rampart:iam::{account}:access-request/{id}'
const idParam = closed({ id: Type.String() })
const tags = ['iam']

/** `/v1/iam/access-requests`: access for a time, asked for and approved. */
export function accessRequestRoutes({ accessRequests }: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  const verbs = {
    approve: {
      summary: 'Approves a request of somebody else; access begins',
      run: (principal: Principal, id: string, comment?: string) => accessRequests.approve(principal, id, comment),
    },
    reject: {
      summary: 'Rejects a request of somebody else',
      run: (principal: Principal, id: string, comment?: string) => accessRequests.reject(principal, id, comment),
    },
    cancel: {
      summary: 'Takes an own request back, and what it gave',
      run: (principal: Principal, id: string) => accessRequests.cancel(principal, id),
    },
    revoke: {
      summary: 'Ends what a request gave before its time',
      run: (principal: Principal, id: string) => accessRequests.revoke(principal, id),
    },
  }
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/access-requests',
      config: { access: { action: 'iam:access-request:list', resource: everyRequest } },
      schema: {
        summary: 'Lists requests for access, the newest first',
        tags,
        querystring: listQuery,
        response: { 200: listSchema(requestSchema) },
      },
      handler: async (request) => {
        const items = (await accessRequests.list(contextOf(request).principal.account)).map(requestForm)
        return page(items, request.query, { ...deps, placeOf: ({ id }) => id, order: 'falling' })
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/access-requests',
      config: { access: { action: 'iam:access-request:create', resource: everyRequest } },
      schema: {
        summary: 'Asks for a policy, or to be in a group, for a time',
        description: 'Another user approves it, and nobody their own. From `expiresAt` on nothing is allowed by it.',
        tags,
        body: closed({
          policy: Type.Optional(Type.String({ maxLength: 512, description: 'ARN of a managed policy' })),
          group: Type.Optional(nameSchema),
          reason: reasonSchema,
          durationSec: Type.Integer({ minimum: ACCESS_SEC_MIN, maximum: ACCESS_SEC_MAX }),
        }),
        response: { 201: requestSchema },
      },
      handler: async (request, reply) => {
        const { reason, durationSec } = request.body
        const target = targetOf(request.body)
        const made = await accessRequests.create(contextOf(request).principal, { target, reason, durationSec })
        reply.code(201).header('location', `/v1/iam/access-requests/${made.id}`)
        return requestForm(made)
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/access-requests/:id',
      config: { access: { action: 'iam:access-request:get', resource: oneRequest } },
      schema: { summary: 'Shows a request for access', tags, params: idParam, response: { 200: requestSchema } },
      handler: async (request) =>
        requestForm(await accessRequests.get(contextOf(request).principal.account, request.params.id)),
    })

    for (const [verb, { summary, run }] of Object.entries(verbs)) {
      api.route({
        method: 'POST',
        url: `/v1/iam/access-requests/:id(^[^:]+)::${verb}`,
        config: { access: { action: `iam:access-request:${verb}`, resource: oneRequest } },
        schema: {
          summary,
          tags,
          params: idParam,
          body: closed(verb === 'approve' || verb === 'reject' ? { comment: commentSchema } : {}),
          response: { 200: requestSchema },
        },
        handler: async (request) =>
          requestForm(
            await run(contextOf(request).principal, request.params.id, (request.body as { comment?: string }).comment),
          ),
      })
    }
  }
}

function targetOf({ policy, group }: { readonly policy?: string; readonly group?: string }): AccessTarget {
  if ((policy === undefined) === (group === undefined)) {
    throw iamError('iam.access.malformed', 'name either `policy` or `group`')
  }
  return policy === undefined ? { kind: 'group', name: group ?? '' } : { kind: 'policy', name: policy }
}
