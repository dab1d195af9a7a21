import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import type { AuditSink, Authenticator, Authorizer, BodyBound, Context, ContextValue, Principal } from '../ports.ts'
import { type Access, auditsSuccess, resolveResource } from './access.ts'
import { httpError } from './errors.ts'

export interface GuardDeps {
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly audit: AuditSink
  readonly clock: Clock
}

/** What the guard keeps of a request between its hooks. */
export interface Guarded {
  access: Access
  bodyBound?: BodyBound
  principal?: Principal
  resource?: string
  decisionId?: string
  errorCode?: string
}

/** The one place where calls are authenticated, authorised and audited: before the handler, and before the answer. */
export function installGuard(api: FastifyInstance, deps: GuardDeps): void {
  api.decorateRequest('ctx', undefined)
  api.decorateRequest('guarded', undefined)
  api.decorateRequest('rawBody', undefined)

  api.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access
    if (!access) return
    request.guarded = { access }
    if ('public' in access) return
    const caller = await deps.authenticator.authenticate({
      method: request.method,
      rawUrl: request.raw.url ?? '/',
      headers: headerLines(request),
      sourceIp: request.ip,
      service: 'rampart',
    })
    if ('verify' in caller) request.guarded.bodyBound = caller
    else await admit(deps, request, caller)
  })

  // A signed body can be judged only when it has been read; still before it is validated or handled.
  api.addHook('preValidation', async (request) => {
    const bound = request.guarded?.bodyBound
    if (!bound) return
    const digest = createHash('sha256')
      .update(request.rawBody ?? '')
      .digest('hex')
    await admit(deps, request, await bound.verify(digest))
  })

  api.addHook('onSend', async (request, reply, payload) => {
    await auditAnswer(deps, request, reply)
    return payload
  })
}

async function admit(deps: GuardDeps, request: FastifyRequest, principal: Principal): Promise<void> {
  const guarded = request.guarded
  if (!guarded || 'public' in guarded.access) return
  guarded.principal = principal
  const { action, resource: template } = guarded.access
  const resource = resolveResource(template, principal.account, request.params as Record<string, string>)
  if (resource === undefined) throw httpError('platform.http.notFound', 'no resource has such a name')
  guarded.resource = resource
  const decision = await deps.authorizer.authorize({ principal, action, resource, context: requestContext(request) })
  guarded.decisionId = decision.id
  if (!decision.allowed) {
    throw httpError(
      'platform.http.forbidden',
      `${principal.arn} may not ${action} on ${resource}; ask for a policy that allows it, and quote the decision id`,
      { extra: { decisionId: decision.id } },
    )
  }
  request.ctx = { principal, requestId: request.id, now: deps.clock.now() }
}

/** What a decision may depend on beside principal, action and resource: for the guard, and for a route that asks for
 * more than its own action. */
export function requestContext(request: FastifyRequest): Map<string, ContextValue> {
  const context = new Map<string, ContextValue>([
    ['g:SourceIp', request.ip],
    ['g:SecureTransport', request.protocol === 'https'],
  ])
  const userAgent = request.headers['user-agent']
  if (userAgent !== undefined) context.set('g:UserAgent', userAgent)
  return context
}

function headerLines(request: FastifyRequest): [string, string][] {
  const raw = request.raw.rawHeaders
  const lines: [string, string][] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    lines.push([(raw[index] ?? '').toLowerCase(), raw[index + 1] ?? ''])
  }
  return lines
}

async function auditAnswer(deps: GuardDeps, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const guarded = request.guarded
  if (!guarded || 'public' in guarded.access) return
  const status = reply.statusCode
  const refused = status === 401 || status === 403
  if (!refused && !auditsSuccess(guarded.access, request.method)) return
  const principal = guarded.principal
  const userAgent = request.headers['user-agent']
  await deps.audit.record({
    account: principal?.account ?? 'unknown',
    at: deps.clock.now(),
    principal: principal?.arn ?? 'anonymous',
    action: guarded.access.action,
    resources: guarded.resource === undefined ? [] : [guarded.resource],
    outcome: refused ? 'refused' : status < 400 ? 'success' : 'failure',
    status,
    requestId: request.id,
    sourceIp: request.ip,
    count: 1,
    ...(principal?.accessKeyId === undefined ? {} : { accessKeyId: principal.accessKeyId }),
    ...(guarded.errorCode === undefined ? {} : { errorCode: guarded.errorCode }),
    ...(guarded.decisionId === undefined ? {} : { decisionId: guarded.decisionId }),
    ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, 512) }),
  })
}

/** The context of an authorised request. */
export function contextOf(request: FastifyRequest): Context {
  if (!request.ctx) throw new Error(`${request.url} is public and has no caller`)
  return request.ctx
}
