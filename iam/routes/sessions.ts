import { Type } from 'typebox'
import { type Api, contextOf, type FilterCompiler, formatInstant, listSchema } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { requireName } from '../names.ts'
import type { Session } from '../sessions/sessions.ts'
import type { Device } from '../types.ts'
import { closed, listQuery, nameParam, nameSchema, page } from './forms.ts'

const instant = Type.String({ format: 'date-time' })

const sessionSchema = Type.Object({
  id: Type.String(),
  createdAt: instant,
  expiresAt: instant,
  revokedAt: Type.Optional(instant),
  method: Type.Optional(Type.String({ description: 'How the user proved itself' })),
  sourceIp: Type.Optional(Type.String()),
  userAgent: Type.Optional(Type.String()),
  device: Type.Optional(Type.String()),
})

const sessionForm = ({ createdAt, expiresAt, revokedAt, ...session }: Session) => ({
  ...session,
  createdAt: formatInstant(createdAt),
  expiresAt: formatInstant(expiresAt),
  ...(revokedAt === undefined ? {} : { revokedAt: formatInstant(revokedAt) }),
})

const deviceSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  managed: Type.Boolean(),
  posture: Type.String(),
  userId: Type.Optional(Type.String()),
  createdAt: instant,
  updatedAt: instant,
})

const deviceForm = ({ createdAt, updatedAt, ...device }: Device) => ({
  ...device,
  createdAt: formatInstant(createdAt),
  updatedAt: formatInstant(updatedAt),
})

const oneUser = 'arn:rampart:iam::{account}:user/{name}'
const everyDevice = 'arn:rampart:iam::{account}:device/*'
const oneDevice = 'arn:rampart:iam::{account}:device/{id}'
const sessionParams = closed({ name: Type.String(), id: Type.String({ maxLength: 64 }) })
const idParam = closed({ id: Type.String() })
const tags = ['iam']

/** `/v1/iam/users/{name}/sessions` and `/v1/iam/devices`. */
export function sessionRoutes({ sessions }: Iam, deps: { readonly compileFilter: FilterCompiler }) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/users/:name/sessions',
      config: { access: { action: 'iam:session:list', resource: oneUser } },
      schema: {
        summary: 'Lists the sessions of a user, the newest first',
        tags,
        params: nameParam,
        response: { 200: listSchema(sessionSchema) },
      },
      handler: async (request) => ({
        items: (await sessions.list(contextOf(request).principal.account, request.params.name)).map(sessionForm),
      }),
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/users/:name/sessions/:id',
      config: { access: { action: 'iam:session:revoke', resource: oneUser } },
      schema: { summary: 'Ends one session, at its next request', tags, params: sessionParams },
      handler: async (request, reply) => {
        const { name, id } = request.params
        await sessions.revoke(contextOf(request).principal.account, name, id)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/users/:name/sessions/:id/device',
      config: { access: { action: 'iam:session:bindDevice', resource: oneUser } },
      schema: {
        summary: 'Says which device a session is on',
        description: 'For whoever watches over devices: what a caller says of its own device counts for nothing.',
        tags,
        params: sessionParams,
        body: closed({ device: nameSchema }),
      },
      handler: async (request, reply) => {
        const { name: userName, id } = request.params
        await sessions.bind(contextOf(request).principal.account, { userName, id }, request.body.device)
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/users/:name/sessions/:id/device',
      config: { access: { action: 'iam:session:bindDevice', resource: oneUser } },
      schema: { summary: 'Takes a session off its device', tags, params: sessionParams },
      handler: async (request, reply) => {
        const { name: userName, id } = request.params
        await sessions.bind(contextOf(request).principal.account, { userName, id })
        return reply.code(204).send()
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/devices',
      config: { access: { action: 'iam:device:list', resource: everyDevice } },
      schema: { summary: 'Lists devices', tags, querystring: listQuery, response: { 200: listSchema(deviceSchema) } },
      handler: async (request) => {
        const items = sessions.devices(contextOf(request).principal.account).map(deviceForm)
        return page(items, request.query, { ...deps, placeOf: ({ id }) => id })
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/iam/devices/:id',
      config: { access: { action: 'iam:device:get', resource: oneDevice } },
      schema: { summary: 'Shows a device', tags, params: idParam, response: { 200: deviceSchema } },
      handler: async (request) => deviceForm(sessions.device(contextOf(request).principal.account, request.params.id)),
    })

    api.route({
      method: 'PUT',
      url: '/v1/iam/devices/:id',
      config: { access: { action: 'iam:device:put', resource: oneDevice } },
      schema: {
        summary: 'Registers a device, or says anew in which state it is',
        description: 'Decisions about its sessions see it as `g:DeviceId`, `g:DeviceManaged` and `g:DevicePosture`.',
        tags,
        params: idParam,
        body: closed({
          name: Type.String({ minLength: 1, maxLength: 128 }),
          managed: Type.Boolean(),
          posture: Type.String({
            minLength: 1,
            maxLength: 64,
            description: 'In words of your own, such as `compliant`',
          }),
          userName: Type.Optional(nameSchema),
        }),
        response: { 200: deviceSchema },
      },
      handler: async (request) => {
        requireName('device', request.params.id)
        const { account } = contextOf(request).principal
        return deviceForm(await sessions.putDevice(account, request.params.id, request.body))
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/devices/:id',
      config: { access: { action: 'iam:device:delete', resource: oneDevice } },
      schema: { summary: 'Forgets a device', tags, params: idParam },
      handler: async (request, reply) => {
        await sessions.deleteDevice(contextOf(request).principal.account, request.params.id)
        return reply.code(204).send()
      },
    })
  }
}
