import { setTimeout as delay } from 'node:timers/promises'

/** Waits until `check` gives something, looking again and again. Throws with `what` after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs
  for (;;) {
    const value = await check()
    if (value !== undefined && value !== false) return value
    if (performance.now() > giveUpAt) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await delay(50)
  }
}
