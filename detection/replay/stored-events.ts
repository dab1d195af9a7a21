import type { EventScan, EventStore, ScanBatch, ScanRequest } from '../../pipeline/index.ts'
import type { JobContext } from '../../platform/index.ts'

/** What became of a walk over stored events. */
export interface Walked {
  readonly events: number
  readonly findings: number
}

export interface Walk {
  readonly store: Pick<EventStore, 'scan'>
  readonly over: ScanRequest
  /** Looks at a batch. @returns how many findings there were */
  readonly take: (batch: ScanBatch) => Promise<number>
  /** The walk ends early when there were so many. */
  readonly findingsMax?: number
}

/** Hands stored events to `take`, batch by batch, and tells the job how far it is. The next batch is read while one is
 * looked at.   @throws what cancels the job */
export async function walkStoredEvents({ store, over, take, findingsMax }: Walk, job: JobContext): Promise<Walked> {
  const scan = await store.scan(over)
  try {
    const walked = { events: 0, findings: 0 }
    let reading = readAhead(scan)
    for (let batch = await reading; batch; batch = await reading) {
      job.signal.throwIfAborted()
      reading = readAhead(scan)
      walked.findings += await take(batch)
      walked.events += batch.records.length
      const { events, findings } = walked
      const note = `${events} of ${scan.eventCount} events, ${findings} findings`
      job.progress((100 * events) / Math.max(1, scan.eventCount), note)
      if (findingsMax !== undefined && findings >= findingsMax) break
    }
    job.signal.throwIfAborted()
    return walked
  } finally {
    await scan.close()
  }
}

function readAhead(scan: EventScan): ReturnType<EventScan['next']> {
  const reading = scan.next()
  // Who awaits it learns of a failure; nobody may any more.
  reading.catch(() => {})
  return reading
}
