import { setTimeout as sleep } from 'node:timers/promises'
import type { SyslogLimits } from '../limits.ts'
import type { Delivery } from './delivery.ts'

/** Waits until nothing has arrived for a while and what did is durable, but not for ever. `arrivals` counts them. */
export type Quiet = (delivery: Delivery, arrivals: () => number) => Promise<void>

/** A listener that can end in good order. */
export interface Draining {
  readonly delivery: Delivery
  /** Takes nothing new, waits for quiet, lets go of its sockets. */
  stop(quiet: Quiet): Promise<void>
}

/** Stops listeners: what has arrived is read and made durable, within `drainMsMax`. */
export async function drain(
  listeners: readonly Draining[],
  limits: SyslogLimits,
): Promise<{ readonly abandoned: number }> {
  const { drainMsMax, drainQuietMs } = limits
  const quiet: Quiet = async (delivery, arrivals) => {
    // Half of the time is left for the log.
    for (let leftMs = drainMsMax / 2; leftMs > 0; leftMs -= drainQuietMs) {
      const before = arrivals()
      await sleep(drainQuietMs)
      if (arrivals() === before && delivery.waitingBytes === 0) return
    }
  }
  const late = new AbortController()
  const deadline = sleep(drainMsMax, undefined, { signal: late.signal }).catch(() => undefined)
  const stopped = (async () => {
    await Promise.all(listeners.map((listener) => listener.stop(quiet)))
    await Promise.all(listeners.map(({ delivery }) => delivery.drained()))
  })()
  await Promise.race([stopped, deadline])
  late.abort()
  return { abandoned: listeners.reduce((sum, { delivery }) => sum + delivery.abandon(), 0) }
}
