import fc from 'fast-check'
import { expect, it } from 'vitest'
import { buildRuleSet } from '../rule-set.ts'
import { rulesOf, ruleText } from '../testing/builders.ts'
import { measureOf } from './measure.ts'

const correlationOf = (least: number) => {
  const text = `title: C\nid: c\ncorrelation: {type: value_count, rules: [a], timespan: 1h, condition: {gte: ${least}, field: n}}\n`
  const { ruleSet } = buildRuleSet(rulesOf(ruleText('a', '{s: {a: 1}, condition: s}'), text))
  const [resolved] = ruleSet.correlations
  if (!resolved) throw new Error('the correlation is resolved')
  return resolved.correlation
}

it.each([1, 3, 15, 16, 17, 18, 30])('%d different values are told from fewer, however they come and go', (least) => {
  const measure = measureOf(correlationOf(least))()
  const steps = fc.array(fc.record({ value: fc.nat(36), leaving: fc.nat(2) }), { maxLength: 120, size: 'max' })
  fc.assert(
    fc.property(steps, (stream) => {
      measure.reset()
      const window: string[] = []
      for (const { value, leaving } of stream) {
        measure.enter(0, 0, `v${value}`)
        window.push(`v${value}`)
        // None, now and then two.
        for (const gone of window.splice(0, leaving === 2 && window.length > 20 ? 2 : 0)) measure.leave(0, gone)
        expect(measure.holds(0, window.length)).toBe(new Set(window).size >= least)
      }
      for (const gone of window.splice(0)) measure.leave(0, gone)
      expect(measure.holds(0, 0)).toBe(false)
    }),
    { numRuns: 50 },
  )
})
