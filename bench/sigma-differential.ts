import fc from 'fast-check'
import { stringify } from 'yaml'
import { RuleMatcher } from '../detection/match/rule-matcher.ts'
import { readSigma } from '../detection/sigma/read.ts'
import type { SigmaRule } from '../detection/sigma/rule.ts'
import { correlationHolds } from '../test/differential/correlation-holds.ts'
import { naiveHolds } from '../test/differential/naive-correlation.ts'
import { naiveMatches } from '../test/differential/naive-sigma.ts'
import { correlationSet, event, matchedEvents, placeholders, rule } from '../test/differential/random-sigma.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const RULES = 150
const EVENTS = 150

/** Millions of random rules on random events, and correlations over random streams, each also evaluated by a literal
 * reading of the specification: how many pairs, and on how many the two disagree. */
export async function run(report: Report, options: { readonly quick: boolean }): Promise<void> {
  const pairsWanted = options.quick ? 50_000 : 2_500_000
  const holdsWanted = options.quick ? 20_000 : 1_000_000
  const seed = Date.now() % 2 ** 31
  console.log(`  seed ${seed}`)

  const rules = { pairs: 0, matches: 0, disagree: 0 }
  for (let round = 0; rules.pairs < pairsWanted; round++) compareRules(seed + round, rules)
  report({ case: 'rules on events compared', value: rules.pairs, unit: 'pairs' })
  report({ case: 'of these matches', value: rules.matches, unit: 'pairs' })
  report({ case: 'rules on events, disagreements', value: rules.disagree, unit: 'pairs' })

  const correlations = { places: 0, holds: 0, disagree: 0 }
  for (let round = 0; correlations.places < holdsWanted; round++) compareCorrelations(seed + round, correlations)
  report({ case: 'correlations at events compared', value: correlations.places, unit: 'pairs' })
  report({ case: 'of these hold', value: correlations.holds, unit: 'pairs' })
  report({ case: 'correlations at events, disagreements', value: correlations.disagree, unit: 'pairs' })
  if (rules.disagree + correlations.disagree > 0) throw new Error(`disagreements with seed ${seed}; see above`)
}

function compareRules(seed: number, sum: { pairs: number; matches: number; disagree: number }): void {
  const named = fc.sample(rule, { numRuns: RULES, seed }).map((one, index) => ({ ...one, id: `r${index}` }))
  const pairs = named.flatMap((written) => {
    const [document] = readSigma(stringify(written), { fallbackId: 'x', placeholders }).documents
    return document?.kind === 'rule' ? [{ written, document }] : []
  })
  const matcher = new RuleMatcher(pairs.map(({ document }): SigmaRule => document))
  for (const one of fc.sample(event, { numRuns: EVENTS, seed })) {
    const found = new Set(matcher.match(one as never, { product: 'test' }))
    for (const [number, { written }] of pairs.entries()) {
      sum.pairs++
      const wanted = naiveMatches(written, one, placeholders)
      if (wanted) sum.matches++
      if (wanted === found.has(number)) continue
      sum.disagree++
      console.error(`  ${wanted ? 'missed' : 'too much'}: ${JSON.stringify(written.detection)} ${JSON.stringify(one)}`)
    }
  }
}

function compareCorrelations(seed: number, sum: { places: number; holds: number; disagree: number }): void {
  const sets = fc.sample(fc.tuple(correlationSet, matchedEvents), { numRuns: 50, seed })
  for (const [correlations, events] of sets) {
    const wanted = naiveHolds(correlations, events)
    const found = correlationHolds(correlations, events)
    sum.places += correlations.length * events.length
    sum.holds += wanted.length
    const differ = [
      ...wanted.filter((each) => !found.includes(each)),
      ...found.filter((each) => !wanted.includes(each)),
    ]
    sum.disagree += differ.length
    if (differ.length > 0) console.error(`  ${differ}: ${JSON.stringify(correlations)} ${JSON.stringify(events)}`)
  }
}
