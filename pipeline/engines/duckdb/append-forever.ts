import { systemClock } from '../../../platform/index.ts'
import { account, anEvent, aShard, column } from '../contract-support.ts'
import { openDuckDbStore } from './index.ts'

// The process that crash.test.ts kills or starves: appends without end from where the store stands, and says on its
// standard output what was acknowledged, what was refused, and how many events a search then finds.

const [dir = '', batchSize = '50', payloadBytes = '100'] = process.argv.slice(2)
const store = await openDuckDbStore({
  dir,
  clock: systemClock,
  limits: { freeBytesMin: 0, checkpointBytes: 1024 * 1024 },
})
const shard = aShard()
let { nextOffset } = await store.progress(shard)
process.stdout.write(`at ${nextOffset}\n`)
for (;;) {
  const first = nextOffset
  const events = Array.from({ length: Number(batchSize) }, (_, i) => {
    const offset = first + i
    // A new field now and then: the table's shape changes between events.
    return anEvent(
      offset,
      { n: offset, [`field${Math.floor(offset / 500) % 40}`]: payload(offset) },
      { raw: `${account}` },
    )
  })
  try {
    await store.append({ shard, events, nextOffset: first + events.length, detectorState: Buffer.from(String(first)) })
    nextOffset = first + events.length
    process.stdout.write(`acknowledged ${nextOffset}\n`)
  } catch (error) {
    const [count] = await column(store, 'source=logs | stats count()')
    process.stdout.write(`refused ${(error as { code: string }).code} found ${count}\n`)
    nextOffset = (await store.progress(shard)).nextOffset
  }
}

/** Text that does not compress. */
function payload(seed: number): string {
  let state = seed + 1
  let text = ''
  while (text.length < Number(payloadBytes)) {
    state = (state * 48_271) % 2_147_483_647
    text += state.toString(36)
  }
  return text
}
