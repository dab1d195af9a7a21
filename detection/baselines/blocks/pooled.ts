/** Texts that are held at once; one more, and it begins anew. */
const POOLED_MAX = 16_384
const pool = new Map<string, string>()

/** The same text, as the one string that others hold, too: thousands of entities use the same few values, and each event
 * brings a string of its own. It is nothing but memory: no statement depends on what is in the pool. */
export function pooled(text: string): string {
  const known = pool.get(text)
  if (known !== undefined) return known
  if (pool.size >= POOLED_MAX) pool.clear()
  pool.set(text, text)
  return text
}
