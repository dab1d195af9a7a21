import { err, ok, type Result } from '../../platform/index.ts'
import { PATTERN_WAYS_MAX } from '../limits.ts'
import { parsePattern } from '../stix/parse-pattern.ts'
import type { Pattern, Test } from '../stix/pattern.ts'
import { PatternProblem } from '../stix/pattern-tokens.ts'
import { type Comparison, compileComparison } from './comparison.ts'

/** A pattern that one event can decide, its ORs taken apart: any one way to meet it is enough. */
export interface CompiledPattern {
  readonly ways: readonly Way[]
}

/** One way to meet a pattern: for each kind of object, one that all comparisons of that kind hold of. */
export interface Way {
  readonly groups: readonly Group[]
  /** When it has to happen, ms, the second instant excluded. */
  readonly window?: { readonly from: number; readonly to: number }
}

export interface Group {
  readonly object: string
  readonly comparisons: readonly Comparison[]
}

/** Compiles a pattern for comparison with single events, or says why events are not compared with it.
 * A pattern whose objects are of several kinds asks for them in one event.   @see STIX 2.1, 9.2 to 9.8 */
export function compilePattern(pattern: Pattern): Result<CompiledPattern, string> {
  const ways = waysOf(pattern)
  if (!ways.ok) return ways
  for (const { groups } of ways.value) {
    const comparisons = groups.flatMap((group) => group.comparisons)
    if (!comparisons.some(({ narrows }) => narrows)) {
      return err(
        `nothing that it asks for is rare enough: ${comparisons
          .map(({ name }) => name)
          .join(', ')
          .slice(0, 200)}`,
      )
    }
  }
  return ok({ ways: ways.value })
}

/** True for the text of a pattern that events can be compared with. */
export function isMatchable(text: string): boolean {
  try {
    return compilePattern(parsePattern(text)).ok
  } catch (error) {
    if (error instanceof PatternProblem) return false
    throw error
  }
}

function waysOf(pattern: Pattern): Result<readonly Way[], string> {
  switch (pattern.kind) {
    case 'observation':
      return observationWays(pattern.of)
    case 'or':
      return either(pattern.of.map(waysOf))
    case 'and':
      return err('it asks for several observations together, and an event is one')
    case 'followedBy':
      return err('it asks for observations one after another, and an event is one')
    case 'qualified':
      return qualifiedWays(pattern)
  }
}

function qualifiedWays({ of, qualifier }: Extract<Pattern, { kind: 'qualified' }>): Result<readonly Way[], string> {
  if (qualifier.kind === 'repeats' && qualifier.times > 1) {
    return err('it asks for repeated observations, and an event is one')
  }
  const ways = waysOf(of)
  // One observation is within any time.
  if (!ways.ok || qualifier.kind !== 'startStop') return ways
  const { from, to } = qualifier
  return ok(
    ways.value.map((way) => ({
      ...way,
      window: { from: Math.max(from, way.window?.from ?? from), to: Math.min(to, way.window?.to ?? to) },
    })),
  )
}

function observationWays(test: Test): Result<readonly Way[], string> {
  const conjunctions = conjunctionsOf(test)
  return conjunctions.ok
    ? ok(conjunctions.value.map((comparisons) => ({ groups: groupsOf(comparisons) })))
    : conjunctions
}

/** The disjunctive normal form of a test. */
function conjunctionsOf(test: Test): Result<readonly (readonly Comparison[])[], string> {
  switch (test.kind) {
    case 'anyOf':
      return either(test.of.map(conjunctionsOf))
    case 'allOf': {
      let joined: readonly (readonly Comparison[])[] = [[]]
      for (const part of test.of) {
        const conjunctions = conjunctionsOf(part)
        if (!conjunctions.ok) return conjunctions
        if (joined.length * conjunctions.value.length > PATTERN_WAYS_MAX) return tooMany()
        joined = joined.flatMap((first) => conjunctions.value.map((second) => [...first, ...second]))
      }
      return ok(joined)
    }
    default: {
      const comparison = compileComparison(test)
      return comparison.ok ? ok([[comparison.value]]) : comparison
    }
  }
}

function either<T>(parts: readonly Result<readonly T[], string>[]): Result<readonly T[], string> {
  const all: T[] = []
  for (const part of parts) {
    if (!part.ok) return part
    if (all.length + part.value.length > PATTERN_WAYS_MAX) return tooMany()
    all.push(...part.value)
  }
  return ok(all)
}

function tooMany() {
  return err(`it can be met in more than ${PATTERN_WAYS_MAX} ways; write it as several indicators, or with IN`)
}

function groupsOf(comparisons: readonly Comparison[]): Group[] {
  const groups = Map.groupBy(comparisons, ({ object }) => object)
  return [...groups].map(([object, own]) => ({ object, comparisons: own }))
}
