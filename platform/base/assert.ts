/** Throws when `condition` is false. For our own bugs only, never to judge what came from outside; stays on in
 * production. */
export function assert(condition: unknown, text: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${text}`)
}

/** Ends a switch over a union: a case that was forgotten is a compile error, and a bug at run time. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
