import { EXPRESSION_NODES_MAX } from '../limits.ts'
import { type Expression, FALSE, or } from '../match/expression.ts'
import type { RuleHead } from '../types.ts'
import { compileDetection, newCompileContext } from './compile-detection.ts'
import { parseCondition, resolveCondition } from './condition.ts'
import { readDetection, rejectTimeframe, searchIdentifiers } from './detection.ts'
import { type MapEntry, type MapNode, member, type Node } from './document.ts'
import type { ConditionText, Draft, RuleDraft } from './draft.ts'
import { readHead, textsOf } from './head.ts'
import { type RuleLogsource, readLogsource } from './logsource.ts'
import type { Pipeline } from './pipelines/pipeline.ts'
import { runPipeline } from './pipelines/pipeline.ts'
import type { Reporter } from './problem.ts'

/** A rule over single events, checked; what it asks is `expression`. */
export interface SigmaRule {
  readonly kind: 'rule'
  readonly head: RuleHead
  readonly logsource: RuleLogsource
  /** `sigma` where the rule says nothing: the field names of its log source. */
  readonly taxonomy: string
  readonly expression: Expression
  /** What each search identifier asks, where that was wanted: to explain matches. */
  readonly selections?: readonly Selection[]
}

interface Selection {
  readonly name: string
  readonly expression: Expression
}

export interface ReadOptions {
  readonly fallbackId: string
  /** The values that `|expand` puts for `%name%`. */
  readonly placeholder: (name: string) => readonly string[] | undefined
  /** What changes every document before it is compiled. */
  readonly pipeline?: Pipeline
  /** Whether rules keep their selections. */
  readonly explain?: boolean
  /** The log sources of the rule that a correlation names, as its document says. */
  readonly logsourcesOf?: (reference: string) => readonly RuleLogsource[]
}

/** Reads a document with `detection`. What is wrong goes to the reporter; the result then means nothing.
 * @see Sigma rules specification 2.0 */
export function readRule(document: MapNode, options: ReadOptions, reporter: Reporter): SigmaRule {
  const head = readHead(document, options.fallbackId, reporter)
  const logsource = readLogsource(document, reporter)
  const taxonomy = member(document, 'taxonomy')
  const asked = readDraft(member(document, 'detection'), { name: 'detection', at: document.at }, options, reporter)
  const draft = throughPipeline({ ...bareDraft(document, head), logsource, ...asked }, options, reporter)
  return {
    kind: 'rule',
    head,
    logsource: draft.logsource,
    taxonomy: taxonomy?.value.kind === 'scalar' ? taxonomy.value.text : 'sigma',
    ...compileDraft(draft, options, reporter),
  }
}

/** A draft that asks for nothing yet. */
export function bareDraft(document: MapNode, head: RuleHead): Omit<RuleDraft, 'logsource'> {
  const listedFields = textsOf(document, 'fields') ?? []
  return {
    kind: 'rule',
    ...{ document, head, listedFields, attributes: new Map(), identifiers: new Map(), conditions: [] },
  }
}

/** The draft as the pipeline leaves it, where there is one. */
export function throughPipeline(draft: RuleDraft, { pipeline }: ReadOptions, reporter: Reporter): RuleDraft {
  return pipeline ? runPipeline(pipeline, draft, reporter) : draft
}

/** Search identifiers and conditions of a `detection` (or a filter's `filter`).
 * @param where.without further keys that are no search identifiers */
export function readDraft(
  entry: MapEntry | undefined,
  where: { readonly name: string; readonly at: number; readonly without?: readonly string[] },
  options: ReadOptions,
  reporter: Reporter,
): Pick<RuleDraft, 'identifiers' | 'conditions'> {
  const { name, at, without = [] } = where
  if (entry?.value.kind !== 'map') {
    reporter.error(entry?.value.at ?? at, `\`${name}\` takes search identifiers and a \`condition\``)
    return { identifiers: new Map(), conditions: [] }
  }
  const detection = entry.value
  rejectTimeframe(detection, reporter)
  const context = { reporter, placeholder: options.placeholder }
  const identifiers = new Map<string, Draft>()
  for (const identifier of searchIdentifiers(detection)) {
    if (!without.includes(identifier.key)) identifiers.set(identifier.key, readDetection(identifier.value, context))
  }
  if (identifiers.size === 0) reporter.error(detection.at, `\`${name}\` has no search identifier`)
  return { identifiers, conditions: conditionsOf(detection, name, reporter) }
}

/** What a draft asks. */
export function compileDraft(
  { identifiers, conditions }: Pick<RuleDraft, 'identifiers' | 'conditions'>,
  { explain = false }: Pick<ReadOptions, 'explain'>,
  reporter: Reporter,
): Pick<SigmaRule, 'expression' | 'selections'> {
  const context = newCompileContext(reporter)
  const compiled = new Map<string, Expression | undefined>()
  for (const [name, draft] of identifiers) compiled.set(name, compileDetection(draft, context))
  const budget = { nodes: EXPRESSION_NODES_MAX }
  const expression = or(
    conditions.map((source) => {
      const condition = parseCondition(source, reporter)
      if (!condition) return FALSE
      return resolveCondition(condition, { identifiers: compiled, budget, at: source.at }, reporter)
    }),
  )
  if (!explain) return { expression }
  return {
    expression,
    selections: [...compiled].flatMap(([name, asked]) => (asked ? [{ name, expression: asked }] : [])),
  }
}

/** A list of conditions is their disjunction. */
function conditionsOf(detection: MapNode, name: string, reporter: Reporter): readonly ConditionText[] {
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
