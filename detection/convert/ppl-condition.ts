import { quoteName, quoteString } from '../../pipeline/index.ts'
import { ANY_FIELD, type Comparison, type Expression, type Predicate, type TextPosition } from '../match/expression.ts'
import { MANY, type Pattern } from '../sigma/pattern.ts'

/** An expression that PPL cannot say; the message says why. */
export class NotInPpl extends Error {}

/** The condition of a `where` that is true for the events an expression holds for. In PPL a comparison with a missing field
 * is neither true nor false, in Sigma it is false: below a `not` that difference counts, and is taken away there.
 * @throws NotInPpl */
export function conditionOf(expression: Expression): string {
  const place = { exact: false }
  switch (expression.kind) {
    case 'and':
      return expression.of.map((part) => print(part, place)).join(' and ')
    case 'or':
      return [...printLists(expression.of, place)].join(' or ')
    default:
      return print(expression, place)
  }
}

interface Place {
  /** Whether false has to be false, and not null. */
  readonly exact: boolean
}

function print(expression: Expression, place: Place): string {
  switch (expression.kind) {
    case 'constant':
      return expression.value ? '1 = 1' : '1 = 0'
    case 'and':
      return `(${expression.of.map((part) => print(part, place)).join(' and ')})`
    case 'or': {
      const parts = [...printLists(expression.of, place)]
      return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(' or ')})`
    }
    case 'not':
      return `not (${print(expression.of, { exact: true })})`
    default:
      return printPredicate(expression, place)
  }
}

type Whole = Extract<Predicate, { kind: 'text' }>

/** The parts of a disjunction, values of one field as a list. */
function* printLists(of: readonly Expression[], place: Place): Iterable<string> {
  const lists = new Map<string, Whole[]>()
  for (const part of of) {
    if (isListable(part)) lists.set(part.field, [...(lists.get(part.field) ?? []), part])
    else yield print(part, place)
  }
  for (const [field, texts] of lists) {
    const [only, ...more] = texts
    if (only && more.length === 0) yield printPredicate(only, place)
    else {
      const values = texts.map(({ text }) => quoteString(text.toLowerCase()))
      yield present(`lower(${quoteName(field)}) in (${values.join(', ')})`, place)
    }
  }
}

function isListable(part: Expression): part is Whole {
  return (
    part.kind === 'text' && part.position === 'equals' && !part.cased && part.field !== ANY_FIELD && isAscii(part.text)
  )
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text)

const present = (condition: string, { exact }: Place): string => (exact ? `coalesce(${condition}, false)` : condition)

function printPredicate(predicate: Predicate, place: Place): string {
  if (predicate.field === ANY_FIELD) {
    throw new NotInPpl('keywords look into every value of an event, and PPL only into the raw text, names included')
  }
  const field = quoteName(predicate.field)
  switch (predicate.kind) {
    case 'text':
      return present(textCondition(field, patternOf(predicate), predicate.cased), place)
    case 'glob':
      return present(textCondition(field, predicate.pattern, predicate.cased), place)
    case 'number':
      return present(`${field} = ${numberText(predicate.value)}`, place)
    case 'compare':
      return present(`${field} ${signs[predicate.comparison]} ${numberText(predicate.value)}`, place)
    case 'regex': {
      const { ignoreCase, multiline, dotAll } = predicate.flags
      const flags = `${ignoreCase ? 'i' : ''}${multiline ? 'm' : ''}${dotAll ? 's' : ''}`
      const source = flags === '' ? predicate.source : `(?${flags})${predicate.source}`
      return present(`regexp_match(${field}, ${quoteString(source)})`, place)
    }
    case 'network':
      return present(`cidrmatch(${field}, ${quoteString(predicate.cidr)})`, place)
    case 'exists':
      return `${predicate.wanted ? 'isnotnull' : 'isnull'}(${field})`
    case 'null':
      return `isnull(${field})`
    case 'fieldRef':
      return present(referenceCondition(predicate), place)
    case 'time':
      throw new NotInPpl(`\`${predicate.part}\` asks for the time as it is written, and PPL knows it only in UTC`)
  }
}

const signs: Readonly<Record<Comparison, string>> = { lt: '<', lte: '<=', gt: '>', gte: '>=', eq: '=', neq: '!=' }

function numberText(value: number): string {
  const text = String(value)
  if (!/^-?\d+(?:\.\d+)?$/.test(text)) throw new NotInPpl(`PPL does not write the number ${text}`)
  return text
}

function patternOf({ position, text }: Whole): Pattern {
  const before: Pattern = position === 'contains' || position === 'endsWith' ? [MANY] : []
  const after: Pattern = position === 'contains' || position === 'startsWith' ? [MANY] : []
  return [...before, ...(text === '' ? [] : [text]), ...after]
}

/** `like` compares without case as long as that concerns ASCII; of other characters only regular expressions know which
 * are the same. */
function textCondition(field: string, pattern: Pattern, cased: boolean): string {
  const plain = pattern.every((part) => typeof part !== 'string' || isAscii(part))
  if (!cased && !plain) return `regexp_match(${field}, ${quoteString(`(?is)^${pattern.map(regexPart).join('')}$`)})`
  const like = quoteString(pattern.map(likePart).join(''))
  return cased ? `like(${field}, ${like}, true)` : `${field} like ${like}`
}

function likePart(part: Pattern[number]): string {
  if (typeof part === 'string') return part.replace(/[\\%_]/g, '\\$&')
  return part === MANY ? '%' : '_'
}

function regexPart(part: Pattern[number]): string {
  if (typeof part === 'string') return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return part === MANY ? '.*' : '.'
}

function referenceCondition({ field, other, position, cased }: Extract<Predicate, { kind: 'fieldRef' }>): string {
  const own = quoteName(field)
  const reference = quoteName(other)
  const [left, right] = cased
    ? [`cast(${own} as string)`, `cast(${reference} as string)`]
    : [`lower(${own})`, `lower(${reference})`]
  const conditions: Readonly<Record<TextPosition, string>> = {
    equals: `${left} = ${right}`,
    contains: `locate(${right}, ${left}) > 0`,
    startsWith: `substring(${left}, 1, length(${right})) = ${right}`,
    endsWith: `right(${left}, length(${right})) = ${right}`,
  }
  return conditions[position]
}
