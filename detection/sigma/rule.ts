import { EXPRESSION_NODES_MAX } from '../limits.ts'
import { type Expression, FALSE, or } from '../match/expression.ts'
import type { RuleHead } from '../types.ts'
import { parseCondition, resolveCondition } from './condition.ts'
import { newDetectionContext, readDetection, rejectTimeframe, searchIdentifiers } from './detection.ts'
import { type MapEntry, type MapNode, member, type Node } from './document.ts'
import { readHead } from './head.ts'
import { type RuleLogsource, readLogsource } from './logsource.ts'
import type { Reporter } from './problem.ts'

/** A rule over single events, checked; what it asks is `expression`. */
export interface SigmaRule {
  readonly kind: 'rule'
  readonly head: RuleHead
  readonly logsource: RuleLogsource
  /** `sigma` where the rule says nothing: the field names of its log source. */
  readonly taxonomy: string
  readonly expression: Expression
}

export interface ReadOptions {
  readonly fallbackId: string
  /** The values that `|expand` puts for `%name%`. */
  readonly placeholder: (name: string) => readonly string[] | undefined
}

/** Reads a document with `detection`. What is wrong goes to the reporter; the result then means nothing.
 * @see Sigma rules specification 2.0 */
export function readRule(document: MapNode, options: ReadOptions, reporter: Reporter): SigmaRule {
  const head = readHead(document, options.fallbackId, reporter)
  const logsource = readLogsource(document, reporter)
  const taxonomy = member(document, 'taxonomy')
  return {
    kind: 'rule',
    head,
    logsource,
    taxonomy: taxonomy?.value.kind === 'scalar' ? taxonomy.value.text : 'sigma',
    expression: readExpression(member(document, 'detection'), 'detection', document.at, options, reporter),
  }
}

/** Search identifiers and condition of a `detection` (or a filter's `filter`).
 * @param without further keys that are no search identifiers */
export function readExpression(
  entry: MapEntry | undefined,
  name: string,
  at: number,
  options: ReadOptions,
  reporter: Reporter,
  without: readonly string[] = [],
): Expression {
  if (entry?.value.kind !== 'map') {
    reporter.error(entry?.value.at ?? at, `\`${name}\` takes search identifiers and a \`condition\``)
    return FALSE
  }
  const detection = entry.value
  rejectTimeframe(detection, reporter)
  const context = newDetectionContext(reporter, options.placeholder)
  const identifiers = new Map<string, Expression>()
  for (const identifier of searchIdentifiers(detection)) {
    if (!without.includes(identifier.key)) identifiers.set(identifier.key, readDetection(identifier.value, context))
  }
  if (identifiers.size === 0) reporter.error(detection.at, `\`${name}\` has no search identifier`)
  const conditions = conditionsOf(detection, name, reporter)
  const budget = { nodes: EXPRESSION_NODES_MAX }
  return or(
    conditions.map((source) => {
      const condition = parseCondition(source, reporter)
      return condition ? resolveCondition(condition, { identifiers, budget, at: source.at }, reporter) : FALSE
    }),
  )
}

/** A list of conditions is their disjunction. */
function conditionsOf(detection: MapNode, name: string, reporter: Reporter): readonly { text: string; at: number }[] {
  const entry = member(detection, 'condition')
  if (!entry) {
    reporter.error(detection.at, `\`${name}\` needs a \`condition\``)
    return []
  }
  const nodes: readonly Node[] = entry.value.kind === 'list' ? entry.value.items : [entry.value]
  const conditions = nodes.flatMap((node) =>
    node.kind === 'scalar' && typeof node.value === 'string' && node.value !== ''
      ? [{ text: node.value, at: node.at }]
      : [],
  )
  if (conditions.length < nodes.length || conditions.length === 0) {
    reporter.error(entry.value.at, '`condition` takes a text such as `selection and not filter`')
  }
  return conditions
}
