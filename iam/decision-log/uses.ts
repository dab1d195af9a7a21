import type {
  AccountId,
  AuthzRequest,
  Clock,
  ContextValue,
  Database,
  Decision,
  Principal,
} from '../../platform/index.ts'
import {
  SHAPES_PER_DAY_MAX,
  USE_RETENTION_DAYS,
  USES_COLLECT_EVERY_MS,
  USES_PENDING_MAX,
  USES_QUEUE_MAX,
  USES_WRITE_EVERY_MS,
} from '../limits.ts'
import type { Log } from '../types.ts'
import { type PrincipalUse, type RequestShape, type StatementUse, UseStore } from './use-store.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Places for requests that come again and again; a power of two. */
const SLOTS = 1024

export interface UsesDeps {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Counts uses that could not be kept. */
  readonly onLost: (count: number) => void
  readonly queueMax?: number
}

interface Seen {
  readonly request: AuthzRequest
  readonly decision: Decision
  count: number
}

/** What allowed requests were about, and by which statements: counted a day, for finding what is never used and what a
 * guardrail would break. A decision pays for a look at one place of a table; everything else happens once a second, so
 * much at most, and is written now and then. What is too much is counted and lost. */
export class Uses {
  readonly #deps: UsesDeps
  readonly #store: UseStore
  readonly #slots = new Array<Seen | undefined>(SLOTS).fill(undefined)
  #queue: Seen[] = []
  #lostOf = new Map<AccountId, number>()
  /** Not told yet: telling a metric of each costs as much as deciding. */
  #lost = 0
  #timer: NodeJS.Timeout | undefined
  #collected = 0
  #statements = new Map<string, StatementUse>()
  #principals = new Map<string, PrincipalUse>()
  #shapes = new Map<string, RequestShape>()
  #writing: Promise<void> = Promise.resolve()
  readonly #shapesOfDay = new Map<string, number>()
  #prunedAt = Number.NEGATIVE_INFINITY

  constructor(deps: UsesDeps) {
    this.#deps = deps
    this.#store = new UseStore(deps.database)
  }

  get store(): UseStore {
    return this.#store
  }

  /** Takes an allowed request, or counts it lost. Never throws and never waits. */
  add(request: AuthzRequest, decision: Decision): void {
    const place = placeOf(request)
    const known = this.#slots[place]
    if (known && isSame(known.request, request)) {
      known.count++
      return
    }
    if (known) this.#enqueue(known)
    this.#slots[place] = { request, decision, count: 1 }
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#tick(), USES_COLLECT_EVERY_MS)
      this.#timer.unref()
    }
  }

  /** Resolves when everything taken is written or counted lost. */
  async flush(): Promise<void> {
    this.#collect()
    this.#write()
    await this.#writing
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.flush()
  }

  #enqueue(seen: Seen): void {
    if (this.#queue.length < (this.#deps.queueMax ?? USES_QUEUE_MAX)) this.#queue.push(seen)
    else this.#lose(seen)
  }

  #lose({ request, count }: Seen): void {
    this.#lost += count
    const { account } = request.principal
    this.#lostOf.set(account, (this.#lostOf.get(account) ?? 0) + count)
  }

  #tick(): void {
    this.#timer = undefined
    this.#collect()
    if (this.#collected * USES_COLLECT_EVERY_MS >= USES_WRITE_EVERY_MS) this.#write()
    const waits = this.#statements.size + this.#shapes.size + this.#lostOf.size > 0
    if (waits && this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#tick(), USES_COLLECT_EVERY_MS)
      this.#timer.unref()
    }
  }

  #collect(): void {
    this.#collected++
    const taken = this.#queue
    this.#queue = []
    for (const [place, seen] of this.#slots.entries()) {
      if (seen) taken.push(seen)
      this.#slots[place] = undefined
    }
    const at = this.#deps.clock.now()
    for (const seen of taken) this.#count(seen, at)
    if (this.#lost > 0) this.#deps.onLost(this.#lost)
    this.#lost = 0
  }

  #count(seen: Seen, at: number): void {
    const { request, decision, count } = seen
    const { principal, action, resource } = request
    if (this.#shapes.size >= USES_PENDING_MAX) {
      this.#lose(seen)
      return
    }
    const { account } = principal
    if (principal.kind === 'platform') return
    for (const statement of decision.determining) {
      add(this.#statements, `${account} ${statement}`, count, () => ({ account, statement, count: 0, at }), at)
    }
    const who = { account, principal: holderArn(principal), auth: principal.auth }
    add(this.#principals, `${account} ${who.principal} ${who.auth}`, count, () => ({ ...who, count: 0, at }), at)
    const day = Math.floor(at / DAY_MS)
    const context = contextText(request)
    const key = JSON.stringify([account, day, principal.arn, principal.auth, principal.mfa, action, resource, context])
    const hour = 1 << Math.floor((at % DAY_MS) / HOUR_MS)
    const { kind, arn, name, auth, mfa } = principal
    const shape = { account, day, kind, principal: arn, name, auth, mfa: mfa === true, action, resource, context }
    add(this.#shapes, key, count, () => ({ ...shape, hours: 0, count: 0, at }), at).hours |= hour
  }

  #write(): void {
    this.#collected = 0
    const [statements, principals] = [[...this.#statements.values()], [...this.#principals.values()]]
    const [shapes, lost] = [[...this.#shapes.values()], this.#lostOf]
    if (statements.length + shapes.length + lost.size === 0) return
    this.#statements = new Map()
    this.#principals = new Map()
    this.#shapes = new Map()
    this.#lostOf = new Map()
    this.#writing = this.#writing.then(async () => {
      const day = Math.floor(this.#deps.clock.now() / DAY_MS)
      try {
        const kept: RequestShape[] = []
        for (const shape of shapes) {
          if (await this.#hasRoom(shape)) kept.push(shape)
          else {
            this.#deps.onLost(shape.count)
            lost.set(shape.account, (lost.get(shape.account) ?? 0) + shape.count)
          }
        }
        await this.#store.add({ statements, principals, shapes: kept, lost, day, at: this.#deps.clock.now() })
        if (day > this.#prunedAt) {
          await this.#store.prune(day - USE_RETENTION_DAYS)
          this.#prunedAt = day
          this.#shapesOfDay.clear()
        }
      } catch (error) {
        const count = shapes.reduce((sum, shape) => sum + shape.count, 0)
        this.#deps.onLost(count)
        this.#deps.log.error({ err: error, count }, 'what allowed requests were about could not be written')
      }
    })
  }

  async #hasRoom({ account, day }: RequestShape): Promise<boolean> {
    const key = `${account} ${day}`
    const count = this.#shapesOfDay.get(key) ?? (await this.#store.countShapes(account, day))
    // One that is there already counts again: less room, never more.
    this.#shapesOfDay.set(key, count + 1)
    return count < SHAPES_PER_DAY_MAX
  }
}

function add<T extends { count: number; at: number }>(
  map: Map<string, T>,
  key: string,
  count: number,
  make: () => T,
  at: number,
): T {
  let found = map.get(key)
  if (!found) {
    found = make()
    map.set(key, found)
  }
  found.count += count
  found.at = at
  return found
}

/** Of the ends of action and resource, where requests differ. */
function placeOf({ action, resource }: AuthzRequest): number {
  let mixed = action.length
  for (let at = action.length - 3; at < action.length; at++) mixed = (Math.imul(mixed, 31) + action.charCodeAt(at)) | 0
  for (let at = Math.max(0, resource.length - 8); at < resource.length; at++) {
    mixed = (Math.imul(mixed, 31) + resource.charCodeAt(at)) | 0
  }
  return (mixed ^ (mixed >>> 10)) & (SLOTS - 1)
}

function isSame(a: AuthzRequest, b: AuthzRequest): boolean {
  return (
    a.action === b.action &&
    a.resource === b.resource &&
    (a.principal === b.principal || isSamePrincipal(a.principal, b.principal)) &&
    isSameContext(a.context, b.context)
  )
}

function isSamePrincipal(a: Principal, b: Principal): boolean {
  return a.arn === b.arn && a.account === b.account && a.auth === b.auth && a.mfa === b.mfa
}

/** A session of a role is a use of the role. */
function holderArn({ kind, account, name, arn }: Principal): string {
  return kind === 'role' ? `arn:rampart:iam::${account}:role/${name}` : arn
}

/** Context that says nothing about a request but when and with what program. */
const PASSING = new Set(['g:CurrentTime', 'g:EpochTime', 'g:TokenIssueTime', 'g:UserAgent', 'g:Referer', 'g:MFAAge'])
const CONTEXT_CHARS_MAX = 1_024

function isSameContext(a: AuthzRequest['context'], b: AuthzRequest['context']): boolean {
  if (a === b) return true
  if (!a || !b || a.size !== b.size) return false
  for (const [key, value] of a) {
    if (PASSING.has(key)) continue
    const other = b.get(key)
    if (value !== other && (typeof value !== 'object' || String(value) !== String(other))) return false
  }
  return true
}

/** The context as far as it tells one request from another; longer ones count as none. */
function contextText({ context }: AuthzRequest): string {
  if (!context) return '{}'
  const kept: [string, ContextValue][] = []
  for (const [key, value] of context) if (!PASSING.has(key)) kept.push([key, value])
  const text = JSON.stringify(Object.fromEntries(kept))
  return text.length <= CONTEXT_CHARS_MAX ? text : '{}'
}
