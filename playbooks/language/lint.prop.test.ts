import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actionSpecs } from '../actions/catalogue.ts'
import { revisionOf } from './canonical.ts'
import { lint } from './lint.ts'

const seedText = `playbook: 1
id: seed
name: Seed
run_as: role/r
permissions: [http.request]
inputs: {n: {type: int, default: 1}}
triggers: [{id: t, alert: {on: [created], where: 'alert.count > 1'}}]
steps:
  - id: a
    if: inputs.n > 0
    action: http.request
    with: {method: GET, url: 'http://x/\${{ inputs.n }}'}
  - {id: b, needs: [a], set: {x: '\${{ steps.a.?output.status.orValue(0) }}'}}
  - {id: c, wait: {for: 1s}}
outputs: {x: {type: int, value: steps.b.output.x}}
`
const lines = seedText.split('\n')

/** The right playbook with pieces cut out, doubled or replaced by what stands elsewhere or nowhere. */
const mutated = fc
  .array(
    fc.record({
      at: fc.nat(seedText.length - 1),
      length: fc.nat(30),
      insert: fc.oneof(
        fc.string({ maxLength: 20 }),
        fc.constantFrom(
          ...lines,
          '${{',
          '}}',
          '&a ',
          '*a',
          '!!x ',
          '{',
          '[',
          ': ',
          '\n- ',
          '__proto__: ',
          'steps.',
          '"',
        ),
      ),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((edits) =>
    edits.reduce((text, { at, length, insert }) => text.slice(0, at) + insert + text.slice(at + length), seedText),
  )

describe('whatever the text', () => {
  it('the linter never throws, and gives a playbook exactly where it finds no error', () => {
    fc.assert(
      fc.property(
        fc.oneof({ weight: 4, arbitrary: mutated }, fc.string({ unit: 'binary', maxLength: 300 })),
        (text) => {
          const { playbook, problems } = lint(text, actionSpecs)
          const errors = problems.filter((problem) => problem.severity === 'error')
          expect(playbook === undefined).toBe(errors.length > 0)
          for (const { line, column } of problems) {
            expect(line).toBeGreaterThanOrEqual(1)
            expect(line).toBeLessThanOrEqual(text.split('\n').length)
            expect(column).toBeGreaterThanOrEqual(1)
          }
          if (playbook) expect(revisionOf(JSON.parse(JSON.stringify(playbook)))).toBe(revisionOf(playbook))
        },
      ),
      { numRuns: 1500 },
    )
  }, 120_000)
})
