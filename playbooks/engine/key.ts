/** The idempotency key that every attempt of a step carries to the far side: `<run>/<step path>/<index>`. */
export function keyOf(runId: string, step: string, index = 0): string {
  return `${runId}/${step}/${index}`
}
