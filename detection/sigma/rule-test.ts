import { RULE_TESTS_MAX } from '../limits.ts'
import { type MapNode, member, type Node, plainValue } from './document.ts'
import type { Reporter } from './problem.ts'

/** What a rule's author says of sample events: that the rule matches them, or that it does not. */
export interface RuleTest {
  readonly name: string
  readonly matches: boolean
  /** One for a rule; for a correlation those that lead up to it, in order. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
}

/** The tests that stand in a rule under `tests`, a key of ours that Sigma leaves free:
 * `- {name: …, matches: true, event: {…}}`, with `events` for a list. */
export function readTests(document: MapNode, reporter: Reporter): readonly RuleTest[] {
  const entry = member(document, 'tests')
  if (!entry) return []
  if (entry.value.kind !== 'list' || entry.value.items.length > RULE_TESTS_MAX) {
    reporter.error(entry.value.at, `\`tests\` takes a list of at most ${RULE_TESTS_MAX} tests`)
    return []
  }
  return entry.value.items.flatMap((item, index) => {
    const test = readTest(item, index, reporter)
    return test ? [test] : []
  })
}

function readTest(node: Node, index: number, reporter: Reporter): RuleTest | undefined {
  if (node.kind !== 'map') {
    reporter.error(node.at, 'a test is a map with `matches` and `event`')
    return undefined
  }
  for (const { key, keyAt } of node.entries) {
    if (!['name', 'matches', 'event', 'events'].includes(key)) reporter.error(keyAt, `a test has no \`${key}\``)
  }
  const name = member(node, 'name')?.value
  const matches = member(node, 'matches')?.value
  if (matches?.kind !== 'scalar' || typeof matches.value !== 'boolean') {
    reporter.error(matches?.at ?? node.at, '`matches` takes `true` or `false`')
    return undefined
  }
  const one = member(node, 'event')?.value
  const several = member(node, 'events')?.value
  const events = one ? [one] : several?.kind === 'list' ? several.items : []
  if (events.length === 0 || events.some((event) => event.kind !== 'map')) {
    reporter.error(node.at, 'a test needs an `event`, a map of fields, or a list of such `events`')
    return undefined
  }
  return {
    name: name?.kind === 'scalar' ? name.text : `test ${index + 1}`,
    matches: matches.value,
    events: events.map((event) => plainValue(event) as Record<string, unknown>),
  }
}
