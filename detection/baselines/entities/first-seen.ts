import { KeyedHash } from '../blocks/keyed-hash.ts'
import { LastUses } from '../blocks/last-uses.ts'
import { groupOf, type PeerGroup, PeerGrouping, type PeerGroupingState } from '../blocks/peer-groups.ts'
import { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { shortKey } from '../blocks/short-key.ts'
import { ENTITIES_MAX, PEER_GROUPS_MAX, PEERS_MAX, VALUES_PER_ENTITY_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

export interface Usage {
  readonly at: number
  readonly entity: string
  /** Who is alike: a department, a role, a kind of host. Empty where nobody says: then those who use alike values are. */
  readonly peerGroup: string
  /** What is used: a host signed in to, a process, a country, an API call. */
  readonly value: string
}

const NAME = 'first-seen'
const VERSION = 4
const DAY_MS = 86_400_000
/** No statement about an entity younger than this: everything is new to the new. */
const LEARNING_MS = 14 * DAY_MS
/** A value not used for this long is new again. */
const FORGOTTEN_MS = 60 * DAY_MS
/** Surprise, in decades, that is stated: fewer than one of 20 peers uses the value. */
const STATED_DECADES = 1.3
/** Peers from which on the group says something; below it a value new to the entity is stated as such. */
const PEERS_MIN = 5
/** Users of a value that are told apart; what so many use is not rare. */
const USERS_COUNTED = 64
/** First-seen values of one entity and day that are stated; an entity that finds one new thing after another has changed
 * its job, or is scanned: the statement says how many. */
const STATED_A_DAY = 5
/** Members from which on a learned group is asked; else those who signed in last are. */
const GROUP_MIN = 12
/** How many of either are asked whether they use a value. */
const PEERS_ASKED = 400
/** Comparisons that are made with an observation while groups are found anew, some 20 µs: all are made within 1,500 of them,
 * or so. */
const COMPARED_AT_ONCE = 256

interface Entity {
  readonly since: number
  latest: number
  readonly values: LastUses
  day: number
  newToday: number
  newSince: number
}

interface Peers {
  readonly members: QuietestOut<null>
  /** Who of the group uses the value. */
  readonly values: QuietestOut<QuietestOut<null>>
}

export interface FirstSeenState {
  readonly latestAt: number
  readonly entities: Saved<{
    since: number
    latest: number
    day: number
    newToday: number
    newSince: number
    values: readonly (readonly [string, number])[]
  }>
  readonly groups: Saved<{ members: readonly string[]; values: readonly (readonly [string, readonly string[]])[] }>
  readonly learned: Learned
  readonly grouping: (PeerGroupingState & { readonly day: number }) | null
}

/** Who is alike, and the day for which that was found. */
interface Learned {
  readonly day: number
  readonly groups: readonly PeerGroup[]
}

/** Values an entity never used before, weighed by how usual they are among its peers: surprise = -log10 of the share of
 * the group that uses the value, (users + ½)/(members + 1) by Krichevsky and Trofimov's estimate, itself left out. Stated
 * from 1.3 decades on, for entities known for 14 days. Where no group is named, those who use alike values are the peers: a
 * sample of all, grouped anew each day (blocks/peer-groups.ts), a little with each observation: until all is done the groups
 * are those of the day before. Values are forgotten after 60 days. The score is s/(s+1).
 * @see Krichevsky, Trofimov: The Performance of Universal Encoding, IEEE Trans. Inf. Theory 27, 1981 */
export class FirstSeenDetector implements EntityDetector<Usage> {
  readonly #entities: QuietestOut<Entity>
  readonly #groups: QuietestOut<Peers>
  readonly #hash: KeyedHash
  #latestAt: number
  #learned: Learned
  /** What comes after it. */
  #grouping: { readonly day: number; readonly work: PeerGrouping } | undefined

  /** @param key secret, and the same after a load */
  constructor(key: Uint8Array, state?: FirstSeenState) {
    this.#hash = new KeyedHash(key)
    this.#learned = state?.learned ?? { day: 0, groups: [] }
    if (state?.grouping)
      this.#grouping = { day: state.grouping.day, work: new PeerGrouping(this.#hash, state.grouping) }
    this.#latestAt = state?.latestAt ?? 0
    this.#entities = mapOf(ENTITIES_MAX, state?.entities, (entity) => ({
      ...entity,
      values: new LastUses(VALUES_PER_ENTITY_MAX, entity.values),
    }))
    this.#groups = mapOf(PEER_GROUPS_MAX, state?.groups, ({ members, values }) => ({
      members: names(PEERS_MAX, members),
      values: new QuietestOut(
        VALUES_PER_ENTITY_MAX,
        values.map(([value, users]) => [value, names(USERS_COUNTED, users)] as const),
      ),
    }))
  }

  observe({ at, entity: name, peerGroup, value }: Usage): Deviation | undefined {
    if (!isSound(at)) return undefined
    this.#latestAt = Math.max(this.#latestAt, at)
    const entity = this.#entities.touch(name, this.#latestAt) ?? this.#entities.add(name, fresh(at), this.#latestAt)
    const isNew = at - entity.values.use(value, at) > FORGOTTEN_MS
    entity.latest = Math.max(entity.latest, at)
    const named = peerGroup === '' ? undefined : this.#weigh(name, peerGroup, value)
    if (named === undefined) this.#regroup(Math.floor(at / DAY_MS))
    if (!isNew || at - entity.since < LEARNING_MS) return undefined
    const { users, members } = named ?? this.#weighAlike(name, value)
    if (users >= USERS_COUNTED - 1) return undefined
    const decades = members < PEERS_MIN ? STATED_DECADES : -Math.log10((users + 0.5) / (members + 1))
    if (decades < STATED_DECADES) return undefined
    const day = Math.floor(at / DAY_MS)
    if (day !== entity.day) {
      entity.day = day
      entity.newToday = 0
      entity.newSince = at
    }
    entity.newToday += 1
    if (entity.newToday > STATED_A_DAY) return undefined
    const days = Math.floor((at - entity.since) / DAY_MS)
    return {
      detector: NAME,
      version: VERSION,
      entity: name,
      at,
      since: entity.newSince,
      score: decades / (decades + 1),
      expected: `one of the values ${name} used in ${days} days, or one its peers${peerGroup === '' ? '' : ` in ${peerGroup}`} use`,
      seen: `${value}, used by ${users} of ${members} peers; ${entity.newToday} such today`,
    }
  }

  /** Takes the use into the group. @returns how many others use the value, of how many others */
  #weigh(name: string, peerGroup: string, value: string): { users: number; members: number } {
    const group = this.#groups.use(peerGroup, nobody, this.#latestAt)
    const users = group.values.use(value, () => names(USERS_COUNTED))
    const others = users.size - (users.has(name) ? 1 : 0)
    users.use(name, () => null)
    group.members.use(name, () => null)
    return { users: others, members: group.members.size - 1 }
  }

  /** Finds anew who is alike, once a day, a little with each call. */
  #regroup(day: number): void {
    if (!this.#grouping) {
      if (day <= this.#learned.day) return
      const all = { names: this.#entities.keys(), count: this.#entities.size }
      this.#grouping = { day, work: new PeerGrouping(this.#hash, all) }
    }
    const groups = this.#grouping.work.step(COMPARED_AT_ONCE, (name) => this.#entities.peek(name)?.values.values())
    if (!groups) return
    this.#learned = { day: this.#grouping.day, groups }
    this.#grouping = undefined
  }

  /** How many of those who are alike use the value, of how many; of all, where nobody is. */
  #weighAlike(name: string, value: string): { users: number; members: number } {
    const own = this.#entities.peek(name)?.values.values() ?? []
    const group = groupOf(own, this.#learned.groups, this.#hash)?.members ?? []
    // Of too few nobody can be rare.
    const alike = group.length < GROUP_MIN ? this.#latest() : group.slice(-PEERS_ASKED)
    let users = 0
    let members = 0
    for (const other of alike) {
      if (other === shortKey(name)) continue
      members += 1
      if (this.#entities.peek(other)?.values.has(value)) users += 1
    }
    return { users, members }
  }

  /** Those who were seen last. */
  *#latest(): Iterable<string> {
    let left = PEERS_ASKED
    for (const [name] of this.#entities.newest()) {
      if (left === 0) return
      left -= 1
      yield name
    }
  }

  learning(name: string): LearningState {
    const entity = this.#entities.peek(name)
    if (!entity) return { state: 'unknown', progress: 0 }
    const progress = Math.min(1, (entity.latest - entity.since) / LEARNING_MS)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#entities.keys()
  }

  save(): Savable {
    return {
      rest: {
        ...{ latestAt: this.#latestAt, learned: this.#learned },
        grouping: this.#grouping ? { day: this.#grouping.day, ...this.#grouping.work.save() } : null,
      },
      tables: {
        entities: tableOf(this.#entities, (entity) => ({
          ...entity,
          values: entity.values.entries(),
        })),
        groups: tableOf(this.#groups, ({ members, values }) => ({
          members: [...members.keys()],
          values: [...values.entries()].map(([value, users]) => [value, [...users.keys()]]),
        })),
      },
    }
  }
}

const fresh = (at: number): Entity => ({
  ...{ since: at, latest: at, day: 0, newToday: 0, newSince: at },
  values: new LastUses(VALUES_PER_ENTITY_MAX),
})

const nobody = (): Peers => ({
  members: names(PEERS_MAX),
  values: new QuietestOut<QuietestOut<null>>(VALUES_PER_ENTITY_MAX),
})

const names = (max: number, list: readonly string[] = []): QuietestOut<null> =>
  new QuietestOut(
    max,
    list.map((name) => [name, null] as const),
  )
