import type { Detector, ShardAddress } from '../../pipeline/index.ts'
import type { Log } from '../../platform/index.ts'
import { STORM_FINDINGS_MAX } from '../limits.ts'
import type { Finding } from './finding.ts'
import { joinStates, splitStates } from './shard-state.ts'
import { type DayTally, ShardTally } from './shard-tally.ts'
import { StormGuard } from './storm-guard.ts'
import { keyOfShard, type Watcher } from './watcher.ts'

export interface DetectorDeps {
  /** In the order in which they look at events. */
  readonly watchers: readonly Watcher[]
  /** Findings of one rule that a shard tells in a minute. */
  readonly stormFindingsMax?: number
  readonly log?: Pick<Log, 'warn'>
}

const THROTTLED_TAG = 'rampart.throttled_rule'
/** Names what was counted, beside the parts of watchers. */
const TALLY_PART = 'tally'

/** What the detector did since it was made. */
export interface DetectorCounts {
  readonly events: number
  readonly findings: number
  readonly heldBack: number
}

export interface OnlineDetector extends Detector<Finding> {
  counts(): DetectorCounts
  /** What rules did and which events came, for each shard and day that changed since this was last called. */
  takeTallies(): readonly DayTally[]
}

/** Has every watcher look at events as they come, and keeps what one rule tells within bounds. It is deterministic: only
 * what stands in the log (event and receive time) moves it. */
export function createDetector({ watchers, stormFindingsMax = STORM_FINDINGS_MAX, log }: DetectorDeps): OnlineDetector {
  const guards = new Map<string, StormGuard>()
  /** How far each shard was looked at; how far it had been when it was restored, and who wants what is below that again. */
  const seen = new Map<
    string,
    { nextOffset: number; readonly restored: number; readonly again: ReadonlySet<Watcher> }
  >()
  const tallies = new Map<string, ShardTally>()
  const counts = { events: 0, findings: 0, heldBack: 0 }

  const guardOf = (shard: ShardAddress): StormGuard => {
    const key = keyOfShard(shard)
    let guard = guards.get(key)
    if (!guard) {
      guard = new StormGuard(stormFindingsMax)
      guards.set(key, guard)
    }
    return guard
  }

  const tallyOf = (shard: ShardAddress): ShardTally => {
    const key = keyOfShard(shard)
    let tally = tallies.get(key)
    if (!tally) {
      tally = new ShardTally(shard)
      tallies.set(key, tally)
    }
    return tally
  }

  return {
    detect(shard, events) {
      const guard = guardOf(shard)
      const tally = tallyOf(shard)
      const findings: Finding[] = []
      const tell = (finding: Finding, receivedAt: number): boolean => {
        const verdict = guard.pass(finding.rule.id, receivedAt)
        if (verdict === 'hold') {
          counts.heldBack += 1
          tally.holdBack(finding.rule.id, receivedAt)
          return true
        }
        if (verdict === 'last') {
          const { rule, account, workspace } = finding
          log?.warn(
            { rule: rule.id, account, workspace, findingsMax: stormFindingsMax },
            'a rule matches so much that its findings are held back for now; narrow it',
          )
        }
        findings.push(verdict === 'last' ? throttled(finding) : finding)
        return true
      }
      const progress = seen.get(keyOfShard(shard)) ?? { nextOffset: 0, restored: 0, again: new Set<Watcher>() }
      const past = events.filter(({ offset }) => offset < progress.restored)
      const fresh = past.length === 0 ? events : events.slice(past.length)
      if (fresh[0]) tally.begin(fresh[0].offset)
      for (const watcher of watchers) {
        if (past.length > 0 && progress.again.has(watcher)) {
          // They were told and counted: with a scratch tally, then.
          watcher.watch(shard, past, toldBefore, new ShardTally(shard))
        }
        // Also where there are none: watchers go on with what they write.
        if (fresh.length > 0 || past.length === 0) watcher.watch(shard, fresh, tell, tally)
      }
      progress.nextOffset = Math.max(progress.nextOffset, (events.at(-1)?.offset ?? -1) + 1)
      seen.set(keyOfShard(shard), progress)
      counts.events += events.length
      counts.findings += findings.length
      return findings
    },

    snapshot(shard) {
      const parts = new Map<string, Uint8Array>()
      for (const watcher of watchers) {
        const part = watcher.snapshot(shard)
        if (part) parts.set(watcher.name, part)
      }
      const tally = tallyOf(shard).save()
      if (tally) parts.set(TALLY_PART, tally)
      const storm = guardOf(shard).save()
      const nextOffset = seen.get(keyOfShard(shard))?.nextOffset ?? 0
      return parts.size === 0 && Object.keys(storm).length === 0 ? undefined : joinStates({ storm, nextOffset, parts })
    },

    restore(shard, bytes) {
      const key = keyOfShard(shard)
      guards.delete(key)
      const state = bytes && splitStates(bytes)
      if (bytes && !state) log?.warn({ shard }, 'an earlier version kept the windows of this shard; they begin anew')
      if (state) guardOf(shard).load(state.storm)
      tallies.delete(key)
      const tally = state?.parts.get(TALLY_PART)
      if (tally) tallyOf(shard).load(tally)
      const again = new Set<Watcher>()
      let first: number | undefined
      for (const watcher of watchers) {
        const from = watcher.restore(shard, state?.parts.get(watcher.name))
        if (from === undefined) continue
        again.add(watcher)
        first = Math.min(first ?? from, from)
      }
      const nextOffset = state?.nextOffset ?? 0
      seen.set(key, { nextOffset, restored: nextOffset, again })
      return first
    },

    counts: () => ({ ...counts }),

    takeTallies: () => [...tallies.values()].flatMap((tally) => tally.takeChanged()),
  }
}

/** Findings are handed on before a state that holds their events is kept, so those below a restored state's offset are
 * known, and the guard counted them. */
const toldBefore = (): boolean => false

/** The last of its rule for now, which says so: its alert carries the tag. */
function throttled(finding: Finding): Finding {
  const { rule } = finding
  return { ...finding, throttled: true, rule: { ...rule, tags: [...(rule.tags ?? []), THROTTLED_TAG] } }
}
