import { pooled } from './pooled.ts'
import { shortKey } from './short-key.ts'

/** Adds a name to a list that has none twice, unless there are `max` already. Of so few a list is looked through sooner than a
 * set, and takes a third of its room. */
export function addFew(list: string[], name: string, max: number): void {
  if (list.length >= max) return
  const key = shortKey(name)
  if (!list.includes(key)) list.push(pooled(key))
}
