import type { Event, ShardAddress } from '../../../pipeline/index.ts'
import type { AccountId, Log } from '../../../platform/index.ts'
import { CLOCK_SKEW_MS } from '../../limits.ts'
import { entitiesOf } from '../../online/entities.ts'
import { type Finding, findingId, recordIdOf, trustedTime } from '../../online/finding.ts'
import { joinParts, splitParts } from '../../online/shard-state.ts'
import { keyOfShard, type Tell, type Watcher } from '../../online/watcher.ts'
import { shapeEvent } from '../../sources/event-shape.ts'
import { STATE_CHARS_A_TURN } from '../limits.ts'
import type { Deviation } from '../types.ts'
import type { Baseline } from './baseline.ts'
import { baselines } from './catalogue.ts'
import { type BaselineReport, type EntityReport, reportBaseline, reportEntity } from './report.ts'
import { type KeptState, type PastDeviation, RunningBaseline } from './running.ts'
import { type BaselineSettings, compileSettings, defaultSettings } from './settings.ts'

/** How an account has set its baselines. Plain data, to be sent to threads. */
export interface BaselineChange {
  readonly account: AccountId
  /** Of the account, secret: models tell names apart by hashes under it. */
  readonly key: Uint8Array
  /** Of every workspace, whatever is not as by default. */
  readonly settings: readonly (BaselineSettings & { readonly workspace: string; readonly name: string })[]
}

/** Whose alerts are open in an account: all of them. */
export interface OpenAlerts {
  readonly account: AccountId
  readonly entities: readonly { readonly workspace: string; readonly name: string; readonly entity: string }[]
}

/** Where baselines are asked for. */
export interface BaselinePlace {
  readonly account: AccountId
  readonly workspace: string
}

/** Watches by baselines: what is not as ever in the stream of a shard. */
export interface BaselineWatcher extends Watcher {
  /** Takes effect with the next event. An account nothing was said of is not watched. */
  changeSettings(change: BaselineChange): void
  /** Says of whom nothing is to be learned, by the models that freeze. */
  freeze(open: OpenAlerts): void
  /** Where the baselines of a workspace stand. */
  report(place: BaselinePlace): readonly BaselineReport[]
  /** What is known of an entity; undefined where nothing is. */
  reportEntity(place: BaselinePlace, name: string, entity: string): EntityReport | undefined
  /** What a baseline stated and would have stated, newest last. */
  history(place: BaselinePlace, name: string): readonly PastDeviation[]
}

interface Settings {
  readonly enabled: boolean
  readonly hold: ReturnType<typeof compileSettings>
}

interface Account {
  readonly key: Uint8Array
  /** By workspace and baseline. */
  readonly settings: ReadonlyMap<string, Settings>
}

/** A baseline, and how it is set while a batch is looked at. */
interface Watching {
  readonly one: RunningBaseline
  /** The first event that it has not seen. */
  readonly from: number
  readonly settings: Settings
  readonly isFrozen: (entity: string) => boolean
}

interface Shard {
  readonly place: BaselinePlace
  readonly running: readonly RunningBaseline[]
  /** After the last event that was looked at. */
  nextOffset: number
  /** Whose state is to be written anew, in turn. */
  due: RunningBaseline[]
}

const preset: Settings = { enabled: true, hold: compileSettings(defaultSettings) }
const nobody: ReadonlySet<string> = new Set()
const placeKey = ({ account, workspace }: BaselinePlace, name: string) => `${account}/${workspace}/${name}`

/** Makes the watcher of baselines. What it finds depends on the events of a shard, the settings, and who is frozen.
 * INVARIANT (once): a finding's id is made of account, baseline, record and entity, so whatever is looked at again after a
 * crash gives the same ids. */
export function createBaselineWatcher({
  catalogue = baselines,
  log,
}: {
  readonly catalogue?: readonly Baseline[]
  readonly log?: Pick<Log, 'warn'>
} = {}): BaselineWatcher {
  const accounts = new Map<AccountId, Account>()
  const freezing = new Set(catalogue.filter(({ freezes }) => freezes).map(({ name }) => name))
  const frozen = new Map<string, ReadonlySet<string>>()
  const shards = new Map<string, Shard>()

  const begin = (address: ShardAddress, account: Account, at: number, kept?: ReadonlyMap<string, KeptState>): Shard => {
    const nothing = { offset: at }
    const running = catalogue.map((baseline) => {
      try {
        return new RunningBaseline(baseline, account.key, kept?.get(baseline.name) ?? nothing)
      } catch (err) {
        // One damaged part must not cost the others what they learned.
        log?.warn({ err, baseline: baseline.name }, 'what a baseline had learned cannot be read; it learns anew')
        return new RunningBaseline(baseline, account.key, nothing)
      }
    })
    const { account: id, workspace } = address
    const shard: Shard = { place: { account: id, workspace }, running, nextOffset: at, due: [] }
    shards.set(keyOfShard(address), shard)
    return shard
  }

  const shardOf = (address: ShardAddress, at: number): { shard: Shard; account: Account } | undefined => {
    const account = accounts.get(address.account)
    if (!account) return undefined
    return { account, shard: shards.get(keyOfShard(address)) ?? begin(address, account, at) }
  }

  /** Goes on writing states, one after the other, so that the shard does not wait long for it. */
  const save = (shard: Shard): void => {
    let left = STATE_CHARS_A_TURN
    for (let [one] = shard.due; one !== undefined && left > 0; [one] = shard.due) {
      if (!one.isSaving) one.beginSave(shard.nextOffset)
      left = one.continueSave(left)
      if (!one.isSaving) shard.due.shift()
    }
  }

  const shardsOf = (place: BaselinePlace): readonly Shard[] =>
    [...shards.values()].filter(
      (shard) => shard.place.account === place.account && shard.place.workspace === place.workspace,
    )
  const runningOf = (place: BaselinePlace, name: string): readonly RunningBaseline[] =>
    shardsOf(place).flatMap(({ running }) => running.filter(({ baseline }) => baseline.name === name))
  const frozenOf = (place: BaselinePlace, name: string) => frozen.get(placeKey(place, name)) ?? nobody

  return {
    name: 'baselines',

    watch(address, events, tell) {
      const { shard, account } = shardOf(address, events[0]?.offset ?? 0) ?? {}
      if (!shard || !account) return
      const byClass = new Map<unknown, Watching[]>()
      for (const one of shard.running) {
        const key = placeKey(address, one.baseline.name)
        const settings = account.settings.get(key) ?? preset
        if (!settings.enabled) continue
        const held = frozen.get(key) ?? nobody
        const isFrozen = (entity: string) => held.size > 0 && held.has(entity)
        const watching: Watching = { one, from: one.from, settings, isFrozen }
        for (const uid of one.baseline.classes) byClass.set(uid, [...(byClass.get(uid) ?? []), watching])
      }
      for (const event of events) {
        const watching = byClass.get(event.ocsf.class_uid)
        if (!watching) continue
        const at = trustedTime(event, CLOCK_SKEW_MS)
        for (let i = 0; i < watching.length; i++) {
          const { one, from, settings, isFrozen } = watching[i] as Watching
          if (event.offset < from) continue
          const deviation = one.observe(event, at, isFrozen)
          if (deviation) state(address, event, one, deviation, settings, tell)
        }
      }
      shard.nextOffset = (events.at(-1)?.offset ?? shard.nextOffset - 1) + 1
      save(shard)
    },

    snapshot(address) {
      const shard = shards.get(keyOfShard(address))
      if (!shard) return undefined
      const known = shard.running.filter(({ samples }) => samples > 0)
      if (known.length === 0) return undefined
      if (shard.due.length === 0)
        shard.due = known.filter((one) => one.isDue(shard.nextOffset)).sort((a, b) => a.from - b.from)
      save(shard)
      const models = known.map(({ baseline, kept: { version, offset } }) => [baseline.name, version, offset])
      return joinParts({ models }, new Map(known.map(({ baseline, kept }) => [baseline.name, kept.bytes])))
    },

    restore(address, state) {
      shards.delete(keyOfShard(address))
      const account = accounts.get(address.account)
      if (!account || !state) return undefined
      const { head, parts } = splitParts(state)
      const kept = new Map<string, KeptState>()
      for (const [name, version, offset] of head.models as readonly [string, number, number][]) {
        const bytes = parts.get(name)
        if (bytes) kept.set(name, { version, offset, bytes })
      }
      if (kept.size === 0) return undefined
      const from = Math.min(...[...kept.values()].map(({ offset }) => offset))
      begin(address, account, from, kept)
      return from
    },

    changeSettings({ account, key, settings }) {
      const byPlace = settings.map(
        ({ workspace, name, ...set }) =>
          [
            placeKey({ account, workspace }, name),
            { enabled: set.enabled, hold: compileSettings(set) } satisfies Settings,
          ] as const,
      )
      accounts.set(account, { key, settings: new Map(byPlace) })
    },

    freeze({ account, entities }) {
      const held = new Map<string, Set<string>>()
      for (const { workspace, name, entity } of entities) {
        if (!freezing.has(name)) continue
        const key = placeKey({ account, workspace }, name)
        held.set(key, (held.get(key) ?? new Set()).add(entity))
      }
      for (const key of frozen.keys()) if (key.startsWith(`${account}/`)) frozen.delete(key)
      for (const [key, names] of held) frozen.set(key, names)
    },

    report: (place) =>
      catalogue.map((baseline) =>
        reportBaseline(baseline, runningOf(place, baseline.name), frozenOf(place, baseline.name)),
      ),
    reportEntity: (place, name, entity) => reportEntity(runningOf(place, name), entity, frozenOf(place, name)),
    history: (place, name) =>
      runningOf(place, name)
        .flatMap(({ history }) => history)
        .sort((a, b) => a.at - b.at),
  }
}

/** Tells a deviation unless the settings hold it back; it is remembered either way. */
function state(
  address: ShardAddress,
  event: Event,
  one: RunningBaseline,
  { detector: _, standing, ...deviation }: Deviation,
  settings: Settings,
  tell: Tell,
): void {
  const { baseline } = one
  const recordId = recordIdOf(address, event.offset)
  const id = findingId(address.account, `baseline/${baseline.name}`, recordId, deviation.entity)
  const held = standing ? 'standing' : settings.hold({ ...deviation, receivedAt: event.receivedAt })
  one.remember({ ...deviation, findingId: id, ...(held ? { held } : {}) })
  if (held) return
  const { title, severity, techniques, tactics, watches } = baseline
  const { entity, expected, seen, since, score, version } = deviation
  const finding: Finding = {
    id,
    account: address.account,
    workspace: address.workspace,
    kind: 'baseline',
    rule: {
      ...{ id: `baseline/${baseline.name}`, title, severity, techniques, tactics, groupBy: ['entity'] },
      description: `Watches ${watches}. It learns ${baseline.learns} before it states anything.`,
    },
    time: event.time,
    recordIds: [recordId],
    entities: entitiesOf(shapeEvent(event.original, event.logsource).root, event.ocsf),
    group: { entity },
    explanation: { entity, expected, seen, since, score, version },
  }
  tell(finding, event.receivedAt)
}
