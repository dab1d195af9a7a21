import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readSigma } from '../../detection/sigma/read.ts'
import { aRuleDetector } from '../../detection/testing/builders.ts'
import { parseAccountId } from '../../platform/index.ts'
import { naiveMatches } from './naive-sigma.ts'
import { event, placeholders, rule } from './random-sigma.ts'

const account = parseAccountId('000000000001')
const shard = { account, workspace: 'default', dataspace: 'default', pipe: 'logs', shard: 0 }

/** Pairs of a rule and an event; more by SIGMA_PAIRS. */
const runs = Number(process.env.SIGMA_PAIRS ?? 8_000) / 20

test('random rules match random events as a literal reading of the specification says', { timeout: 600_000 }, () => {
  const seen = { pairs: 0, matches: 0 }
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 4, maxLength: 4 }),
      fc.array(event, { minLength: 5, maxLength: 5 }),
      (rules, events) => {
        const named = rules.map((one, index) => ({ ...one, id: `r${index}` }))
        const files = named.map((one) => ({ one, file: readSigma(stringify(one), { fallbackId: 'x', placeholders }) }))
        const accepted = files.filter(({ file }) => file.documents.length === 1).map(({ one }) => one)
        const detector = aRuleDetector()
        detector.rules.changeRules({
          account,
          workspace: 'default',
          put: files.flatMap(({ file }) => file.documents),
          removed: [],
        })
        const found = detector.detect(
          shard,
          events.map((original, offset) => ({
            offset,
            receivedAt: 0,
            time: 0,
            original: original as never,
            ocsf: {},
            logsource: { product: 'test' },
            raw: '',
          })),
        )
        const told = found.map(({ rule: { id }, recordIds }) => `${recordIds[0]?.split('/').at(-1)} ${id}`)
        const expected = events.flatMap((one, offset) =>
          accepted.filter((candidate) => naiveMatches(candidate, one, placeholders)).map(({ id }) => `${offset} ${id}`),
        )
        expect(told).toEqual(expected)
        seen.pairs += accepted.length * events.length
        seen.matches += expected.length
      },
    ),
    { numRuns: runs },
  )
  // Neither all nor none: the generators reach both.
  expect(seen.pairs).toBeGreaterThan(runs * 15)
  expect(seen.matches / seen.pairs).toBeGreaterThan(0.1)
  expect(seen.matches / seen.pairs).toBeLessThan(0.9)
})
