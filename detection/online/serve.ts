import type { IntelChange, MatchCounts } from '../../intel/index.ts'
import type { Detector } from '../../pipeline/index.ts'
import type { Channel, ChannelHandlers, Log } from '../../platform/index.ts'
import { serveBaselines } from '../baselines/service/baselines.ts'
import { createBaselineWatcher } from '../baselines/stream/watcher.ts'
import type { DetectorTallies } from '../health/store.ts'
import { createDetector } from './detector.ts'
import type { Finding } from './finding.ts'
import { createIntelWatcher } from './intel-watcher.ts'
import { createRuleWatcher, type RuleChange } from './rule-watcher.ts'

/** The processor thread's side: the detector with all its watchers, and what it is told by the other side.
 * @param deps onRulesChanged: the detector's state is other than what is kept of it */
export function serveDetection(deps: {
  readonly log: Pick<Log, 'warn' | 'error'>
  readonly onRulesChanged: () => void
}): {
  readonly detector: Detector<Finding>
  readonly handlers: ChannelHandlers
} {
  const { log } = deps
  const rules = createRuleWatcher()
  const intel = createIntelWatcher()
  const baselines = createBaselineWatcher({ log })
  const detector = createDetector({ watchers: [rules, intel, baselines], log })
  return {
    detector,
    handlers: {
      ...serveBaselines(baselines),
      'rules.change': (change: RuleChange) => {
        rules.changeRules(change)
        deps.onRulesChanged()
      },
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
  /** What it did since this was last called. */
  takeTallies(): Promise<DetectorTallies>
}

export function detectorThread({ call }: Pick<Channel, 'call'>): DetectorThread {
  return {
    changeRules: (change) => call('rules.change', change),
    changeIndicators: (change) => call('intel.change', change),
    takeMatchCounts: () => call('intel.counts', undefined),
    takeTallies: () => call('rules.tallies', undefined),
  }
}
