import type { ResolvedCorrelation } from './resolve.ts'
import type { Window, WindowShape } from './window.ts'

/** The groups of one correlation. */
export interface GroupTable {
  /** Names it in records; never given again, since old records may still bear it. */
  readonly number: number
  /** Of the correlation's definition: groups of another one mean nothing. */
  readonly id: string
  readonly fingerprint: string
  readonly shape: WindowShape
  /** How long after it was last heard of a group may matter, ms. */
  readonly retainMs: number
  /** Those in memory, by key. */
  readonly hot: Map<string, Window>
  /** Walks over those in memory, a few at each event, to let go of those whose time is over. */
  sweep: Iterator<Window> | undefined
  /** None of those in memory was last heard of before, as far as the last walk saw and since; what this one saw so far. */
  quietSince: number
  quietSeen: number
}

export function makeTable(number: number, resolved: ResolvedCorrelation, latenessMs: number): GroupTable {
  const { correlation, fingerprint } = resolved
  return {
    number,
    id: correlation.head.id,
    fingerprint,
    shape: { tags: correlation.type.startsWith('temporal'), values: correlation.type.startsWith('value_') },
    retainMs: correlation.timespanMs + latenessMs,
    hot: new Map(),
    sweep: undefined,
    quietSince: Number.NEGATIVE_INFINITY,
    quietSeen: Number.POSITIVE_INFINITY,
  }
}
