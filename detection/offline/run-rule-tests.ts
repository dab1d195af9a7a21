import type { JsonObject } from '../../pipeline/index.ts'
import { eventTime } from '../../platform/base/index.ts'
import { Correlator } from '../correlate/correlator.ts'
import { lookUp, makeField } from '../match/field.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import type { RuleSet } from '../rule-set.ts'
import type { SigmaDocument } from '../sigma/read.ts'
import type { RuleTest } from '../sigma/rule-test.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import type { RuleTree } from './rule-tree.ts'

export interface FailedTest {
  readonly file: string
  readonly rule: string
  readonly test: string
  readonly expected: 'match' | 'no match'
}

export interface TestReport {
  readonly passed: number
  readonly failed: readonly FailedTest[]
  /** Rules that carry no test. */
  readonly untested: number
}

/** Runs the tests that rules carry, each rule beside all others of its tree: filters narrow it, correlations find the rules
 * they name. Sample events count as events of the rule's own log source; a second apart where they say no time. */
export function runRuleTests({ ruleSet, documents }: Pick<RuleTree, 'ruleSet' | 'documents'>): TestReport {
  const matcher = new RuleMatcher(ruleSet.rules)
  const failed: FailedTest[] = []
  let passed = 0
  let untested = 0
  for (const { file, document, tests } of documents) {
    if (tests.length === 0 && document.kind !== 'filter') untested++
    for (const test of tests) {
      if (finds(document, test, ruleSet, matcher) === test.matches) passed++
      else failed.push({ file, rule: document.head.id, test: test.name, expected: test.matches ? 'match' : 'no match' })
    }
  }
  return { passed, failed, untested }
}

function finds(document: SigmaDocument, test: RuleTest, ruleSet: RuleSet, matcher: RuleMatcher): boolean {
  const known = document.kind === 'rule' ? document.logsource : {}
  const correlator = new Correlator(ruleSet.correlations, { latenessMs: 0 })
  return test.events.some((sample, index) => {
    const event = sample as JsonObject
    const ids = matcher.match(event, known).map((number) => ruleSet.rules[number]?.head.id ?? '')
    if (document.kind === 'rule') return ids.includes(document.head.id)
    const { root } = shapeEvent(event, known)
    const time = eventTime(root) ?? index * 1000
    const holds = correlator.see({
      time,
      arrivedAt: time,
      ref: index,
      ruleIds: ids,
      value: (field) => lookUp(root, makeField(field)),
    })
    return holds.some(({ correlation }) => correlation.correlation.head.id === document.head.id)
  })
}
