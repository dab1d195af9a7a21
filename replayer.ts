import { parentPort, workerData } from 'node:worker_threads'
import { ALERT_WINDOW_MS, alertKey } from './cases/index.ts'
import { createParser } from './collectors/index.ts'
import { serveReplay } from './detection/index.ts'
import { createEnricher, enriching } from './enrichment/index.ts'
import { assert, openChannel } from './platform/index.ts'

// The entry of a thread that matches stored events with rules on trial, or with indicators that came after them: a
// back-test, or a hunt, of its own.
assert(parentPort, 'replayer.ts runs in a worker thread')
const { addressDatabases: databases } = workerData as { readonly addressDatabases: readonly string[] }
// What is wrong with a database, the processor has told.
const silent = { info: () => {}, warn: () => {} }
const parser = enriching(createParser(), await createEnricher({ databases, log: silent }))
openChannel(parentPort, serveReplay({ parser, terms: { keyOf: alertKey, windowMs: ALERT_WINDOW_MS } }))
