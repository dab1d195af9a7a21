import { Type } from 'typebox'
import { type Api, contextOf, formatInstant } from '../../platform/index.ts'
import type { Iam } from '../iam.ts'
import { closed, nameParam } from './forms.ts'

const oneUser = 'arn:rampart:iam::{account}:user/{name}'
const tags = ['iam']

/** `/v1/iam/users/{name}/mfa-device`. */
export function mfaRoutes({ mfa }: Iam) {
  return (api: Api): void => {
    api.route({
      method: 'GET',
      url: '/v1/iam/users/:name/mfa-device',
      config: { access: { action: 'iam:mfa-device:list', resource: oneUser } },
      schema: {
        summary: 'Shows whether a user has a second factor',
        tags,
        params: nameParam,
        response: {
          200: Type.Object({
            state: Type.Union([Type.Literal('none'), Type.Literal('pending'), Type.Literal('active')]),
            createdAt: Type.Optional(Type.String({ format: 'date-time' })),
            recoveryCodesLeft: Type.Optional(Type.Integer()),
          }),
        },
      },
      handler: async (request) => {
        const { createdAt, ...status } = await mfa.status(contextOf(request).principal.account, request.params.name)
        return { ...status, ...(createdAt === undefined ? {} : { createdAt: formatInstant(createdAt) }) }
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/users/:name/mfa-device',
      config: { access: { action: 'iam:mfa-device:create', resource: oneUser } },
      schema: {
        summary: 'Enrols an authenticator app (TOTP)',
        description: 'The secret is in this answer and nowhere else. It counts once a code of it is confirmed.',
        tags,
        params: nameParam,
        response: { 201: Type.Object({ otpauthUri: Type.String(), secret: Type.String() }) },
      },
      handler: async (request, reply) => {
        const made = await mfa.enrol(contextOf(request).principal.account, request.params.name)
        reply.code(201).header('cache-control', 'no-store')
        return made
      },
    })

    api.route({
      method: 'POST',
      url: '/v1/iam/users/:name/mfa-device/confirm',
      config: { access: { action: 'iam:mfa-device:enable', resource: oneUser } },
      schema: {
        summary: 'Confirms an authenticator app',
        description: 'From here on the user signs in with `mfaCode`. Each recovery code stands in for one, once.',
        tags,
        params: nameParam,
        body: closed({ code: Type.String({ minLength: 1, maxLength: 64 }) }),
        response: { 200: Type.Object({ recoveryCodes: Type.Array(Type.String()) }) },
      },
      handler: async (request, reply) => {
        const { account } = contextOf(request).principal
        const given = { code: request.body.code, sourceIp: request.ip }
        const recoveryCodes = await mfa.confirm(account, request.params.name, given)
        reply.header('cache-control', 'no-store')
        return { recoveryCodes: [...recoveryCodes] }
      },
    })

    api.route({
      method: 'DELETE',
      url: '/v1/iam/users/:name/mfa-device',
      config: { access: { action: 'iam:mfa-device:deactivate', resource: oneUser } },
      schema: { summary: 'Removes the second factor of a user', tags, params: nameParam },
      handler: async (request, reply) => {
        await mfa.remove(contextOf(request).principal.account, request.params.name)
        return reply.code(204).send()
      },
    })
  }
}
