import { parentPort, workerData } from 'node:worker_threads'
import { createParser } from './collectors/index.ts'
import {
  createBaselineWatcher,
  createDetector,
  createIntelWatcher,
  createRuleWatcher,
  type DetectorTallies,
  type Finding,
  type RuleChange,
  serveBaselines,
} from './detection/index.ts'
import type { IntelChange } from './intel/index.ts'
import type { ProcessorData } from './main.ts'
import { openDuckDbStore, openLogReader, serveProcessor } from './pipeline/index.ts'
import { assert, type Channel, createLog, openChannel, systemClock } from './platform/index.ts'

// The entry of a processor thread: builds the parser, the detector and the store for its shards, and takes its orders
// from the service's own thread over a channel.
assert(parentPort, 'processor.ts runs in a worker thread')
const { logDir, storeDir, logLevel } = workerData as ProcessorData
const log = createLog({ clock: systemClock, stream: process.stderr, level: logLevel })
const reader = await openLogReader({ dir: logDir, log })
const store = await openDuckDbStore({ dir: storeDir, clock: systemClock })
const rules = createRuleWatcher()
const intel = createIntelWatcher()
const baselines = createBaselineWatcher({ log })
const detector = createDetector({ watchers: [rules, intel, baselines], log })

const processor = serveProcessor<Finding>(
  {
    reader,
    parser: createParser(),
    detector,
    store,
    clock: systemClock,
    emit: (findings) => channel.call('findings.take', findings),
    onStep: (step) => void channel.call('step.done', step).catch(() => {}),
    onTrouble: (shard, err) => log.error({ err, shard }, 'a shard cannot be processed now and is tried again'),
  },
  (shard, end) => reader.setEnd(shard, end),
)

const channel: Channel = openChannel(parentPort, {
  ...processor.handlers,
  ...serveBaselines(baselines),
  'rules.change': (change: RuleChange) => {
    rules.changeRules(change)
    processor.keepState()
  },
  'intel.change': (change: IntelChange) => intel.changeIndicators(change),
  'rules.tallies': (): DetectorTallies => ({ days: detector.takeTallies(), costs: rules.takeCosts() }),
})
