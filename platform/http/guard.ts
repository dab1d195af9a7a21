import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../base/clock.ts'
import type { AuditSink, Authenticator, Authorizer, BodyBound, Context, ContextValue, Principal } from '../ports.ts'
import { type Access, auditsSuccess, type OperationAccess, type Operations, resolveResource } from './access.ts'
import { httpError } from './errors.ts'

export interface GuardDeps {
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly audit: AuditSink
  readonly clock: Clock
}

/** The action of a refusal that came before it was known what is asked for. */
const UNKNOWN_OPERATION = 'platform:operation:unknown'

/** What the guard keeps of a request between its hooks. */
export interface Guarded {
  access: Access
  /** Of an operation of a foreign protocol, once it is known. */
  operation?: OperationAccess
  signedService?: string
  bodyBound?: BodyBound
  principal?: Principal
  resource?: string
  decisionId?: string
  errorCode?: string
  /** What a public call is audited as. */
  noted?: Noted
}

/** What somebody does who proves on the way who it is, as at a sign-in. */
export interface Noted {
  readonly action: string
  /** Once it is known; a call of which it is not known is counted, not written. */
  readonly caller?: Pick<Principal, 'account' | 'arn'>
  readonly resources?: readonly string[]
}

/** Has a public call audited, whatever comes of it; the last call counts. */
export function auditAs(request: FastifyRequest, noted: Noted): void {
  if (request.guarded) request.guarded.noted = noted
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
    if ('operations' in access) return authenticateOperation(deps, request, access.operations)
    const caller = await deps.authenticator.authenticate({
      method: request.method,
      rawUrl: request.raw.url ?? '/',
      headers: headerLines(request),
      sourceIp: request.ip,
      service: 'rampart',
    })
    if ('verify' in caller) request.guarded.bodyBound = caller
    else if ('context' in access) request.guarded.principal = caller
    else await admit(deps, request, caller)
  })

  // A signed body can be judged only when it has been read; still before it is validated or handled.
  api.addHook('preValidation', async (request) => {
    const access = request.guarded?.access
    if (access && 'operations' in access) return admitOperation(deps, request, access.operations)
    const bound = request.guarded?.bodyBound
    if (bound) return admit(deps, request, await bound.verify(digestOf(request)))
    if (access && 'context' in access && request.guarded?.principal) {
      await admit(deps, request, request.guarded.principal)
    }
  })

  api.addHook('onSend', async (request, reply, payload) => {
    if (deps.authorizer.snapshots && request.guarded?.principal) {
      reply.header(SNAPSHOT_HEADER, deps.authorizer.snapshots.current())
    }
    await auditAnswer(deps, request, reply)
    return payload
  })
}

function digestOf(request: FastifyRequest): string {
  return createHash('sha256')
    .update(request.rawBody ?? '')
    .digest('hex')
}

/** The signing name a request says it is signed for: what the authenticator then holds it to. */
const SIGNED_SERVICE = /Credential=[^,/]*\/[^,/]*\/[^,/]*\/([a-z0-9-]{1,64})\/aws4_request/

/** Only signatures count here. A request without one may still ask for an operation that is public. */
async function authenticateOperation(
  deps: GuardDeps,
  request: FastifyRequest,
  { services }: Operations,
): Promise<void> {
  const authorization = request.headers.authorization
  if (authorization === undefined || !request.guarded) return
  const service = SIGNED_SERVICE.exec(authorization)?.[1] ?? ''
  const caller = await deps.authenticator.authenticate({
    method: request.method,
    rawUrl: request.raw.url ?? '/',
    headers: headerLines(request),
    sourceIp: request.ip,
    service: services.includes(service) ? service : (services[0] ?? ''),
  })
  if (!('verify' in caller)) throw httpError('platform.http.unauthenticated', 'requests of this protocol are signed')
  request.guarded.bodyBound = caller
  request.guarded.signedService = service
}

async function admitOperation(deps: GuardDeps, request: FastifyRequest, operations: Operations): Promise<void> {
  const { guarded } = request
  if (!guarded) return
  const body = request.rawBody ?? Buffer.alloc(0)
  const principal = await guarded.bodyBound?.verify(digestOf(request))
  const operation = operations.find({ service: guarded.signedService, headers: request.headers, body })
  guarded.operation = operation
  if ('public' in operation) return
  if (!principal) throw httpError('platform.http.unauthenticated', 'the request is not signed')
  guarded.principal = principal
  if ('callerOnly' in operation) {
    request.ctx = { principal, requestId: request.id, now: deps.clock.now() }
    return
  }
  await authorize(deps, request, {
    principal,
    action: operation.action,
    resource: operation.resource(principal.account, body),
    ...(operation.context ? { context: operation.context(body) } : {}),
  })
}

async function admit(deps: GuardDeps, request: FastifyRequest, principal: Principal): Promise<void> {
  const guarded = request.guarded
  if (!guarded || !('action' in guarded.access)) return
  guarded.principal = principal
  const { action, resource: template, context } = guarded.access
  const resource = resolveResource(template, principal.account, request.params as Record<string, string>)
  if (resource === undefined) throw httpError('platform.http.notFound', 'no resource has such a name')
  await authorize(deps, request, {
    principal,
    action,
    resource,
    ...(context ? { context: context(request.body) } : {}),
  })
}

interface Asked {
  readonly principal: Principal
  readonly action: string
  readonly resource: string
  readonly context?: ReadonlyMap<string, ContextValue>
}

async function authorize(
  deps: GuardDeps,
  request: FastifyRequest,
  { principal, action, resource, context: brought }: Asked,
): Promise<void> {
  const { guarded } = request
  if (!guarded) return
  guarded.resource = resource
  await reachSnapshot(deps, request)
  const context = requestContext(request)
  for (const [key, value] of brought ?? []) context.set(key, value)
  const decision = await deps.authorizer.authorize({ principal, action, resource, context })
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

/** The number of the state that decisions are made by: told with each answer, and asked for with a request. */
export const SNAPSHOT_HEADER = 'x-rampart-snapshot'
export const MIN_SNAPSHOT_HEADER = 'x-rampart-min-snapshot'

/** A caller who sends the number that came with its change is decided by that change or a later state. */
async function reachSnapshot({ authorizer }: GuardDeps, { headers }: FastifyRequest): Promise<void> {
  const given = headers[MIN_SNAPSHOT_HEADER]
  if (given === undefined || !authorizer.snapshots) return
  if (typeof given !== 'string' || !/^[0-9]{1,15}$/.test(given)) {
    throw httpError('platform.http.malformed', `\`${MIN_SNAPSHOT_HEADER}\` is a number that ${SNAPSHOT_HEADER} told`)
  }
  const wanted = Number(given)
  const { current, reach } = authorizer.snapshots
  if (current() >= wanted) return
  const reached = await reach(wanted)
  if (reached < wanted) {
    throw httpError('platform.http.noSuchSnapshot', `no change has the number ${wanted} yet; the last is ${reached}`)
  }
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
  if (!guarded) return
  const { operation, noted } = guarded
  const isPublic = 'public' in (operation ?? guarded.access)
  if (isPublic && !noted) return
  const status = reply.statusCode
  const refused = status === 401 || status === 403 || (status === 429 && isPublic)
  const audits =
    isPublic || (operation ? operation.audit !== 'refusals' : auditsSuccess(guarded.access, request.method))
  if (!refused && !audits) return
  const principal: (Noted['caller'] & { readonly accessKeyId?: string }) | undefined =
    guarded.principal ?? noted?.caller
  const userAgent = request.headers['user-agent']
  await deps.audit.record({
    account: principal?.account ?? 'unknown',
    at: deps.clock.now(),
    principal: principal?.arn ?? 'anonymous',
    action: noted?.action ?? actionOf(guarded),
    resources: noted?.resources ?? (guarded.resource === undefined ? [] : [guarded.resource]),
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

function actionOf({ operation, access }: Guarded): string {
  if (operation && 'action' in operation) return operation.action
  return 'action' in access ? access.action : UNKNOWN_OPERATION
}

/** The context of an authorised request. */
export function contextOf(request: FastifyRequest): Context {
  if (!request.ctx) throw new Error(`${request.url} is public and has no caller`)
  return request.ctx
}
