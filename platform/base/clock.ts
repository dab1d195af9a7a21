/** Where every part takes its time from, so that a test can move it. Milliseconds since the epoch, UTC. */
export interface Clock {
  now(): number
}

/** The machine's clock. It may step back; nothing may rely on it being monotonic. */
export const systemClock: Clock = { now: () => Date.now() }

/** An RFC 3339 UTC instant with milliseconds, as every answer of the API carries it. */
export function formatInstant(ms: number): string {
  return new Date(ms).toISOString()
}
