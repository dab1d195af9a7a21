import { join } from 'node:path'
import type { Event, JsonValue, ShardAddress } from '../../pipeline/index.ts'
import type { AccountId } from '../../platform/base/index.ts'
import { CorrelationBudget } from '../correlate/budget.ts'
import { Correlator, type CorrelatorCounts, type Hold } from '../correlate/correlator.ts'
import { areEarlierWindows, readEarlierWindows } from '../correlate/earlier-windows.ts'
import type { Checkpoint } from '../correlate/group-disk.ts'
import { CLOCK_SKEW_MS, FINDING_RECORDS_MAX, LATENESS_MS } from '../limits.ts'
import { textOfValue } from '../match/event-context.ts'
import { lookUp, makeField } from '../match/field.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import { buildRuleSet, type Misfit, type RuleSet } from '../rule-set.ts'
import type { SigmaDocument } from '../sigma/read.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import { ExclusionMatcher } from '../tuning/exclusion-matcher.ts'
import { type Canary, isCanaryFinding, type RuleTuning } from '../tuning/tuning.ts'
import { type Entities, entitiesOf } from './entities.ts'
import { type Finding, findingId, recordIdOf, ruleOfFinding, trustedTime } from './finding.ts'
import { nothingTold, type ToldLosses, tellLosses } from './lost-windows.ts'
import { readingState } from './shard-state.ts'
import type { ShardTally } from './shard-tally.ts'
import { keyOfShard, type Tell, type Watcher } from './watcher.ts'

/** What happens to the rules of a workspace, which look at the events of that workspace. Plain data, to be sent to threads. */
export interface RuleChange {
  readonly account: AccountId
  readonly workspace: string
  /** New rules, and new forms of those whose id is known. */
  readonly put: readonly SigmaDocument[]
  /** Ids. */
  readonly removed: readonly string[]
  /** Take the place of what was said before of the same rules. A new form of a rule is run as its old one was. */
  readonly tunings?: readonly RuleTuning[]
}

/** Time spent on the tests of a rule in one of `TIMED_EVERY` events, ns, since it was last asked for. */
export interface RuleCost {
  readonly account: AccountId
  readonly workspace: string
  readonly ruleId: string
  readonly ns: number
  readonly tests: number
}

/** What its correlations hold now, and did since the watcher was made. */
export type RuleCounts = CorrelatorCounts

/** Matches events with the rules of their workspace. */
export interface RuleWatcher extends Watcher {
  /** Changes the rules of a workspace; takes effect with the next event. Correlations that did not change keep their
   * windows. Rules have to be there before the first `watch` after `restore`: windows of unknown ones are let go.
   * @returns what cannot be used beside the others */
  changeRules(change: RuleChange): readonly Misfit[]
  counts(): RuleCounts
  /** What rules cost since this was last called. */
  takeCosts(): readonly RuleCost[]
}

interface Scope extends Pick<RuleChange, 'account' | 'workspace'> {
  readonly documents: ReadonlyMap<string, SigmaDocument>
  readonly ruleSet: RuleSet
  readonly matcher: RuleMatcher
  /** Numbers of rules that alert only through correlations. */
  readonly muted: ReadonlySet<number>
  readonly mutedCorrelations: ReadonlySet<string>
  /** Ids of rules that correlations watch. */
  readonly watched: ReadonlySet<string>
  readonly tunings: ReadonlyMap<string, RuleTuning>
  readonly exclusions: ExclusionMatcher | undefined
  /** Rules that are tried out, and correlations that build on them. */
  readonly canaries: ReadonlyMap<string, Canary>
  /** By rule. */
  readonly costs: Map<string, { ns: number; tests: number }>
}

interface Shard {
  scope: Scope
  readonly correlator: Correlator
  /** After the last event that was looked at. */
  nextOffset: number
  told: ToldLosses
}

const none = sumOf([])

/** Watches by Sigma rules and correlations.
 * @param options latenessMs: how late an event may come into the window of its group; dir: where the windows of correlations
 * are kept, so that they outlast the process and need not all be in memory; budget: what they may take
 * @throws detection.state.notWritten from `watch` and `snapshot`, after which the shard has to be restored */
export function createRuleWatcher({
  latenessMs = LATENESS_MS,
  budget = new CorrelationBudget(),
  dir,
}: {
  readonly latenessMs?: number
  readonly budget?: CorrelationBudget
  readonly dir?: string
} = {}): RuleWatcher {
  const scopes = new Map<string, Scope>()
  const shards = new Map<string, Shard>()
  const restored = new Map<string, Uint8Array>()
  let past = none

  const retire = ({ correlator }: Shard): void => {
    past = { ...sumOf([past, correlator.counts()]), groups: 0, coldGroups: 0, memoryBytes: 0, diskBytes: 0 }
    correlator.close()
  }

  const scopeOf = ({ account, workspace }: Pick<RuleChange, 'account' | 'workspace'>): Scope => {
    const key = keyOfScope({ account, workspace })
    let scope = scopes.get(key)
    if (!scope) {
      const ruleSet = { rules: [], correlations: [] }
      const none = makeScope({ account, workspace }, { ruleSet, matcher: new RuleMatcher([]), documents: new Map() })
      scope = tuned(none, new Map(), new Map())
      scopes.set(key, scope)
    }
    return scope
  }

  /** Notes which events a scope's matcher saw of a shard, and what they cost. */
  const noteUse = (scope: Scope, tally: ShardTally, receivedAt: number): void => {
    const { sources, spent } = scope.matcher.takeUse()
    for (const source of sources) tally.came(source, receivedAt)
    for (const [number, { ns, tests }] of spent) {
      const id = scope.ruleSet.rules[number]?.head.id
      if (id === undefined) continue
      const known = scope.costs.get(id)
      scope.costs.set(id, { ns: (known?.ns ?? 0) + ns, tests: (known?.tests ?? 0) + tests })
    }
  }

  /** The shard under the rules of now: windows are carried over from the rules before, or from a restored state.
   * @param offset of the first event that it is about to look at */
  const shardOf = (address: ShardAddress, offset: number): Shard => {
    const key = keyOfShard(address)
    const scope = scopeOf(address)
    const known = shards.get(key)
    if (known) {
      if (!areSame(known.scope.ruleSet.correlations, scope.ruleSet.correlations)) {
        known.correlator.changeCorrelations(scope.ruleSet.correlations)
      }
      known.scope = scope
      return known
    }
    const kept = restored.get(key)
    const earlier = kept && areEarlierWindows(kept) ? readEarlierWindows(kept) : undefined
    const from = kept && !earlier ? readCheckpoint(kept) : offset
    const correlator = new Correlator(scope.ruleSet.correlations, {
      ...{ latenessMs, budget, from },
      ...(dir === undefined ? {} : { dir: join(dir, key) }),
    })
    try {
      if (earlier) correlator.adopt(earlier, offset)
    } catch (error) {
      correlator.close()
      throw error
    }
    restored.delete(key)
    const shard: Shard = {
      scope,
      correlator,
      nextOffset: typeof from === 'number' ? from : from.offset,
      told: nothingTold,
    }
    shards.set(key, shard)
    return shard
  }

  return {
    name: 'rules',

    changeRules(change) {
      const key = keyOfScope(change)
      const before = scopeOf(change)
      const tunings = new Map(before.tunings)
      const { costs } = before
      for (const id of change.removed) {
        tunings.delete(id)
        costs.delete(id)
      }
      for (const tuning of change.tunings ?? []) tunings.set(tuning.ruleId, tuning)
      if (change.put.length === 0 && change.removed.length === 0) {
        scopes.set(key, tuned(before, tunings, costs))
        return []
      }
      const documents = new Map(before.documents)
      for (const id of change.removed) documents.delete(id)
      for (const document of change.put) documents.set(document.head.id, document)
      const { ruleSet, misfits } = buildRuleSet([...documents.values()])
      const matcher = before.matcher.replaceRules(ruleSet.rules) ? before.matcher : new RuleMatcher(ruleSet.rules)
      scopes.set(key, tuned(makeScope(before, { ruleSet, matcher, documents }), tunings, costs))
      return misfits
    },

    watch(address, events, tell, tally) {
      const [first] = events
      const last = events.at(-1)
      if (!first || !last) return
      const shard = shardOf(address, first.offset)
      const { rules } = shard.scope.ruleSet
      for (const event of events) {
        if (event.offset < shard.nextOffset) continue
        if (rules.length > 0) watchEvent(shard, address, event, { tell, tally })
        shard.nextOffset = event.offset + 1
      }
      if (rules.length > 0) noteUse(shard.scope, tally, last.receivedAt)
      shard.correlator.tend()
      const losses = tellLosses(address, last, { counts: shard.correlator.counts(), told: shard.told })
      if (losses && tell(losses.finding, last.receivedAt)) shard.told = losses.told
    },

    snapshot(address) {
      const key = keyOfShard(address)
      const shard = shards.get(key)
      if (!shard) return restored.get(key)
      const checkpoint = shard.correlator.keep(shard.nextOffset)
      if (!checkpoint || shard.scope.ruleSet.correlations.length === 0) return undefined
      return Buffer.from(JSON.stringify(checkpoint))
    },

    restore(address, bytes) {
      const key = keyOfShard(address)
      const known = shards.get(key)
      if (known) retire(known)
      shards.delete(key)
      restored.delete(key)
      if (!bytes) return undefined
      restored.set(key, bytes)
      return areEarlierWindows(bytes) ? undefined : readCheckpoint(bytes).offset
    },

    counts: () => sumOf([past, ...[...shards.values()].map(({ correlator }) => correlator.counts())]),

    takeCosts() {
      const taken: RuleCost[] = []
      for (const { account, workspace, costs } of scopes.values()) {
        for (const [ruleId, cost] of costs) taken.push({ account, workspace, ruleId, ...cost })
        costs.clear()
      }
      return taken
    },
  }
}

/** @throws detection.state.unreadable */
function readCheckpoint(bytes: Uint8Array): Checkpoint {
  return readingState(() => {
    const checkpoint: Checkpoint = JSON.parse(Buffer.from(bytes).toString('utf8'))
    const { version, offset, nextTable, tables, segments, seed } = checkpoint
    const numbers = [version, offset, nextTable, ...seed, ...segments.flat(), ...tables.map(([number]) => number)]
    return numbers.every(Number.isInteger) ? checkpoint : undefined
  })
}

function sumOf(all: readonly RuleCounts[]): RuleCounts {
  const sum = (of: keyof RuleCounts) => all.reduce((total, counts) => total + counts[of], 0)
  return {
    groups: sum('groups'),
    coldGroups: sum('coldGroups'),
    memoryBytes: sum('memoryBytes'),
    diskBytes: sum('diskBytes'),
    evictedGroups: sum('evictedGroups'),
    lostGroups: sum('lostGroups'),
    droppedEntries: sum('droppedEntries'),
    lateEntries: sum('lateEntries'),
  }
}

const keyOfScope = ({ account, workspace }: Pick<ShardAddress, 'account' | 'workspace'>): string =>
  `${account}/${workspace}`

/** Whether they are the very same, over the same rules: then windows need not be carried over. */
function areSame(left: RuleSet['correlations'], right: RuleSet['correlations']): boolean {
  return (
    left.length === right.length &&
    left.every((one, place) => {
      const other = right[place]
      return one.correlation === other?.correlation && one.fingerprint === other.fingerprint
    })
  )
}

type UntunedScope = Omit<Scope, 'tunings' | 'exclusions' | 'canaries' | 'costs'>

function tuned(scope: UntunedScope, tunings: Scope['tunings'], costs: Scope['costs']): Scope {
  const { rules, correlations } = scope.ruleSet
  const canaries = new Map<string, Canary>()
  for (const { ruleId, canary } of tunings.values()) if (canary) canaries.set(ruleId, canary)
  // Each comes after those it builds on.
  for (const { correlation, ruleIds } of correlations) {
    const { id } = correlation.head
    const inherited = ruleIds.map((each) => canaries.get(each)).find((canary) => canary !== undefined)
    if (inherited && !canaries.has(id)) canaries.set(id, inherited)
  }
  const excludes = rules.some(({ head }) => (tunings.get(head.id)?.exclusions.length ?? 0) > 0)
  const exclusions = excludes ? new ExclusionMatcher(rules, tunings) : undefined
  return { ...scope, tunings, exclusions, canaries, costs }
}

function makeScope(
  { account, workspace }: Pick<RuleChange, 'account' | 'workspace'>,
  { ruleSet, matcher, documents }: Pick<Scope, 'ruleSet' | 'matcher' | 'documents'>,
): UntunedScope {
  const { rules, correlations } = ruleSet
  const watched = new Set(correlations.flatMap(({ ruleIds }) => ruleIds))
  const generated = new Set(correlations.flatMap(({ correlation, ruleIds }) => (correlation.generate ? ruleIds : [])))
  // Rules that a correlation builds on alert by themselves only if one says `generate`.
  const isMuted = (id: string) => watched.has(id) && !generated.has(id)
  return {
    account,
    workspace,
    documents,
    ruleSet,
    matcher,
    muted: new Set(rules.flatMap(({ head }, number) => (isMuted(head.id) ? [number] : []))),
    mutedCorrelations: new Set(correlations.map(({ correlation }) => correlation.head.id).filter(isMuted)),
    watched,
  }
}

function watchEvent(
  shard: Shard,
  address: ShardAddress,
  event: Event,
  { tell, tally }: { readonly tell: Tell; readonly tally: ShardTally },
): void {
  const { scope } = shard
  const numbers = matchesOf(scope, event, tally)
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
    tally.match(head.id, event.receivedAt)
    if (scope.watched.has(head.id)) watchedIds.push(head.id)
    if (scope.muted.has(number)) continue
    const id = findingId(address.account, head.id, recordId)
    const finding: Finding = {
      id,
      ...common(),
      ...canaryMark(scope, head.id, id, event),
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
    tally.match(head.id, event.receivedAt)
    if (scope.mutedCorrelations.has(head.id)) continue
    const id = findingId(address.account, head.id, keyOfShard(address), groupKey, time, event.offset)
    const finding: Finding = {
      id,
      ...common(),
      ...canaryMark(scope, head.id, id, event),
      kind: 'correlation',
      rule: ruleOfFinding(head, groupBy),
      time,
      recordIds: recordsOf(hold, address),
      group: Object.fromEntries(Object.entries(group).map(([name, value]) => [name, printValue(value)])),
    }
    tell(finding, event.receivedAt)
  }
}

/** The numbers of the rules that match and that no exclusion leaves out. */
function matchesOf(scope: Scope, event: Event, tally: ShardTally): readonly number[] {
  const matched = scope.matcher.match(event.original, event.logsource, event.ocsf)
  if (matched.length === 0 || !scope.exclusions) return matched
  const time = trustedTime(event, CLOCK_SKEW_MS)
  const { left, hits } = scope.exclusions.leftOf(matched, event, time)
  const { receivedAt } = event
  for (const { ruleId, name } of hits) tally.exclude(ruleId, name, { receivedAt, happenedAt: time })
  return left
}

function canaryMark(scope: Scope, ruleId: string, id: string, { receivedAt }: Event): { readonly canary?: true } {
  return isCanaryFinding(scope.canaries.get(ruleId), { id, receivedAt }) ? { canary: true } : {}
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
