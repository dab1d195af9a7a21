import { parentPort, workerData } from 'node:worker_threads'
import { createParser } from './collectors/index.ts'
import { serveDetection } from './detection/index.ts'
import { createEnricher, enriching } from './enrichment/index.ts'
import { type ProcessorData, type ProcessorThread, runProcessor } from './pipeline/index.ts'
import { assert, createLog, systemClock } from './platform/index.ts'

// The entry of a processor thread: builds the parser and the detector for its shards, and takes its orders from the
// service's own thread.
assert(parentPort, 'processor.ts runs in a worker thread')
const data = workerData as ProcessorData
const log = createLog({ clock: systemClock, stream: process.stderr, level: data.logLevel })
const detection = serveDetection({ log, room: data.detector, onRulesChanged: () => processor.keepState() })
const processor: ProcessorThread = await runProcessor({
  ...{ port: parentPort, data, clock: systemClock, log },
  parser: enriching(createParser(), await createEnricher({ databases: data.addressDatabases, log })),
  ...detection,
})
