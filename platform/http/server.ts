import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController, type RouteOptions } from 'fastify'
import { uuidv7 } from '../base/ids.ts'
import type { Context } from '../ports.ts'
import { type Access, accessProblem } from './access.ts'
import type { Api } from './api.ts'
import { takeBodies } from './bodies.ts'
import { httpError } from './errors.ts'
import { type GuardDeps, type Guarded, installGuard } from './guard.ts'
import { publishOpenapi } from './openapi.ts'
import { sendProblem, toRampartError } from './problem.ts'
import { validatorCompiler } from './validate.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    ctx: Context | undefined
    guarded: Guarded | undefined
    /** The body's bytes as they were received. */
    rawBody: Buffer | undefined
  }
}

const BODY_BYTES_MAX = 1024 * 1024
const REQUEST_TIMEOUT_MS = 60_000
const HEADERS_TIMEOUT_MS = 15_000
const CONNECTIONS_MAX = 20_000
const PARAMETER_LENGTH_MAX = 256
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

export interface ServerOptions extends GuardDeps {
  readonly log: FastifyBaseLogger
  readonly version: string
  /** Addresses and networks of proxies whose word about the client counts. Default: none, the peer is the client. */
  readonly trustedProxies?: readonly string[]
  /** Each adds its routes; no two may share a path and method. */
  readonly routes: readonly ((api: Api) => void)[]
}

/** The HTTP server with every route on it, ready to listen or to be asked by `inject`. Throws when a route declares no
 * access. */
export async function createServer(options: ServerOptions): Promise<Api> {
  const server = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    // The rightmost hop that is no proxy of ours: everything further left is what a client may have written itself.
    trustProxy: options.trustedProxies?.length ? [...options.trustedProxies] : false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    requestIdHeader: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : uuidv7(options.clock)
    },
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Api
  server.server.maxConnections = CONNECTIONS_MAX
  server.setValidatorCompiler(validatorCompiler)
  takeBodies(server as unknown as FastifyInstance)

  const routes: RouteOptions[] = []
  server.addHook('onRoute', (route) => {
    routes.push(route)
  })
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  installGuard(server as unknown as FastifyInstance, options)
  server.setErrorHandler((error, request, reply) => {
    const told = toRampartError(error)
    if (request.guarded) request.guarded.errorCode = told.code
    if (told.status >= 500) request.log.error({ err: error, requestId: request.id }, told.message)
    return sendProblem(request, reply, told)
  })
  server.setNotFoundHandler((request, reply) =>
    sendProblem(
      request,
      reply,
      httpError(
        'platform.http.notFound',
        `nothing answers ${request.method} ${request.url.split('?', 1)[0]}; see /docs`,
      ),
    ),
  )
  await publishOpenapi(server, options.version)
  server.register(async (scope) => {
    for (const add of options.routes) await scope.register(async (inner) => add(inner as unknown as Api))
  })
  await server.ready()
  requireAccess(routes)
  return server
}

function requireAccess(routes: readonly RouteOptions[]): void {
  const problems = routes.flatMap((route) => {
    const problem = accessProblem(route.config?.access, route.url)
    return problem ? [`${String(route.method)} ${route.url} ${problem}`] : []
  })
  if (problems.length > 0) throw new Error(`the server does not start:\n  ${problems.join('\n  ')}`)
}
