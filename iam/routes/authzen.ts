import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  type Access,
  type Api,
  type ContextValue,
  contextOf,
  formatCursor,
  iamArn,
  type Principal,
  parseCursor,
  RampartError,
} from '../../platform/index.ts'
import { chooseApplication, type Mentioned } from '../applications/choose.ts'
import { searchActions, searchResources, searchSubjects } from '../applications/search.ts'
import {
  type ActionRef,
  type ApplicationWorld,
  type EntityRef,
  type Evaluation,
  type Properties,
  toContextValue,
} from '../applications/world.ts'
import { makeDecisionId } from '../decision/decision-id.ts'
import { CanonicalKeys, canonicalKeyOf } from '../decision/question.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { BATCH_MAX, SEARCH_RESULTS_MAX } from '../limits.ts'
import { isPlatformKey } from '../policy/context-keys.ts'

const anyObject = Type.Object({}, { additionalProperties: true })
const bodySchema = Type.Object(
  {
    subject: Type.Optional(anyObject),
    action: Type.Optional(anyObject),
    resource: Type.Optional(anyObject),
    context: Type.Optional(anyObject),
  },
  { additionalProperties: true },
)

const PATHS = {
  access_evaluation_endpoint: '/evaluation',
  access_evaluations_endpoint: '/evaluations',
  search_subject_endpoint: '/search/subject',
  search_resource_endpoint: '/search/resource',
  search_action_endpoint: '/search/action',
} as const

/** AuthZEN Authorization API 1.0: `/access/v1`, and below each application its own.
 * @see OpenID AuthZEN Authorization API 1.0, 5 (evaluation), 6 (evaluations), 7 (search), 9 (metadata) */
export function authzenRoutes(iam: Iam, deps: { readonly publicUrl: () => string }) {
  return (api: Api): void => {
    const wholeAccount = 'arn:rampart:iam::{account}:pdp/default'
    addRoutes(api, iam, { base: '/access/v1', resource: wholeAccount })
    addRoutes(api, iam, { base: '/apps/:app/access/v1', resource: 'arn:rampart:iam::{account}:application/{app}' })
    addMetadata(api, deps.publicUrl)
  }
}

function addMetadata(api: Api, publicUrl: () => string): void {
  const document = (prefix: string) => ({
    policy_decision_point: `${publicUrl()}${prefix}`,
    ...Object.fromEntries(
      Object.entries(PATHS).map(([name, path]) => [name, `${publicUrl()}${prefix}/access/v1${path}`]),
    ),
  })
  const access: Access = { public: 'metadata says only where the endpoints are' }
  api.route({
    method: 'GET',
    url: '/.well-known/authzen-configuration',
    config: { access },
    schema: { summary: 'Where the AuthZEN endpoints are', tags: ['authzen'] },
    handler: async () => document(''),
  })
  api.route({
    method: 'GET',
    url: '/.well-known/authzen-configuration/apps/:app',
    config: { access },
    schema: {
      summary: 'Where the AuthZEN endpoints of one application are',
      tags: ['authzen'],
      params: Type.Object({ app: Type.String({ pattern: '^[a-z][a-z0-9-]{1,62}$' }) }),
    },
    handler: async (request) => document(`/apps/${request.params.app}`),
  })
}

function addRoutes(api: Api, iam: Iam, { base, resource }: { readonly base: string; readonly resource: string }): void {
  const access = (action: string): Access => ({ action, resource, audit: 'refusals' })
  const add = (path: string, action: string, summary: string, answer: (ask: Ask) => unknown) =>
    api.route({
      method: 'POST',
      url: `${base}${path}`,
      config: { access: access(action) },
      // What is wrong with a body is answered 400 here, not 422: the protocol says so.
      attachValidation: true,
      schema: { summary, tags: ['authzen'], body: bodySchema },
      handler: async (request) => answer(new Ask(iam, request)),
    })
  add(PATHS.access_evaluation_endpoint, 'iam:pdp:evaluate', 'Decides one request', evaluateOne)
  add(PATHS.access_evaluations_endpoint, 'iam:pdp:evaluate', 'Decides many requests', evaluateMany)
  add(PATHS.search_subject_endpoint, 'iam:pdp:search', 'Finds who may do something', findSubjects)
  add(PATHS.search_resource_endpoint, 'iam:pdp:search', 'Finds on what something may be done', findResources)
  add(PATHS.search_action_endpoint, 'iam:pdp:search', 'Finds what may be done', findActions)
}

/** One call: its body, who calls, and the applications it may be about. */
class Ask {
  readonly iam: Iam
  readonly principal: Principal
  readonly body: Properties
  readonly #worlds: readonly ApplicationWorld[]

  /** @throws iam.authzen.malformed, iam.thing.absent */
  constructor(iam: Iam, request: FastifyRequest) {
    this.iam = iam
    this.principal = contextOf(request).principal
    this.body = requireObject(Buffer.isBuffer(request.body) ? undefined : request.body, 'the body')
    const { app } = request.params as { app?: string }
    const { account } = this.principal
    this.#worlds = app === undefined ? iam.applications.list(account) : [iam.applications.get(account, app)]
  }

  /** What a request may say of itself where our own policies decide: `ctx:<member>` for a member of its context,
   * `ctx:subject.<p>` and the like for properties, and keys of services under their own names. Keys of the platform
   * count from those only who may assert them; from others they are as unknown members. */
  keysOf({ subject, action, resource, context }: Evaluation): ReadonlyMap<string, ContextValue> {
    const keys = new CanonicalKeys()
    for (const name in context) {
      const value = toContextValue(context[name])
      if (value === undefined) continue
      const key = canonicalKeyOf(name.includes(':') ? name : `ctx:${name}`)
      if (!isPlatformKey(key) || this.#mayAssert()) keys.set(key, value)
    }
    addProperties(keys, 'subject', subject.properties)
    addProperties(keys, 'action', action.properties)
    addProperties(keys, 'resource', resource.properties)
    return keys
  }

  #asserts: boolean | undefined

  #mayAssert(): boolean {
    const { account } = this.principal
    this.#asserts ??= this.iam.isAllowed({
      principal: this.principal,
      action: 'iam:pdp:assertContext',
      resource: `arn:rampart:iam::${account}:pdp/default`,
    })
    return this.#asserts
  }

  world(mentioned: Mentioned): ApplicationWorld | 'ambiguous' | undefined {
    if (this.#worlds.length === 0) return undefined
    return chooseApplication(this.#worlds, this.principal.name, mentioned)
  }
}

function addProperties(keys: Map<string, ContextValue>, of: string, properties: Properties | undefined): void {
  for (const name in properties) {
    const value = toContextValue(properties[name])
    if (value !== undefined) keys.set(canonicalKeyOf(`ctx:${of}.${name}`), value)
  }
}

interface Answer {
  readonly decision: boolean
  readonly context?: Properties
}

function evaluateOne(ask: Ask): Answer {
  return evaluate(ask, ask.body)
}

function evaluateMany(ask: Ask): Answer | { readonly evaluations: readonly Answer[] } {
  const { evaluations } = ask.body
  if (evaluations === undefined || (Array.isArray(evaluations) && evaluations.length === 0)) return evaluateOne(ask)
  if (!Array.isArray(evaluations)) throw malformed('`evaluations` must be a list')
  if (evaluations.length > BATCH_MAX) throw malformed(`at most ${BATCH_MAX} evaluations can be asked for at once`)
  const semantic = requireSemantic(ask.body.options)
  const answers: Answer[] = []
  for (const item of evaluations) {
    const answer = tryEvaluate(ask, item)
    answers.push(answer)
    if (semantic === 'deny_on_first_deny' && !answer.decision) break
    if (semantic === 'permit_on_first_permit' && answer.decision) break
  }
  return { evaluations: answers }
}

const semantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']

function requireSemantic(options: unknown): string {
  if (options === undefined) return 'execute_all'
  const semantic = requireObject(options, 'options').evaluations_semantic ?? 'execute_all'
  if (typeof semantic !== 'string' || !semantics.includes(semantic)) {
    throw malformed(`\`evaluations_semantic\` is one of ${semantics.join(', ')}`)
  }
  return semantic
}

/** One item of a batch: what is wrong with it refuses it alone. */
function tryEvaluate(ask: Ask, item: unknown): Answer {
  try {
    return evaluate(ask, requireObject(item, 'an evaluation'))
  } catch (error) {
    if (!(error instanceof RampartError) || error.status !== 400) throw error
    return { decision: false, context: { error: { status: 400, message: error.message } } }
  }
}

/** @param given members of the body stand for those it has not */
function evaluate(ask: Ask, given: Properties): Answer {
  const { body } = ask
  const { subject = body.subject, action = body.action, resource = body.resource, context = body.context } = given
  const evaluation = {
    subject: requireEntity(subject, 'subject'),
    action: requireAction(action),
    resource: requireEntity(resource, 'resource'),
    context: optionalObject(context, 'context'),
  }
  const world = ask.world(evaluation)
  if (world === undefined) return evaluateOurs(ask, evaluation)
  const id = makeDecisionId()
  if (world === 'ambiguous') {
    return {
      decision: false,
      context: { id, reason: 'more than one application knows these types; name the caller in one of them' },
    }
  }
  const { allowed, reason } = world.evaluate(evaluation)
  return { decision: allowed, context: { id, reason } }
}

/** No application: subject is a user or role of the account, action and resource are ours. */
function evaluateOurs(ask: Ask, { subject, action, resource, context }: Evaluation): Answer {
  const { iam, principal } = ask
  const { type, id: name } = subject
  const found = name.startsWith('arn:')
    ? iam.findPrincipal(principal.account, name)
    : type === 'user' || type === 'role'
      ? iam.principalNamed(principal.account, type, name)
      : undefined
  if (!found) return { decision: false, context: { reason: 'implicitDeny' } }
  const { allowed, id, reason } = iam.decide({
    principal: found,
    action: action.name,
    resource: resource.id,
    context: ask.keysOf({ subject, action, resource, context }),
  })
  return { decision: allowed, context: { id, reason } }
}

function findSubjects(ask: Ask) {
  const wanted = requireType(ask.body.subject, 'subject')
  const action = requireAction(ask.body.action)
  const resource = requireEntity(ask.body.resource, 'resource')
  const world = ask.world({ subject: { type: wanted.type }, action, resource })
  if (world === undefined) return findOurSubjects(ask, wanted.type, { action, resource })
  if (!isWorld(world)) return page(ask, [])
  const found = searchSubjects(world, wanted.type, {
    ask: { action, resource, ...contextMember(ask) },
    ...givenMember(wanted),
  })
  return page(ask, found)
}

/** Users or roles of the account that can do it now, found as who-can finds them. A page may be short and more follow. */
async function findOurSubjects(ask: Ask, type: string, { action, resource }: Pick<Evaluation, 'action' | 'resource'>) {
  if (type !== 'user' && type !== 'role') return page(ask, [])
  const { limit, token } = pageAsked(ask)
  const { account } = ask.principal
  const context = ask.keysOf({ subject: { type, id: '' }, action, resource, ...contextMember(ask) })
  const after = token ? parseCursor(token) : type === 'user' ? iamArn(account, 'user', '') : undefined
  const about = { action: action.name, resource: resource.id, context, limit }
  const { items, last } = await ask.iam.whoCan(account, { ...about, ...(after === undefined ? {} : { after }) })
  const prefix = iamArn(account, type, '')
  const results = items
    .filter(({ principal, can }) => can === 'now' && principal.startsWith(prefix))
    .map(({ principal }) => ({ type, id: principal.slice(prefix.length) }))
  // Users come after roles: nobody of the type follows one of the other.
  const next = last?.startsWith(prefix) ? formatCursor(last) : ''
  if (ask.body.page === undefined && next === '') return { results }
  return { results, page: { next_token: next, count: results.length } }
}

function findResources(ask: Ask) {
  const subject = requireEntity(ask.body.subject, 'subject')
  const action = requireAction(ask.body.action)
  const wanted = requireType(ask.body.resource, 'resource')
  const world = ask.world({ subject, action, resource: { type: wanted.type } })
  if (!isWorld(world)) return page(ask, [])
  const found = searchResources(world, wanted.type, {
    ask: { subject, action, ...contextMember(ask) },
    ...givenMember(wanted),
  })
  return page(ask, found)
}

function findActions(ask: Ask) {
  const subject = requireEntity(ask.body.subject, 'subject')
  const resource = requireEntity(ask.body.resource, 'resource')
  const world = ask.world({ subject, resource })
  if (!isWorld(world)) return page(ask, [])
  return page(ask, searchActions(world, { ask: { subject, resource, ...contextMember(ask) } }))
}

function isWorld(world: ReturnType<Ask['world']>): world is ApplicationWorld {
  return world !== undefined && world !== 'ambiguous'
}

const contextMember = (ask: Ask): { context?: Properties } => {
  const context = optionalObject(ask.body.context, 'context')
  return context === undefined ? {} : { context }
}

const givenMember = ({ properties }: { properties?: Properties }) =>
  properties === undefined ? {} : { given: properties }

/** @throws iam.authzen.malformed */
function pageAsked(ask: Ask): { readonly limit: number; readonly token: string | undefined } {
  const asked = optionalObject(ask.body.page, 'page')
  const limit = asked?.limit ?? SEARCH_RESULTS_MAX
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1) {
    throw malformed('`page.limit` must be a count')
  }
  const token = asked?.token
  if (token !== undefined && typeof token !== 'string') throw malformed('`page.token` must be a string')
  return { limit: Math.min(limit, SEARCH_RESULTS_MAX), token }
}

/** A page of results; `page` is in the answer where the caller spoke of pages or there is more. */
function page(ask: Ask, results: readonly (EntityRef | ActionRef)[]) {
  const { limit, token } = pageAsked(ask)
  const from = token ? Number(parseCursor(token)) : 0
  if (!Number.isInteger(from) || from < 0) throw malformed('`page.token` is not one that a search gave')
  const to = from + limit
  const part = results.slice(from, to)
  if (ask.body.page === undefined && results.length <= to) return { results: part }
  const nextToken = results.length > to ? formatCursor(String(to)) : ''
  return { results: part, page: { next_token: nextToken, count: part.length, total: results.length } }
}

function malformed(message: string): RampartError {
  return iamError('iam.authzen.malformed', message)
}

/** @param what a member's name; its own words for what is none */
function requireObject(value: unknown, what: string): Properties {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mustBe(what, 'a JSON object')
  return value as Properties
}

function optionalObject(value: unknown, what: string): Properties | undefined {
  return value === undefined ? undefined : requireObject(value, what)
}

/** As it was sent; members nobody knows stay in it and are looked at by nobody. */
function requireType(value: unknown, what: string): { type: string; properties?: Properties } {
  const entity = requireObject(value, what)
  if (typeof entity.type !== 'string') throw mustBe(`${what}.type`, 'a string')
  optionalObject(entity.properties, 'properties')
  return entity as { type: string; properties?: Properties }
}

function requireEntity(value: unknown, what: string): EntityRef {
  const entity = requireType(value, what)
  if (typeof (entity as Properties).id !== 'string') throw mustBe(`${what}.id`, 'a string')
  return entity as EntityRef
}

function requireAction(value: unknown): ActionRef {
  const action = requireObject(value, 'action')
  if (typeof action.name !== 'string') throw mustBe('action.name', 'a string')
  optionalObject(action.properties, 'properties')
  return action as { name: string; properties?: Properties }
}

function mustBe(what: string, form: string): RampartError {
  return malformed(`${what.includes(' ') ? what : `\`${what}\``} must be ${form}`)
}
