import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createCasbinEvaluator } from './casbin.ts'
import { decide, EMPTY_LAYERS, type Layers } from './decide.ts'
import type { Evaluator } from './evaluator.ts'
import { nativeEvaluator } from './native.ts'
import { StatementList } from './statement-list.ts'
import { layers, list, question } from './testing.ts'

const allows = (given: Layers, asked: Parameters<typeof decide>[1]) =>
  decide(given, asked, nativeEvaluator).reason === 'allow'

const isDeny = (statement: { readonly effect: string }) => statement.effect === 'Deny'
const merge = (a: StatementList, b: StatementList) => new StatementList([a, b])

describe('a decision', () => {
  let casbin: Evaluator
  beforeAll(async () => {
    casbin = await createCasbinEvaluator()
  })

  it('is the same by casbin on the slice and by the native evaluator, whatever the layers', () => {
    let allowed = 0
    fc.assert(
      fc.property(layers, question, (given, asked) => {
        const native = decide(given, asked, nativeEvaluator)
        if (native.reason === 'allow') allowed++
        expect(decide(given, asked, casbin)).toEqual(native)
      }),
      { numRuns: 3000 },
    )
    // The generator would prove nothing if it only ever made refusals.
    expect(allowed).toBeGreaterThan(60)
  })

  it('is never widened by one more Deny', () => {
    const deny = list('identity').map((one) => new StatementList([{ statements: one.statements.filter(isDeny) }]))
    fc.assert(
      fc.property(layers, deny, question, (given, more, asked) => {
        if (allows({ ...given, identity: merge(given.identity, more) }, asked)) expect(allows(given, asked)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('is never widened by one more guardrail, boundary or session policy', () => {
    fc.assert(
      fc.property(layers, list('guardrail'), list('session'), question, (given, guardrail, session, asked) => {
        const narrower = [
          { ...given, guardrails: [...given.guardrails, { node: 'x', list: guardrail }] },
          { ...given, resourceGuardrails: [...given.resourceGuardrails, { node: 'x', list: guardrail }] },
          { ...given, sessions: [...given.sessions, session] },
          ...(given.boundary ? [] : [{ ...given, boundary: session }]),
        ]
        for (const one of narrower) if (allows(one, asked)) expect(allows(given, asked)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('is never widened by taking an Allow away', () => {
    fc.assert(
      fc.property(layers, question, (given, asked) => {
        const kept = given.identity.statements.filter((s, index) => isDeny(s) || index % 2 === 0)
        const identity = new StatementList([{ statements: kept }])
        if (allows({ ...given, identity }, asked)) expect(allows(given, asked)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('needs no layer but the identity in an account of its own', () => {
    fc.assert(
      fc.property(list('identity'), question, (identity, asked) => {
        const given = { ...EMPTY_LAYERS, identity }
        expect(decide(given, asked, nativeEvaluator)).toEqual(decide(given, asked, casbin))
      }),
    )
  })
})
