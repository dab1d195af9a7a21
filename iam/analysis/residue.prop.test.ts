import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../decision/decide.ts'
import { nativeEvaluator } from '../decision/native.ts'
import { layers, question } from '../decision/testing.ts'
import { OpenKeys } from './open-keys.ts'
import { isNow, isRemainderMet, remainderOf } from './residue.ts'

describe('what is left of a decision', () => {
  it('holds exactly where the decision allows, whatever the layers and values', () => {
    const seen = { now: 0, conditionally: 0, never: 0 }
    fc.assert(
      fc.property(layers, question, (given, asked) => {
        const left = remainderOf(given, asked, new OpenKeys(asked.keys, new Set()))
        const allowed = decide(given, asked, nativeEvaluator).reason === 'allow'
        expect(left !== undefined && isRemainderMet(left, asked)).toBe(allowed)
        if (left && isNow(left)) expect(allowed).toBe(true)
        seen[left === undefined ? 'never' : isNow(left) ? 'now' : 'conditionally']++
      }),
      { numRuns: 5000 },
    )
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50)
  })

  it('is nothing where every key is stated: then it is the decision', () => {
    fc.assert(
      fc.property(layers, question, (given, asked) => {
        const left = remainderOf(given, asked, new OpenKeys(asked.keys, new Set(['k:a', 'k:b'])))
        expect(left !== undefined).toBe(decide(given, asked, nativeEvaluator).reason === 'allow')
        if (left) expect(isNow(left)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})
