import type { ContextValue } from '../../platform/index.ts'
import { type Action, actionOf } from '../policy/action-set.ts'
import { type ResourceName, splitResource } from '../policy/arn-pattern.ts'
import { canonicalKey } from '../policy/context-keys.ts'
import type { Caller } from '../policy/principal-match.ts'
import type { Question } from '../policy/statement.ts'
import type { KeyValues } from '../policy/text-pattern.ts'

const SPELLINGS_REMEMBERED_MAX = 4_096
const spellings = new Map<string, string>()

/** `canonicalKey`, remembered: requests spell the same few keys again and again. */
export function canonicalKeyOf(name: string): string {
  const known = spellings.get(name)
  if (known !== undefined) return known
  const canonical = canonicalKey(name)
  if (spellings.size < SPELLINGS_REMEMBERED_MAX) spellings.set(name, canonical)
  return canonical
}

/** Context keys by canonical spelling already, so that nothing has to spell them again. */
export class CanonicalKeys extends Map<string, ContextValue> {}

/** A question with everything it brings in its own context. */
export function questionOf(
  ask: {
    readonly action: string | Action
    readonly resource: string
    /** Where the name is taken apart already. */
    readonly resourceName?: ResourceName | undefined
    readonly keys: KeyValues
  },
  caller?: Caller,
): Question {
  return {
    action: typeof ask.action === 'string' ? actionOf(ask.action) : ask.action,
    resource: ask.resource,
    resourceName: ask.resourceName ?? splitResource(ask.resource),
    keys: ask.keys,
    caller,
  }
}

/** Context keys by canonical spelling, from pairs in any spelling. */
export function keysFrom(pairs: Iterable<readonly [string, ContextValue]>): ReadonlyMap<string, ContextValue> {
  const keys = new Map<string, ContextValue>()
  for (const [name, value] of pairs) keys.set(canonicalKeyOf(name), value)
  return keys
}
