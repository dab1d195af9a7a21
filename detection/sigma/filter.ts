import { type Expression, not } from '../match/expression.ts'
import type { RuleHead } from '../types.ts'
import { type MapEntry, type MapNode, member, type Node } from './document.ts'
import { readHead } from './head.ts'
import { type RuleLogsource, readLogsource } from './logsource.ts'
import type { Reporter } from './problem.ts'
import { bareDraft, compileDraft, type ReadOptions, readDraft, throughPipeline } from './rule.ts'

/** An exclusion kept apart from the rules it narrows: they match only where `keep` holds, too. */
export interface SigmaFilter {
  readonly kind: 'filter'
  readonly head: RuleHead
  readonly logsource: RuleLogsource
  /** Ids or names; undefined for every rule of the log source. */
  readonly rules: readonly string[] | undefined
  readonly keep: Expression
}

/** Reads a document with `filter`. The specification's example writes what to leave out (`condition: selection`), pySigma's
 * users write what to keep (`condition: not selection`). Both are taken: a condition that begins with `not` says what to
 * keep, any other what to leave out.   @see Sigma filters specification 2.0 */
export function readFilter(document: MapNode, options: ReadOptions, reporter: Reporter): SigmaFilter {
  const head = readHead(document, options.fallbackId, reporter)
  const logsource = readLogsource(document, reporter)
  const entry = member(document, 'filter')
  const where = { name: 'filter', at: document.at, without: ['rules'] }
  const draft = { ...bareDraft(document, head), logsource, ...readDraft(entry, where, options, reporter) }
  const { expression: said } = compileDraft(throughPipeline(draft, options, reporter), {}, reporter)
  const keeps = saysWhatToKeep(entry)
  if (!keeps && entry) {
    reporter.warn(entry.keyAt, 'this condition is read as what to leave out; write it with `not` in front to say so')
  }
  return { kind: 'filter', head, logsource, rules: readRules(entry, reporter), keep: keeps ? said : not(said) }
}

function saysWhatToKeep(entry: MapEntry | undefined): boolean {
  const condition = entry?.value.kind === 'map' ? member(entry.value, 'condition') : undefined
  return condition?.value.kind === 'scalar' && /^\s*not\b/i.test(condition.value.text)
}

function readRules(entry: MapEntry | undefined, reporter: Reporter): readonly string[] | undefined {
  const rules = entry?.value.kind === 'map' ? member(entry.value, 'rules') : undefined
  if (!rules) {
    reporter.error(entry?.value.at ?? 0, '`filter` needs `rules`: ids or names, or `any` for all of the log source')
    return undefined
  }
  const nodes: readonly Node[] = rules.value.kind === 'list' ? rules.value.items : [rules.value]
  const names = nodes.flatMap((node) => (node.kind === 'scalar' ? [node.text] : []))
  return names.length === 0 || (names.length === 1 && names[0]?.toLowerCase() === 'any') ? undefined : names
}
