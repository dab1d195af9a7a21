import {
  type Hit,
  IndicatorIndex,
  type IntelChange,
  indicatorId,
  type MatchCounts,
  type PatternHit,
  scoreAt,
  tlps,
} from '../../intel/index.ts'
import type { Event, ShardAddress } from '../../pipeline/index.ts'
import { INDICATOR_TOLD_EVERY_MS, INDICATORS_TOLD_MAX } from '../limits.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import type { Severity } from '../types.ts'
import { type Entities, entitiesOf } from './entities.ts'
import { type Finding, findingId, recordIdOf } from './finding.ts'
import { observablesOf } from './observables.ts'
import { decodeState, encodeState } from './shard-state.ts'
import { keyOfShard, type Tell, type Watcher } from './watcher.ts'

/** Matches events with the indicators of their workspace. */
export interface IntelWatcher extends Watcher {
  watch(shard: ShardAddress, events: readonly Event[], tell: Tell): void
  /** Takes effect with the next event. */
  changeIndicators(change: IntelChange): void
  /** What it did since this was last called. */
  takeCounts(): MatchCounts
}

/** When an indicator was last told of an entity, by both; the oldest first. */
type Told = Map<string, number>

/** Characters of a value in what is told of it. */
const TOLD_CHARS_MAX = 512

/** Watches for indicators. An indicator is told of an entity once an hour of receive time: what it meets again in between
 * is the same finding. Whether an indicator holds is judged at the instant at which the record was received, which the
 * log repeats. */
export function createIntelWatcher(): IntelWatcher {
  const indexes = new Map<string, IndicatorIndex>()
  const shards = new Map<string, Told>()
  const counts: Counts = { lookups: 0, matches: {} }

  const toldOf = (address: ShardAddress): Told => {
    const key = keyOfShard(address)
    let told = shards.get(key)
    if (!told) {
      told = new Map()
      shards.set(key, told)
    }
    return told
  }

  return {
    name: 'intel',

    changeIndicators(change) {
      const key = keyOfScope(change)
      let index = indexes.get(key)
      if (!index) {
        index = new IndicatorIndex()
        indexes.set(key, index)
      }
      index.change(change)
    },

    watch(address, events, tell) {
      const index = indexes.get(keyOfScope(address))
      if (!index || index.size === 0) return
      const told = toldOf(address)
      for (const event of events) {
        for (const finding of findIn(event, address, { index, told, counts })) tell(finding, event.receivedAt)
      }
    },

    takeCounts() {
      const patterns = { indexed: 0, scanned: 0, passedOver: 0 }
      for (const { patternCounts } of indexes.values()) {
        patterns.indexed += patternCounts.indexed
        patterns.scanned += patternCounts.scanned
        patterns.passedOver += patternCounts.passedOver
      }
      const { lookups, matches } = counts
      Object.assign(counts, { lookups: 0, matches: {} })
      return { lookups, matches, patterns }
    },

    snapshot(address) {
      const told = toldOf(address)
      return told.size === 0 ? undefined : encodeState({ told: [...told] })
    },

    restore(address, state) {
      shards.set(keyOfShard(address), state ? decodeState(state, readTold) : new Map())
    },
  }
}

const keyOfScope = ({ account, workspace }: Pick<ShardAddress, 'account' | 'workspace'>): string =>
  `${account}/${workspace}`

function readTold(json: unknown): Told | undefined {
  const entries = (json as { told?: unknown } | null)?.told
  return Array.isArray(entries) ? new Map(entries as [string, number][]) : undefined
}

type Counts = { lookups: number; matches: Record<string, number> }

function* findIn(
  event: Event,
  address: ShardAddress,
  against: { readonly index: IndicatorIndex; readonly told: Told; readonly counts: Counts },
): Generator<Finding> {
  const { index, told, counts } = against
  let entities: Entities | undefined
  const met = new Set<string>()
  for (const [hit, seen] of hitsOf(event, index, counts)) {
    const id = indicatorId(hit)
    if (met.has(id)) continue
    met.add(id)
    counts.matches[hit.type] = (counts.matches[hit.type] ?? 0) + 1
    entities ??= entitiesOf(shapeEvent(event.original, event.logsource).root, event.ocsf)
    const entity = entityOf(entities, seen.value)
    if (isNews(told, `${id} ${entity}`, event.receivedAt)) {
      yield indicatorFinding({ id, hit, seen, entity, entities, event, address })
    }
  }
}

/** What of an event met an indicator. */
interface Seen {
  readonly value: string
  /** Where it stands: a member of the event, or of a STIX object that the event shows. */
  readonly field: string
}

/** The indicators of single values that an event meets, then the patterns. */
function* hitsOf(event: Event, index: IndicatorIndex, counts: Counts): Generator<[Hit | PatternHit, Seen]> {
  const observables = observablesOf(event)
  counts.lookups += observables.length
  for (const observable of observables) {
    for (const hit of index.lookUp(observable.type, observable.value, event.receivedAt)) yield [hit, observable]
  }
  const { time, ocsf, receivedAt } = event
  for (const hit of index.findPatterns({ time, ocsf, observables }, receivedAt)) {
    yield [hit, { value: hit.observable, field: hit.field }]
  }
}

interface Met {
  readonly id: string
  readonly hit: Hit | PatternHit
  readonly seen: Seen
  readonly entity: string
  readonly entities: Entities
  readonly event: Event
  readonly address: ShardAddress
}

/** What is stated when an event met an indicator. */
function indicatorFinding({ id, hit, seen, entity, entities, event, address }: Met): Finding {
  const { type } = hit
  // Patterns may be long.
  const value = hit.value.length > TOLD_CHARS_MAX ? `${hit.value.slice(0, TOLD_CHARS_MAX)}…` : hit.value
  const recordId = recordIdOf(address, event.offset)
  const scored = hit.opinions
    .map((opinion) => ({ opinion, score: Math.round(scoreAt(type, opinion, event.receivedAt)) }))
    .sort((a, b) => b.score - a.score)
  const [surest] = scored
  const sources = scored.map(({ opinion }) => opinion.source)
  const tlp = tlps[Math.max(...hit.opinions.map((opinion) => tlps.indexOf(opinion.tlp)))] ?? 'red'
  const score = surest?.score ?? 0
  return {
    id: findingId(address.account, id, recordId),
    account: address.account,
    workspace: address.workspace,
    kind: 'indicator',
    rule: {
      id: `indicator.${type}`,
      title: `Indicator met: ${type} ${value}`,
      severity: severityOf(score),
      techniques: [],
      tactics: [],
      // The indicator's own, by which what the alert is judged to be finds back.
      tags: [`indicator:${id}`, 'indicator', ...sources.map((source) => `source:${source}`), `tlp:${tlp}`],
      // One alert for an indicator and who met it.
      dedup: { key: `${id} ${entity}` },
      description: `${seen.value} in ${seen.field} meets the ${type} ${value}, which ${sources.join(', ')} holds to be bad (score ${score} of 100).`,
    },
    time: event.time,
    recordIds: [recordId],
    entities,
    indicator: {
      id,
      type,
      value,
      source: sources[0] ?? '',
      confidence: surest?.opinion.confidence ?? 0,
      score,
      observable: seen.value,
      field: seen.field,
      entity,
    },
  }
}

function severityOf(score: number): Severity {
  if (score >= 80) return 'high'
  return score >= 50 ? 'medium' : 'low'
}

/** Who met it: the host, else the user, else the other address; the observable itself where the event names nobody. */
function entityOf(entities: Entities, observable: string): string {
  for (const kind of ['hosts', 'users', 'ips'] as const) {
    const other = entities[kind]?.find((value) => value.toLowerCase() !== observable.toLowerCase())
    if (other !== undefined) return other
  }
  return observable
}

function isNews(told: Told, key: string, at: number): boolean {
  const before = told.get(key)
  if (before !== undefined && Math.abs(at - before) < INDICATOR_TOLD_EVERY_MS) return false
  told.delete(key)
  told.set(key, at)
  if (told.size > INDICATORS_TOLD_MAX) {
    for (const oldest of told.keys()) {
      told.delete(oldest)
      break
    }
  }
  return true
}
