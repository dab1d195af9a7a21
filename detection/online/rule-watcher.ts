import type { Event, JsonValue, ShardAddress } from '../../pipeline/index.ts'
import type { AccountId } from '../../platform/index.ts'
import { Correlator, type CorrelatorCounts, type Hold } from '../correlate/correlator.ts'
import type { CorrelatorState } from '../correlate/state.ts'
import { CLOCK_SKEW_MS, FINDING_RECORDS_MAX, LATENESS_MS } from '../limits.ts'
import { textOfValue } from '../match/event-context.ts'
import { lookUp, makeField } from '../match/field.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import { buildRuleSet, type Misfit, type RuleSet } from '../rule-set.ts'
import type { SigmaDocument } from '../sigma/read.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import { type Entities, entitiesOf } from './entities.ts'
import { type Finding, findingId, recordIdOf, ruleOfFinding, trustedTime } from './finding.ts'
import { decodeState, encodeState } from './shard-state.ts'
import { keyOfShard, type Tell, type Watcher } from './watcher.ts'

/** What happens to the rules of a workspace, which look at the events of that workspace. Plain data, to be sent to threads. */
export interface RuleChange {
  readonly account: AccountId
  readonly workspace: string
  /** New rules, and new forms of those whose id is known. */
  readonly put: readonly SigmaDocument[]
  /** Ids. */
  readonly removed: readonly string[]
}

/** What its correlations did since the watcher was made. */
export interface RuleCounts extends CorrelatorCounts {
  /** Groups that correlations hold now. */
  readonly groups: number
}

/** Matches events with the rules of their workspace. */
export interface RuleWatcher extends Watcher {
  /** Changes the rules of a workspace; takes effect with the next event. Correlations that did not change keep their
   * windows. Rules have to be there before the first `watch` after `restore`: windows of unknown ones are let go.
   * @returns what cannot be used beside the others */
  changeRules(change: RuleChange): readonly Misfit[]
  counts(): RuleCounts
}

interface Scope {
  readonly documents: ReadonlyMap<string, SigmaDocument>
  readonly ruleSet: RuleSet
  readonly matcher: RuleMatcher
  /** Numbers of rules that alert only through correlations. */
  readonly muted: ReadonlySet<number>
  readonly mutedCorrelations: ReadonlySet<string>
  /** Ids of rules that correlations watch. */
  readonly watched: ReadonlySet<string>
}

interface Shard {
  readonly scope: Scope
  readonly correlator: Correlator
}

const NO_RULES: Scope = makeScope({ rules: [], correlations: [] }, new Map())

/** Watches by Sigma rules and correlations.
 * @param options latenessMs: how late an event may come into the window of its group */
export function createRuleWatcher({ latenessMs = LATENESS_MS } = {}): RuleWatcher {
  const scopes = new Map<string, Scope>()
  const shards = new Map<string, Shard>()
  const restored = new Map<string, CorrelatorState>()
  const past = { evictedGroups: 0, droppedEntries: 0, lateEntries: 0 }

  const retire = ({ correlator: { counts } }: Shard): void => {
    past.evictedGroups += counts.evictedGroups
    past.droppedEntries += counts.droppedEntries
    past.lateEntries += counts.lateEntries
  }

  /** The shard under the rules of now: windows are carried over from the rules before, or from a restored state. */
  const shardOf = (address: ShardAddress): Shard => {
    const key = keyOfShard(address)
    const scope = scopes.get(keyOfScope(address)) ?? NO_RULES
    const known = shards.get(key)
    if (known?.scope === scope) return known
    const state = known ? known.correlator.save() : restored.get(key)
    restored.delete(key)
    if (known) retire(known)
    const correlator = new Correlator(scope.ruleSet.correlations, latenessMs)
    if (state) correlator.load(state)
    const shard: Shard = { scope, correlator }
    shards.set(key, shard)
    return shard
  }

  return {
    name: 'rules',

    changeRules(change) {
      const key = keyOfScope(change)
      const documents = new Map(scopes.get(key)?.documents)
      for (const id of change.removed) documents.delete(id)
      for (const document of change.put) documents.set(document.head.id, document)
      const { ruleSet, misfits } = buildRuleSet([...documents.values()])
      scopes.set(key, makeScope(ruleSet, documents))
      return misfits
    },

    watch(address, events, tell) {
      const shard = shardOf(address)
      if (shard.scope.ruleSet.rules.length === 0) return
      for (const event of events) watchEvent(shard, address, event, tell)
    },

    snapshot(address) {
      const correlator = shardOf(address).correlator.save()
      return correlator.every(({ groups }) => groups.length === 0) ? undefined : encodeState(correlator)
    },

    restore(address, bytes) {
      const key = keyOfShard(address)
      const known = shards.get(key)
      if (known) retire(known)
      shards.delete(key)
      if (bytes) restored.set(key, decodeState(bytes, readWindows))
      else restored.delete(key)
      return undefined
    },

    counts() {
      const live = [...shards.values()].map(({ correlator }) => correlator)
      const sum = (pick: (correlator: Correlator) => number) => live.reduce((total, one) => total + pick(one), 0)
      return {
        groups: sum(({ groupCount }) => groupCount),
        evictedGroups: past.evictedGroups + sum(({ counts }) => counts.evictedGroups),
        droppedEntries: past.droppedEntries + sum(({ counts }) => counts.droppedEntries),
        lateEntries: past.lateEntries + sum(({ counts }) => counts.lateEntries),
      }
    },
  }
}

const readWindows = (json: unknown): CorrelatorState | undefined =>
  Array.isArray(json) ? (json as CorrelatorState) : undefined

const keyOfScope = ({ account, workspace }: Pick<ShardAddress, 'account' | 'workspace'>): string =>
  `${account}/${workspace}`

function makeScope(ruleSet: RuleSet, documents: ReadonlyMap<string, SigmaDocument>): Scope {
  const { rules, correlations } = ruleSet
  const watched = new Set(correlations.flatMap(({ ruleIds }) => ruleIds))
  const generated = new Set(correlations.flatMap(({ correlation, ruleIds }) => (correlation.generate ? ruleIds : [])))
  // Rules that a correlation builds on alert by themselves only if one says `generate`.
  const isMuted = (id: string) => watched.has(id) && !generated.has(id)
  return {
    documents,
    ruleSet,
    matcher: new RuleMatcher(rules),
    muted: new Set(rules.flatMap(({ head }, number) => (isMuted(head.id) ? [number] : []))),
    mutedCorrelations: new Set(correlations.map(({ correlation }) => correlation.head.id).filter(isMuted)),
    watched,
  }
}

function watchEvent(shard: Shard, address: ShardAddress, event: Event, tell: Tell): void {
  const { scope } = shard
  const numbers = scope.matcher.match(event.original, event.logsource, event.ocsf)
  if (numbers.length === 0) return
  const { root } = shapeEvent(event.original, event.logsource)
  const recordId = recordIdOf(address, event.offset)
  let entities: Entities | undefined
  const common = () => {
    entities ??= entitiesOf(root, event.ocsf)
    return { account: address.account, workspace: address.workspace, entities }
  }
  const watchedIds: string[] = []
  for (const number of numbers) {
    const head = scope.ruleSet.rules[number]?.head
    if (!head) continue
    if (scope.watched.has(head.id)) watchedIds.push(head.id)
    if (scope.muted.has(number)) continue
    const finding: Finding = {
      id: findingId(address.account, head.id, recordId),
      ...common(),
      kind: 'rule',
      rule: ruleOfFinding(head),
      time: event.time,
      recordIds: [recordId],
    }
    tell(finding, event.receivedAt)
  }
  if (watchedIds.length === 0) return
  const holds = shard.correlator.see({
    time: trustedTime(event, CLOCK_SKEW_MS),
    arrivedAt: event.receivedAt,
    ref: event.offset,
    ruleIds: watchedIds,
    value: (name) => fieldValue(event, root, name),
  })
  for (const hold of holds) {
    if (!isNews(hold)) continue
    const { correlation, group, groupKey, time } = hold
    const { head, groupBy } = correlation.correlation
    if (scope.mutedCorrelations.has(head.id)) continue
    const finding: Finding = {
      id: findingId(address.account, head.id, keyOfShard(address), groupKey, time, event.offset),
      ...common(),
      kind: 'correlation',
      rule: ruleOfFinding(head, groupBy),
      time,
      recordIds: recordsOf(hold, address),
      group: Object.fromEntries(Object.entries(group).map(([name, value]) => [name, printValue(value)])),
    }
    tell(finding, event.receivedAt)
  }
}

function fieldValue(event: Event, root: Event['original'], name: string): JsonValue | undefined {
  const field = makeField(name)
  const own = lookUp(root, field)
  return own === undefined ? lookUp(event.ocsf, field.ocsf ?? field) : own
}

/** A correlation that goes on holding is told once a timespan, not at every event. */
function isNews({ correlation, time, window }: Hold): boolean {
  if (Math.abs(time - window.toldAt) < correlation.correlation.timespanMs) return false
  window.toldAt = time
  return true
}

/** The newest records of the window in which the correlation held. */
function recordsOf({ correlation, time, window }: Hold, address: ShardAddress): readonly string[] {
  const after = time - correlation.correlation.timespanMs
  const offsets: number[] = []
  for (let at = window.size - 1; at >= 0 && offsets.length < FINDING_RECORDS_MAX; at--) {
    const entry = window.timeAt(at)
    if (entry > time) continue
    if (entry <= after) break
    const offset = window.refAt(at)
    if (offsets.at(-1) !== offset) offsets.push(offset)
  }
  return offsets.reverse().map((offset) => recordIdOf(address, offset))
}

function printValue(value: JsonValue): string {
  return textOfValue(value) ?? JSON.stringify(value)
}
