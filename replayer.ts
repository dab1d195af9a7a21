import { parentPort } from 'node:worker_threads'
import { ALERT_WINDOW_MS, alertKey } from './cases/index.ts'
import { createParser } from './collectors/index.ts'
import { serveBacktest } from './detection/index.ts'
import { assert, openChannel } from './platform/index.ts'

// The entry of a thread that matches stored events with rules on trial: a back-test of its own.
assert(parentPort, 'replayer.ts runs in a worker thread')
openChannel(
  parentPort,
  serveBacktest({ parser: createParser(), terms: { keyOf: alertKey, windowMs: ALERT_WINDOW_MS } }),
)
