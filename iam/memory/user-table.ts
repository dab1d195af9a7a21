import { type AccountId, type Arn, assert, iamArn } from '../../platform/index.ts'
import type { BreakGlass, Holder, InlinePolicy, Tags, TimedAccess, User } from '../types.ts'
import { Names } from './names.ts'
import { grown, NumberLists } from './number-lists.ts'

/** A user as it is put into the table; what it holds is set apart. */
export interface UserEntry {
  readonly name: string
  readonly id: string
  readonly createdAt: number
  readonly enabled: boolean
  readonly hasPassword: boolean
  readonly tokensValidAfter: number
  readonly boundary: string | undefined
  /** JSON text of an object. */
  readonly tags: string
}

/** What few users have, so that only those few take room for it. */
export interface OwnPolicies {
  readonly inline: ReadonlyMap<string, InlinePolicy>
  readonly grants: Holder['grants']
  readonly access: readonly TimedAccess[]
  readonly breakGlass: BreakGlass | undefined
}

const ENABLED = 1
const HAS_PASSWORD = 2
const SLOTS_MIN = 16
const NO_TAGS = '{}'
const NONE: OwnPolicies = { inline: new Map(), grants: [], access: [], breakGlass: undefined }

/** The users of one account by name, in order of their names: columns, and no object a user until one is asked for. A
 * million users take some 150 MB. */
export class UserTable {
  readonly #account: AccountId
  readonly #slots = new Map<string, number>()
  readonly #free: number[] = []
  readonly #names: string[] = []
  readonly #ids: string[] = []
  #createdAt = new Float64Array(SLOTS_MIN)
  #tokensValidAfter = new Float64Array(SLOTS_MIN)
  #flags = new Uint8Array(SLOTS_MIN)
  readonly #boundaries = new Map<number, string>()
  readonly #tags = new Map<number, string>()
  readonly #own = new Map<number, OwnPolicies>()
  readonly #groupNames = new Names()
  readonly #policyNames = new Names()
  readonly #groups = new NumberLists()
  readonly #attached = new NumberLists()
  /** Slots by name, where `#isSorted`. */
  #order: number[] = []
  #isSorted = true

  constructor(account: AccountId) {
    this.#account = account
  }

  get size(): number {
    return this.#slots.size
  }

  get(name: string): User | undefined {
    const slot = this.#slots.get(name)
    return slot === undefined ? undefined : this.#userAt(slot)
  }

  has(name: string): boolean {
    return this.#slots.has(name)
  }

  /** Of those users who have some. */
  *inlinePolicies(): Generator<OwnPolicies['inline']> {
    for (const { inline } of this.#own.values()) yield inline
  }

  /** In order of their names, from the one after `after`. */
  *values(after?: string): Generator<User> {
    const order = this.#sorted()
    for (let i = after === undefined ? 0 : this.#placeAfter(after); i < order.length; i++) {
      yield this.#userAt(order[i] as number)
    }
  }

  /** The user by that name is replaced, and holds nothing until it is set. */
  put(entry: UserEntry): void {
    const known = this.#slots.get(entry.name)
    const slot = known ?? this.#take(entry.name)
    this.#ids[slot] = entry.id
    this.#createdAt[slot] = entry.createdAt
    this.#tokensValidAfter[slot] = entry.tokensValidAfter
    this.#flags[slot] = (entry.enabled ? ENABLED : 0) | (entry.hasPassword ? HAS_PASSWORD : 0)
    if (known !== undefined) this.#clear(slot)
    if (entry.boundary !== undefined) this.#boundaries.set(slot, entry.boundary)
    if (entry.tags !== NO_TAGS) this.#tags.set(slot, entry.tags)
  }

  delete(name: string): void {
    const slot = this.#slots.get(name)
    if (slot === undefined) return
    this.#order.splice(this.#placeAfter(name) - 1, 1)
    this.#slots.delete(name)
    this.#clear(slot)
    this.#names[slot] = ''
    this.#ids[slot] = ''
    this.#free.push(slot)
  }

  /** Nothing where there is no such user. */
  setGroups(name: string, groups: readonly string[]): void {
    const slot = this.#slots.get(name)
    if (slot === undefined) return
    this.#groups.set(
      slot,
      groups.map((group) => this.#groupNames.of(group)),
    )
  }

  setAttached(name: string, policies: readonly string[]): void {
    const slot = this.#slots.get(name)
    if (slot === undefined) return
    this.#attached.set(
      slot,
      policies.map((policy) => this.#policyNames.of(policy)),
    )
  }

  setOwn(name: string, own: Partial<OwnPolicies>): void {
    const slot = this.#slots.get(name)
    if (slot !== undefined) this.#own.set(slot, { ...(this.#own.get(slot) ?? NONE), ...own })
  }

  /** Names of users that are in one of the groups, or hold one of the policies or one that `holds` accepts; in order,
   * from the one after `after`. Costs a look at a few numbers for each user. */
  *holdersOf(
    wanted: {
      readonly groups: Iterable<string>
      readonly policies: Iterable<string>
      holds(own: OwnPolicies): boolean
    },
    after?: string,
  ): Generator<string> {
    const groups = marksOf(this.#groupNames, wanted.groups)
    const policies = marksOf(this.#policyNames, wanted.policies)
    const own = new Set<number>()
    for (const [slot, held] of this.#own) if (wanted.holds(held)) own.add(slot)
    const order = this.#sorted()
    for (let i = after === undefined ? 0 : this.#placeAfter(after); i < order.length; i++) {
      const slot = order[i] as number
      if (this.#groups.hasMarked(slot, groups) || this.#attached.hasMarked(slot, policies) || own.has(slot)) {
        yield this.#names[slot] as string
      }
    }
  }

  /** Names of users whose boundary is a policy. */
  *boundedBy(policy: string): Generator<string> {
    for (const [slot, boundary] of this.#boundaries) if (boundary === policy) yield this.#names[slot] as string
  }

  #userAt(slot: number): User {
    const name = this.#names[slot] as string
    const flags = this.#flags[slot] as number
    const own = this.#own.get(slot) ?? NONE
    return {
      account: this.#account,
      name,
      id: this.#ids[slot] as string,
      arn: iamArn(this.#account, 'user', name) as Arn,
      createdAt: this.#createdAt[slot] as number,
      attached: this.#attached.get(slot).map((policy) => this.#policyNames.text(policy)),
      inline: own.inline,
      grants: own.grants,
      access: own.access,
      breakGlass: own.breakGlass,
      enabled: (flags & ENABLED) !== 0,
      hasPassword: (flags & HAS_PASSWORD) !== 0,
      tokensValidAfter: this.#tokensValidAfter[slot] as number,
      boundary: this.#boundaries.get(slot),
      tags: parseTags(this.#tags.get(slot)),
      groups: this.#groups.get(slot).map((group) => this.#groupNames.text(group)),
    }
  }

  #take(name: string): number {
    const slot = this.#free.pop() ?? this.#names.length
    if (slot >= this.#flags.length) {
      const length = this.#flags.length * 2
      this.#createdAt = grown(this.#createdAt, length)
      this.#tokensValidAfter = grown(this.#tokensValidAfter, length)
      this.#flags = grown(this.#flags, length)
    }
    this.#names[slot] = name
    this.#slots.set(name, slot)
    const last = this.#order.at(-1)
    if (last !== undefined && (this.#names[last] as string) > name) this.#isSorted = false
    this.#order.push(slot)
    return slot
  }

  #clear(slot: number): void {
    this.#boundaries.delete(slot)
    this.#tags.delete(slot)
    this.#own.delete(slot)
    this.#groups.set(slot, [])
    this.#attached.set(slot, [])
  }

  #sorted(): readonly number[] {
    if (!this.#isSorted) {
      const names = this.#names
      this.#order.sort((a, b) => ((names[a] as string) < (names[b] as string) ? -1 : 1))
      this.#isSorted = true
    }
    return this.#order
  }

  /** How many names are not after `name`. */
  #placeAfter(name: string): number {
    const order = this.#sorted()
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#names[order[middle] as number] as string) <= name) low = middle + 1
      else high = middle
    }
    return low
  }
}

function marksOf(names: Names, texts: Iterable<string>): Uint8Array {
  const marks = new Uint8Array(names.size)
  for (const text of texts) {
    const number = names.find(text)
    if (number !== undefined) marks[number] = 1
  }
  return marks
}

const noTags: Tags = Object.freeze(Object.create(null))

export function parseTags(text: string | undefined): Tags {
  if (text === undefined || text === NO_TAGS) return noTags
  const tags: unknown = JSON.parse(text)
  assert(typeof tags === 'object' && tags !== null, 'stored tags are an object')
  return Object.assign(Object.create(null), tags) as Tags
}
