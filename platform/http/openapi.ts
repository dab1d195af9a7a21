import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifySchema } from 'fastify'
import type { Access, OperationAccess } from './access.ts'
import type { Api } from './api.ts'
import { MIN_SNAPSHOT_HEADER, SNAPSHOT_HEADER } from './guard.ts'

const PUBLIC = { public: 'the description of the API holds nothing of any tenant' }

/** Serves `/openapi.json` (3.1) made from the route schemas, and `/docs` to read it in. */
export async function publishOpenapi(server: Api, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Rampart', version, description: DESCRIPTION },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'POST /v1/iam/tokens gives one' },
        },
      },
      security: [{ bearer: [] }],
    },
    transform: ({ schema, url, route }) => {
      const access = route.config?.access
      return { schema: { ...(schema as FastifySchema), ...accessMembers(access), ...headersOf(schema, access) }, url }
    },
  })
  await server.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: PUBLIC }
      route.schema = { ...route.schema, hide: true }
    })
    await scope.register(swaggerUi, { routePrefix: '/docs' })
  })
  server.get(
    '/openapi.json',
    { config: { access: PUBLIC }, schema: { summary: 'This description', tags: ['service'] } },
    async () => server.swagger(),
  )
}

const DESCRIPTION = `Security operations platform: SIEM, SOAR and IAM.

Each answer to a known caller tells in \`${SNAPSHOT_HEADER}\` the number of the identities and policies it was decided by; that of a
change has seen the change. A request that sends it back as \`${MIN_SNAPSHOT_HEADER}\`, to whichever process, is decided by that
state or a later one.`

/** Decisions are what others ask for right after a change. */
function headersOf(schema: FastifySchema, access: Access | undefined): FastifySchema {
  if (!access || !('action' in access) || !access.action.startsWith('iam:pdp:')) return {}
  return {
    headers: {
      type: 'object',
      properties: {
        ...(schema?.headers as { properties?: object } | undefined)?.properties,
        [MIN_SNAPSHOT_HEADER]: {
          type: 'integer',
          minimum: 0,
          description: `A number that \`${SNAPSHOT_HEADER}\` told: decide by that state or a later one`,
        },
      },
    },
  }
}

function accessMembers(access: Access | undefined): Record<string, unknown> {
  if (!access) return {}
  if ('public' in access) return { 'x-public': access.public, security: [] }
  if ('operations' in access) return { 'x-operations': access.operations.list.map(operationMember), security: [] }
  return { 'x-action': access.action, 'x-resource': access.resource }
}

function operationMember(operation: OperationAccess): Record<string, string> {
  if ('public' in operation) return { name: operation.name, 'x-public': operation.public }
  if ('callerOnly' in operation) {
    return { name: operation.name, 'x-action': operation.action, 'x-caller-only': operation.callerOnly }
  }
  return { name: operation.name, 'x-action': operation.action }
}
