import type { IntelChange, MatchCounts } from '../../intel/index.ts'
import type { Detector, ShardFiles } from '../../pipeline/index.ts'
import type { Channel, ChannelHandlers, Log } from '../../platform/index.ts'
import { serveBaselines } from '../baselines/service/baselines.ts'
import { createBaselineWatcher } from '../baselines/stream/watcher.ts'
import { CorrelationBudget } from '../correlate/budget.ts'
import type { DetectorTallies } from '../health/store.ts'
import { createDetector } from './detector.ts'
import type { Finding } from './finding.ts'
import { createIntelWatcher } from './intel-watcher.ts'
import { createRuleWatcher, type RuleChange, type RuleCounts } from './rule-watcher.ts'
import { shardFolders } from './shard-folders.ts'

/** The processor thread's side: the detector with all its watchers, and what it is told by the other side.
 * @param deps room: where the windows of correlations are kept, and what they may take; onRulesChanged: the detector's state is other than what is kept of it */
export function serveDetection(deps: {
  readonly log: Pick<Log, 'warn' | 'error'>
  readonly room: { readonly dir: string; readonly memoryBytes: number; readonly diskBytes: number }
  readonly onRulesChanged: () => void
}): {
  readonly detector: Detector<Finding>
  readonly files: ShardFiles
  readonly handlers: ChannelHandlers
} {
  const { log, room } = deps
  const rules = createRuleWatcher({ dir: room.dir, budget: new CorrelationBudget(room) })
  const intel = createIntelWatcher()
  const baselines = createBaselineWatcher({ log })
  const detector = createDetector({ watchers: [rules, intel, baselines], log })
  return {
    detector,
    files: shardFolders(room.dir),
    handlers: {
      ...serveBaselines(baselines),
      'rules.change': (change: RuleChange) => {
        rules.changeRules(change)
        deps.onRulesChanged()
      },
      'correlations.counts': (): RuleCounts => rules.counts(),
      'rules.tallies': (): DetectorTallies => ({ days: detector.takeTallies(), costs: rules.takeCosts() }),
      'intel.change': (change: IntelChange) => intel.changeIndicators(change),
      'intel.counts': (): MatchCounts => intel.takeCounts(),
    },
  }
}

/** The detector as the other side sees it. */
export interface DetectorThread {
  changeRules(change: RuleChange): Promise<void>
  changeIndicators(change: IntelChange): Promise<void>
  takeMatchCounts(): Promise<MatchCounts>
  /** What correlations hold, and what they lost since the process started. */
  countCorrelations(): Promise<RuleCounts>
  /** What it did since this was last called. */
  takeTallies(): Promise<DetectorTallies>
}

export function detectorThread({ call }: Pick<Channel, 'call'>): DetectorThread {
  return {
    changeRules: (change) => call('rules.change', change),
    changeIndicators: (change) => call('intel.change', change),
    takeMatchCounts: () => call('intel.counts', undefined),
    countCorrelations: () => call('correlations.counts', undefined),
    takeTallies: () => call('rules.tallies', undefined),
  }
}
