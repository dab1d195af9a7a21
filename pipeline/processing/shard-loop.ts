import type { Clock } from '../../platform/index.ts'
import type { Detector, Event, EventStore, LogGap, LogReader, Parser, ShardAddress } from '../types.ts'
import {
  BATCH_BYTES_MAX,
  RETRY_DELAY_MS_MAX,
  RETRY_DELAY_MS_MIN,
  STATE_COST_FACTOR,
  STATE_EVENTS_MAX,
  STATE_INTERVAL_MS,
} from './limits.ts'

/** What one turn of a shard's loop did, counted once it is durable. */
export interface ShardStep {
  readonly shard: ShardAddress
  readonly nextOffset: number
  readonly eventCount: number
  readonly byteCount: number
  readonly parseErrorCount: number
  readonly findingCount: number
  /** Receive time of the newest event of the turn: how far behind the shard is. */
  readonly newestReceivedAt: number
  readonly gaps: readonly LogGap[]
}

export interface ShardLoopDeps<Finding> {
  readonly reader: LogReader
  readonly parser: Parser
  readonly detector: Detector<Finding>
  readonly store: EventStore
  readonly clock: Clock
  /** Hands findings on; resolves when they are durable there. The same finding may come again after a crash. */
  readonly emit: (findings: readonly Finding[]) => Promise<void>
  readonly onStep: (step: ShardStep) => void
  /** A turn failed and is tried again: the store or the log is in trouble, or a bug shows itself. */
  readonly onTrouble: (shard: ShardAddress, error: unknown) => void
}

/** Carries one shard from the log to the store: read, parse, detect, hand findings on, append. */
export interface ShardLoop {
  /** Says how far the shard is durable. */
  wake(end: number): void
  /** Has the detector's state kept with the next batch: after the rules changed. */
  keepState(): void
  /** Ends after the turn that is running, with the detector's state kept. */
  stop(): Promise<void>
}

const NO_STATE = new Uint8Array(0)

/** A loop over one shard. It costs nothing while the shard is quiet.
 *
 * INVARIANT (once): events and the next offset are one transaction of the store, and findings carry ids that a replay
 * repeats; so after a crash nothing is stored twice and no finding counts twice.
 * INVARIANT (state): the detector's state in the store holds every event below its own offset, or says from where on it
 * needs them; records between there and the next offset are fed to the detector again at start, before anything new. */
export function createShardLoop<Finding>(shard: ShardAddress, deps: ShardLoopDeps<Finding>): ShardLoop {
  let end = 0
  let next: number | undefined
  let storedNext = 0
  let stateAt = deps.clock.now()
  let stateCostMs = 0
  let eventsSinceState = 0
  let stateWanted = false
  let stopping = false
  let running: Promise<void> | undefined
  /** The append under way: the next batch is read, parsed and matched meanwhile. */
  let appending: Promise<void> = Promise.resolve()

  const begin = async (): Promise<number> => {
    const progress = await deps.store.progress(shard)
    const again = deps.detector.restore(shard, progress.detectorState?.length ? progress.detectorState : undefined)
    storedNext = progress.nextOffset
    // Tells the log what is stored: should its disk have lost records since, new ones must not get their offsets.
    deps.onStep({
      shard,
      nextOffset: storedNext,
      eventCount: 0,
      byteCount: 0,
      parseErrorCount: 0,
      findingCount: 0,
      newestReceivedAt: 0,
      gaps: [],
    })
    return Math.min(progress.detectorOffset, again ?? progress.detectorOffset)
  }

  const stateDue = () => {
    if (stateWanted || stopping) return true
    const elapsedMs = Math.abs(deps.clock.now() - stateAt)
    if (elapsedMs < STATE_COST_FACTOR * stateCostMs) return false
    return eventsSinceState >= STATE_EVENTS_MAX || elapsedMs >= STATE_INTERVAL_MS
  }

  const takeState = (): Uint8Array => {
    const startedAt = deps.clock.now()
    const state = deps.detector.snapshot(shard) ?? NO_STATE
    stateAt = deps.clock.now()
    stateCostMs = Math.max(0, stateAt - startedAt)
    eventsSinceState = 0
    stateWanted = false
    return state
  }

  const turn = async (from: number): Promise<number> => {
    const batch = await deps.reader.read(shard, from, BATCH_BYTES_MAX)
    const events: Event[] = []
    let byteCount = 0
    let parseErrorCount = 0
    let newestReceivedAt = 0
    for (const record of batch.records) {
      const event = deps.parser.parse(record)
      events.push(event)
      if (record.offset < storedNext) continue
      byteCount += record.payload.length
      if (event.parseError !== undefined) parseErrorCount += 1
      newestReceivedAt = Math.max(newestReceivedAt, record.receivedAt)
    }
    const findings = deps.detector.detect(shard, events)
    if (findings.length > 0) await deps.emit(findings)
    eventsSinceState += events.length
    if (batch.nextOffset <= storedNext) return batch.nextOffset

    const keep = stateDue() ? { detectorState: takeState() } : {}
    const fresh = events.filter((event) => event.offset >= storedNext)
    const { nextOffset, gaps } = batch
    storedNext = nextOffset
    await appending
    appending = deps.store.append({ shard, events: fresh, nextOffset, ...keep }).then(() =>
      deps.onStep({
        shard,
        nextOffset,
        eventCount: fresh.length,
        byteCount,
        parseErrorCount,
        findingCount: findings.length,
        newestReceivedAt,
        gaps,
      }),
    )
    // Told where it is awaited.
    appending.catch(() => {})
    return nextOffset
  }

  const run = async (): Promise<void> => {
    let delayMs = RETRY_DELAY_MS_MIN
    while (!stopping) {
      try {
        next ??= await begin()
        if (next < end) next = await turn(next)
        else {
          await appending
          if (next >= end) return
        }
        delayMs = RETRY_DELAY_MS_MIN
      } catch (error) {
        deps.onTrouble(shard, error)
        // The turn may have moved the detector: begin again from what the store holds.
        await appending.catch(() => {})
        appending = Promise.resolve()
        next = undefined
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX)
      }
    }
  }

  const start = () => {
    if (running || stopping) return
    running = run().finally(() => {
      running = undefined
      if (!stopping && next !== undefined && next < end) start()
    })
  }

  return {
    wake(durableEnd) {
      end = Math.max(end, durableEnd)
      if (next === undefined || next < end) start()
    },
    keepState() {
      stateWanted = true
    },
    async stop() {
      stopping = true
      await running
      const stored = await appending.then(
        () => true,
        () => false,
      )
      if (!stored || next === undefined || next < storedNext || eventsSinceState === 0) return
      // Without it the next start only has more to bring up to date.
      try {
        await deps.store.append({ shard, events: [], nextOffset: storedNext, detectorState: takeState() })
      } catch (error) {
        deps.onTrouble(shard, error)
      }
    },
  }
}
