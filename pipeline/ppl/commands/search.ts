import { didYouMean, QueryProblem, type Span } from '../errors.ts'
import { compareForms } from '../functions/compare.ts'
import { functions } from '../functions.ts'
import { hasWildcard, likeOfWildcards, readLike } from '../like.ts'
import type { Plan, ScanPlan, SortKey, SourcePipe, Typed } from '../plan.ts'
import type { Comparison, SearchClause, SearchTerm, SearchValue } from '../query.ts'
import type { Reader } from '../reader.ts'
import {
  columnValue,
  fieldValue,
  newColumn,
  type PlanContext,
  type Relation,
  scopeOf,
  withChanges,
} from '../relation.ts'
import { instantOf } from '../relative-time.ts'
import { quoteName, quoteString } from '../tokens.ts'
import { call, literal, text } from '../typed.ts'
import { timeField } from './aggregation.ts'

export function parseSearch(reader: Reader): SearchClause {
  reader.takeWord('search')
  const sources: { name: string; span: Span }[] = []
  const terms: SearchTerm[] = []
  while (reader.peek().kind !== 'end' && !reader.isSign('|') && !reader.isSign(']')) {
    if ((reader.isWord('source') || reader.isWord('index')) && reader.isSign('=', 1)) {
      if (sources.length > 0) reader.fail('only one `source=`')
      reader.next()
      reader.next()
      do sources.push(...parseSource(reader))
      while (reader.takeSign(','))
    } else terms.push(...flat(parseAnd(reader)))
  }
  if (sources.length === 0) reader.fail('`source=` and the name of a pipe')
  return { sources, terms }
}

export function printSearch({ sources, terms }: SearchClause): string {
  const names = sources.map(({ name }) => quoteName(name)).join(', ')
  return terms.length === 0 ? `source=${names}` : `source=${names} ${terms.map(printTerm).join(' and ')}`
}

/** The events of the named pipes that fit the terms, in the order of arrival. */
export function planSearch({ sources, terms }: SearchClause, context: PlanContext): Relation {
  const relation = openSource(sources, { allTimes: false }, context)
  const plan = terms.reduce<Plan>(
    (input, term) => ({ op: 'filter', input, condition: planTerm(term, false, relation, context) }),
    relation.plan,
  )
  return withChanges(relation, { plan })
}

/** All events of the named pipes.
 * @throws pipeline.query.unknownPipe */
export function openSource(
  sources: SearchClause['sources'],
  { allTimes }: { readonly allTimes: boolean },
  context: PlanContext,
): Relation {
  const pipes = new Map<string, SourcePipe>()
  for (const { name, span } of sources) {
    const found = context.catalogue.find(name)
    if (found.length === 0) {
      throw new QueryProblem(
        'pipeline.query.unknownPipe',
        span,
        `unknown pipe \`${name}\`${didYouMean(name, context.catalogue.names())}`,
      )
    }
    for (const pipe of found) pipes.set(pipe.key, pipe)
  }
  const arrival = (['timestamp', 'long', 'long', 'long'] as const).map((type) => newColumn(context, type))
  const scan: ScanPlan = { op: 'scan', allTimes, pipes: [...pipes.values()], columns: new Map(), arrival }
  context.scans.push(scan)
  return {
    plan: scan,
    order: arrival.map<SortKey>((column) => ({ value: columnValue(column), descending: false })),
    fields: new Map(),
    source: scan,
    hidden: new Set(),
    perEvent: true,
  }
}

export function parseSource(reader: Reader): { name: string; span: Span }[] {
  const first = reader.peek()
  let name = ''
  for (;;) {
    // A name may hold wildcards: `source=web*`.
    const token = reader.peek()
    const isPart =
      token.kind === 'word' || token.kind === 'name' || (token.kind === 'sign' && '*.'.includes(token.value))
    if (!isPart || (name !== '' && token.start !== reader.spanFrom(first).end)) break
    name += reader.next().value
  }
  if (name === '') reader.fail('the name of a pipe')
  const span = reader.spanFrom(first)
  return name.split(',').map((part) => ({ name: part.trim(), span }))
}

function parseAnd(reader: Reader): SearchTerm {
  return reader.nested(() => {
    const terms = [...flat(parseOr(reader))]
    while (reader.takeWord('and') || startsTerm(reader)) terms.push(...flat(parseOr(reader)))
    const [only] = terms
    return terms.length === 1 && only ? only : { kind: 'and', terms }
  })
}

function flat(term: SearchTerm): readonly SearchTerm[] {
  return term.kind === 'and' ? term.terms : [term]
}

function parseOr(reader: Reader): SearchTerm {
  const terms = [parseNot(reader)]
  while (reader.takeWord('or')) terms.push(parseNot(reader))
  const [only] = terms
  return terms.length === 1 && only ? only : { kind: 'or', terms }
}

function parseNot(reader: Reader): SearchTerm {
  if (reader.takeWord('not')) return { kind: 'not', term: reader.nested(() => parseNot(reader)) }
  if (!reader.takeSign('(')) return parseTerm(reader)
  const inner = parseAnd(reader)
  reader.expectSign(')')
  return inner
}

function startsTerm(reader: Reader): boolean {
  const token = reader.peek()
  if ((reader.isWord('source') || reader.isWord('index')) && reader.isSign('=', 1)) return false
  return token.kind !== 'end' && (token.kind !== 'sign' || token.value === '(')
}

const comparisons: readonly Comparison[] = ['=', '!=', '<', '<=', '>', '>=']

function parseTerm(reader: Reader): SearchTerm {
  const first = reader.peek()
  const bound = (['earliest', 'latest'] as const).find((word) => reader.isWord(word) && reader.isSign('=', 1))
  if (bound !== undefined) {
    reader.next()
    reader.next()
    return { kind: 'time', bound, written: parseTime(reader), span: reader.spanFrom(first) }
  }
  if (!isFieldOfComparison(reader)) {
    const { value, span } = parseSearchValue(reader, 'a term, a comparison or `source=`')
    return { kind: 'text', text: String(value), span }
  }
  const field = reader.expectName('a field').name
  if (reader.takeWord('in')) {
    reader.expectSign('(')
    const values = [parseSearchValue(reader, 'a value')]
    while (reader.takeSign(',')) values.push(parseSearchValue(reader, 'a value'))
    reader.expectSign(')')
    return { kind: 'in', field, values, span: reader.spanFrom(first) }
  }
  const operator = comparisons.find((sign) => reader.isSign(sign))
  if (operator === undefined) return reader.fail('a comparison')
  reader.next()
  return { kind: 'compare', field, operator, value: parseSearchValue(reader, 'a value'), span: reader.spanFrom(first) }
}

function isFieldOfComparison(reader: Reader): boolean {
  let ahead = 0
  if (!reader.isName(ahead)) return false
  while (reader.isSign('.', ahead + 1) && reader.isName(ahead + 2)) ahead += 2
  return (
    comparisons.some((sign) => reader.isSign(sign, ahead + 1)) ||
    (reader.isWord('in', ahead + 1) && reader.isSign('(', ahead + 2))
  )
}

function parseSearchValue(reader: Reader, what: string): SearchValue {
  const first = reader.peek()
  const minus = reader.isSign('-') && reader.peek(1).kind === 'number'
  if (minus) reader.next()
  const token = reader.peek()
  const isWildcard = token.kind === 'sign' && token.value === '*'
  if (!isWildcard && !['word', 'number', 'string', 'length'].includes(token.kind)) reader.fail(what)
  reader.next()
  if (token.kind === 'string') return { value: token.value, span: token }
  if (token.kind === 'number') {
    const value = /^\d{1,18}$/.test(token.value) ? BigInt(token.value) : Number(token.value)
    return { value: minus ? -value : value, span: reader.spanFrom(first) }
  }
  const word = token.text.toLowerCase()
  return { value: word === 'true' || word === 'false' ? word === 'true' : token.text, span: token }
}

function parseTime(reader: Reader): string {
  const first = reader.peek()
  if (first.kind === 'string' || first.kind === 'number') return reader.next().value
  if (reader.takeWord('now')) {
    if (reader.takeSign('(')) reader.expectSign(')')
    return 'now'
  }
  if (reader.isSign('-') || reader.isSign('+')) {
    const sign = reader.next().value
    if (reader.peek().kind !== 'length') reader.fail('a length such as `7d`')
    const length = reader.next()
    const snap = reader.peek()
    const snaps = snap.kind === 'word' && snap.value.startsWith('@') && snap.start === length.end
    return `${sign}${length.text}${snaps ? reader.next().value : ''}`
  }
  return reader.fail('a time such as `-7d`, `now` or a date in quotes')
}

function printTerm(term: SearchTerm): string {
  switch (term.kind) {
    case 'and':
    case 'or':
      return `(${term.terms.map(printTerm).join(` ${term.kind} `)})`
    case 'not':
      return `not ${printTerm(term.term)}`
    case 'compare':
      return `${quoteName(term.field)}${term.operator}${printValue(term.value)}`
    case 'in':
      return `${quoteName(term.field)} in (${term.values.map(printValue).join(', ')})`
    case 'text':
      return quoteString(term.text)
    case 'time':
      return `${term.bound}=${quoteString(term.written)}`
  }
}

function printValue({ value }: SearchValue): string {
  return typeof value === 'string' ? quoteString(value) : String(value)
}

/** @param exact whether false must not be null: below `not`. Elsewhere both drop a row, and what is plain can be tested
 * one part after the other, the cheap ones first. */
function planTerm(term: SearchTerm, exact: boolean, relation: Relation, context: PlanContext): Typed {
  const falseUnlessTrue = (condition: Typed): Typed =>
    exact ? call('coalesce', [condition, literal(false, 'boolean')], 'boolean') : condition
  switch (term.kind) {
    case 'and':
    case 'or':
      return call(
        term.kind,
        term.terms.map((each) => planTerm(each, exact, relation, context)),
        'boolean',
      )
    case 'not':
      return call('not', [planTerm(term.term, true, relation, context)], 'boolean')
    case 'compare':
      return falseUnlessTrue(planComparison(term.field, term.operator, term.value, term.span, relation, context))
    case 'in':
      return falseUnlessTrue(
        call(
          'or',
          term.values.map((value) => planComparison(term.field, '=', value, term.span, relation, context)),
          'boolean',
        ),
      )
    case 'text':
      return falseUnlessTrue(planText(term.text, term.span, relation, context))
    case 'time':
      return falseUnlessTrue(planTime(term, relation, context))
  }
}

const compareNames = { '=': 'eq', '!=': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' } as const

/** Texts are compared exactly, with regard to case, `*` and `?` standing for what they do. */
function planComparison(
  field: string,
  operator: Comparison,
  { value, span: valueSpan }: SearchValue,
  span: Span,
  relation: Relation,
  context: PlanContext,
): Typed {
  const subject = fieldValue(relation, field, span, context)
  const place = { name: operator, span, spans: [span, valueSpan], scope: scopeOf(relation, context) }
  if (subject.type === 'ip' && typeof value === 'string' && value.includes('/')) {
    const inside = functions.get('cidrmatch')?.resolve([subject, text(value)], place)
    if (inside) return operator === '!=' ? call('not', [inside], 'boolean') : inside
  }
  const wanted =
    typeof value === 'string' ? text(value) : literal(value, typeof value === 'boolean' ? 'boolean' : numberType(value))
  if (typeof value !== 'string' || !hasWildcard(value) || (operator !== '=' && operator !== '!=')) {
    const plain = typeof value === 'string' ? text(value.replace(/\\([*?\\])/g, '$1')) : wanted
    return compareForms[compareNames[operator]].resolve([subject, plain], place)
  }
  const pattern = likeOfWildcards(value)
  if (readLike(pattern).every((part) => part === '%')) {
    const present = call('not', [call('isNull', [subject], 'boolean')], 'boolean')
    return operator === '=' ? present : call('not', [present], 'boolean')
  }
  const like = functions.get('like')?.resolve([subject, text(pattern), literal(true, 'boolean')], place)
  if (!like) throw new Error('like is a function')
  return operator === '=' ? like : call('not', [like], 'boolean')
}

function numberType(value: number | bigint): 'double' | 'long' {
  return typeof value === 'bigint' ? 'long' : 'double'
}

/** Words in the raw text of an event, one after the other, without regard to case. In JSON an escape such as `\n` ends
 * a word too. */
function planText(written: string, span: Span, relation: Relation, context: PlanContext): Typed {
  const raw = fieldValue(relation, 'raw_data', span, context)
  const words = written.split(/[^\p{L}\p{N}_*?]+/u).filter((word) => word !== '')
  if (words.length === 0) {
    throw new QueryProblem(
      'pipeline.query.badValue',
      span,
      'there is no word to search in this; use `where` and `like`',
    )
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  const isPlain = /^[\x00-\x7f]*$/.test(written)
  const letter = isPlain ? '0-9A-Za-z_' : '\\pL\\pN_'
  const spelled = words.map((word) =>
    word.replace(/[*?]|[^*?]+/g, (part) => (part === '*' ? '[^\\s"]*' : part === '?' ? `[${letter}]` : part)),
  )
  const between = `(?:[^${letter}]|\\\\[nrtbf])`
  const matches = (pattern: string): Typed => call('regexMatch', [raw, text(`(?i)${pattern}`)], 'boolean')
  const whole = matches(`(?:^|${between})${spelled.join(`${between}+`)}(?:[^${letter}]|$)`)
  const longest = words.filter((word) => !/[*?]/.test(word)).sort((a, b) => b.length - a.length)[0]
  // The bare word first: that costs a quarter of the whole pattern, and few rows pass it.
  return longest === undefined ? whole : call('and', [matches(longest), whole], 'boolean')
}

function planTime(term: Extract<SearchTerm, { kind: 'time' }>, relation: Relation, context: PlanContext): Typed {
  const micros = instantOf(term.written, context.now)
  if (micros === undefined) {
    throw new QueryProblem(
      'pipeline.query.badValue',
      term.span,
      "this is no time; write it like `-7d`, `-1d@d`, `now` or '2024-02-29 23:59:59'",
    )
  }
  const time = fieldValue(relation, timeField, term.span, context)
  const form = term.bound === 'earliest' ? compareForms.ge : compareForms.le
  const place = { name: term.bound, span: term.span, spans: [term.span], scope: scopeOf(relation, context) }
  return form.resolve([time, literal(micros, 'timestamp')], place)
}
