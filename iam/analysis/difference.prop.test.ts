import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, type Layers } from '../decision/decide.ts'
import { nativeEvaluator } from '../decision/native.ts'
import { keysFrom, questionOf } from '../decision/question.ts'
import { StatementList } from '../decision/statement-list.ts'
import { layers, list, question } from '../decision/testing.ts'
import type { Question } from '../policy/statement.ts'
import { type Difference, differenceOf } from './difference.ts'
import { sideOfLayers } from './side.ts'

const allows = (given: Layers, asked: Question) => decide(given, asked, nativeEvaluator).reason === 'allow'

/** Each example that is told is one. */
function check({ gains, loses }: Difference, before: Layers, after: Layers, caller: Question['caller']): void {
  for (const [covers, answer] of [
    [gains, [false, true]],
    [loses, [true, false]],
  ] as const) {
    for (const { found } of covers) {
      const { action, resource, context } = found.example
      const keys = keysFrom(Object.entries(context).flatMap(([key, value]) => (value === null ? [] : [[key, value]])))
      const asked = questionOf({ action, resource, keys }, caller)
      if (!found.isGuess) expect([allows(before, asked), allows(after, asked)]).toEqual(answer)
    }
  }
}

describe('a difference', () => {
  it('is empty if and only if both sides decide alike, whatever is asked', () => {
    const seen = { empty: 0, differing: 0 }
    const change = fc.oneof(
      list('identity').map((identity) => ({ identity })),
      list('boundary').map((boundary) => ({ boundary })),
      list('guardrail').map((one) => ({ guardrails: [{ node: 'n0', list: one }] })),
      list('resource').map((resource) => ({ resource })),
      fc.nat(3).map((kept) => ({ kept })),
    )
    fc.assert(
      fc.property(layers, change, fc.array(question, { minLength: 8, maxLength: 8 }), (before, changed, asked) => {
        const after: Layers =
          'kept' in changed
            ? {
                ...before,
                identity: new StatementList([
                  { statements: before.identity.statements.filter((_, index) => index !== changed.kept) },
                ]),
              }
            : { ...before, ...changed }
        const caller = asked[0]?.caller
        const found = differenceOf(sideOfLayers(before, caller), sideOfLayers(after, caller))
        expect(found.complete).toBe(true)
        check(found, before, after, caller)
        for (const one of asked) {
          const about = { ...one, caller }
          const [was, is] = [allows(before, about), allows(after, about)]
          if (is && !was) expect(found.gains.length).toBeGreaterThan(0)
          if (was && !is) expect(found.loses.length).toBeGreaterThan(0)
          if (was !== is) seen.differing++
        }
        if (found.gains.length + found.loses.length === 0) seen.empty++
      }),
      { numRuns: 1500 },
    )
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50)
  })
})
