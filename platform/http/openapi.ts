import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifySchema } from 'fastify'
import type { Access, OperationAccess } from './access.ts'
import type { Api } from './api.ts'

const PUBLIC = { public: 'the description of the API holds nothing of any tenant' }

/** Serves `/openapi.json` (3.1) made from the route schemas, and `/docs` to read it in. */
export async function publishOpenapi(server: Api, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Rampart', version, description: 'Security operations platform: SIEM, SOAR and IAM' },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'POST /v1/iam/tokens gives one' },
        },
      },
      security: [{ bearer: [] }],
    },
    transform: ({ schema, url, route }) => ({
      schema: { ...(schema as FastifySchema), ...accessMembers(route.config?.access) },
      url,
    }),
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
