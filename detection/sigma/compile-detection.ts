import { PREDICATES_MAX } from '../limits.ts'
import { ANY_FIELD, and, type Expression, FALSE, not, or, type TextPosition } from '../match/expression.ts'
import { compileRegex } from '../match/regex.ts'
import type { Draft, DraftItem } from './draft.ts'
import { MANY, type Pattern, placeholderIn, simplifyPattern } from './pattern.ts'
import type { Reporter } from './problem.ts'
import type { Value } from './value.ts'

/** What the compiling of one rule's detections shares. */
export interface CompileContext {
  readonly reporter: Reporter
  /** Counts down; a rule that unfolds to more comparisons is refused. */
  readonly budget: { predicates: number }
}

export function newCompileContext(reporter: Reporter): CompileContext {
  return { reporter, budget: { predicates: PREDICATES_MAX } }
}

/** What a search identifier asks, as an expression; undefined when pipelines left nothing of it. */
export function compileDetection(draft: Draft, context: CompileContext): Expression | undefined {
  switch (draft.kind) {
    case 'group': {
      const of = draft.of.flatMap((part) => compileDetection(part, context) ?? [])
      if (of.length === 0) return undefined
      return draft.link === 'and' ? and(of) : or(of)
    }
    case 'item':
      return compileItem(draft, context)
    case 'broken':
      return FALSE
  }
}

function compileItem(item: DraftItem, context: CompileContext): Expression {
  if (item.values.length === 0) return toExpression(item, { kind: 'null' }, item.at, context)
  const expressions = item.values.map(({ value, at }) => toExpression(item, value, at, context))
  const joined = item.all ? and(expressions) : or(expressions)
  return item.negated ? differs(item, joined) : joined
}

/** `neq` asks for another value, so the field has to be there.   @see Sigma modifiers appendix, generic (`neq`) */
function differs(item: DraftItem, equal: Expression): Expression {
  if (item.field === ANY_FIELD) return not(equal)
  return and([{ kind: 'exists', field: item.field, wanted: true }, not(equal)])
}

function toExpression(item: DraftItem, value: Value, at: number, context: CompileContext): Expression {
  const { reporter, budget } = context
  const { field } = item
  budget.predicates--
  if (budget.predicates < 0) {
    if (budget.predicates === -1) {
      reporter.error(at, `the rule comes to more than ${PREDICATES_MAX} comparisons; split it`)
    }
    return FALSE
  }
  switch (value.kind) {
    case 'anyOf':
      return or(value.values.map((variant) => toExpression(item, variant, at, context)))
    case 'text':
      if (refusesPlaceholder(value.pattern, at, reporter)) return FALSE
      return textExpression(field, value.pattern, value.cased)
    case 'bytes': {
      if (value.bytes.some((byte) => byte > 0x7f)) {
        reporter.error(
          at,
          'these bytes are no text that a field could hold; encode them with `base64` or `base64offset`',
        )
        return FALSE
      }
      return textExpression(field, [value.bytes.toString('latin1')], false)
    }
    case 'number':
      if (field === ANY_FIELD) return textExpression(field, [value.text], false)
      return { kind: 'number', field, value: value.value, text: value.text }
    case 'boolean':
      return textExpression(field, [String(value.value)], false)
    case 'null':
      if (field === ANY_FIELD) {
        reporter.error(at, '`null` asks for a missing field and so needs a field')
        return FALSE
      }
      return { kind: 'null', field }
    case 'compare':
      return { kind: 'compare', field, comparison: value.comparison, value: value.value }
    case 'time':
      return { kind: 'time', field, part: value.part, comparison: value.comparison, value: value.value }
    case 'network':
      return { kind: 'network', field, cidr: value.cidr }
    case 'regex': {
      if (refusesPlaceholder(value.pattern, at, reporter)) return FALSE
      const source = value.pattern.join('')
      const compiled = compileRegex(source, value.flags)
      if (!compiled.ok) {
        reporter.error(at, compiled.error)
        return FALSE
      }
      return { kind: 'regex', field, source, flags: value.flags }
    }
    case 'fieldRef':
      return { kind: 'fieldRef', field, other: value.other, position: value.position, cased: value.cased }
    case 'exists':
      return { kind: 'exists', field, wanted: value.wanted }
  }
}

function refusesPlaceholder(pattern: Pattern, at: number, reporter: Reporter): boolean {
  const name = placeholderIn(pattern)
  if (name !== undefined) {
    reporter.error(at, `\`expand\` names the placeholder %${name}%, which has no values here; give it some`)
  }
  return name !== undefined
}

function textExpression(field: string, written: Pattern, cased: boolean): Expression {
  // A keyword is looked for inside the event's values.
  const open: Pattern = field === ANY_FIELD ? [MANY, ...written, MANY] : written
  const pattern = simplifyPattern(open)
  const literals = pattern.filter((part): part is string => typeof part === 'string')
  const literal = literals[0] ?? ''
  const stars = pattern.filter((part) => part === MANY).length
  if (literals.length <= 1 && literals.length + stars === pattern.length && stars <= 2) {
    if (pattern.length === 1 && stars === 1) return { kind: 'text', field, position: 'contains', text: '', cased }
    const before = pattern[0] === MANY
    const after = pattern.at(-1) === MANY
    const position: TextPosition = before ? (after ? 'contains' : 'endsWith') : after ? 'startsWith' : 'equals'
    return { kind: 'text', field, position, text: literal, cased }
  }
  return { kind: 'glob', field, pattern, cased }
}
