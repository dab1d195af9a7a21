import { assert } from '../../platform/index.ts'
import type { HistoryEvent, RunEvent } from './events.ts'
import type { Payloads } from './payload.ts'

/** The payload of an event that stands with those before it. */
export const NOTHING: Uint8Array = new Uint8Array(0)

/** The payload of the first of some events that are stored together, which holds all of them: one seal a commit, and
 * still a row an event.   @see readHistory */
export function sealEvents(payloads: Payloads, runId: string, events: readonly HistoryEvent[]): Promise<Uint8Array> {
  const [first] = events
  if (!first) return Promise.resolve(NOTHING)
  return payloads.seal(
    events.map(({ event }) => event),
    `event/${runId}/${first.seq}`,
  )
}

/** The events of a run from their rows, in order. */
export async function readHistory(
  payloads: Payloads,
  runId: string,
  rows: readonly { readonly seq: number; readonly at: number; readonly payload: Uint8Array }[],
): Promise<readonly HistoryEvent[]> {
  const history: HistoryEvent[] = []
  let together: readonly RunEvent[] = []
  let from = 0
  for (const { seq, at, payload } of rows) {
    if (payload.length > 0) {
      together = (await payloads.open(payload, `event/${runId}/${seq}`)) as readonly RunEvent[]
      from = seq
    }
    const event = together[seq - from]
    assert(event && seq === history.length + 1, `event ${seq} of run ${runId} is there`)
    history.push({ seq, at, event })
  }
  return history
}
