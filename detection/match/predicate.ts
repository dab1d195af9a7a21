import type { JsonValue } from '../../pipeline/index.ts'
import { type EventContext, textOfValue } from './event-context.ts'
import { ANY_FIELD, type Comparison, type Predicate, type TextPosition } from './expression.ts'
import { fold, foldsInPairs, foldUnit } from './fold.ts'
import { compileGlob } from './glob.ts'
import { networkHolds, parseCidr, parseIp } from './ip.ts'
import { numberOf } from './number.ts'
import { compileRegex, type Regex } from './regex.ts'
import { timePart } from './time-part.ts'

/** A comparison, ready to be made with the event in hand. */
export type Test = (context: EventContext) => boolean

/** The slot of a field name in the contexts that tests are given. */
export type SlotOf = (field: string) => number

export function compilePredicate(predicate: Predicate, slotOf: SlotOf): Test {
  switch (predicate.kind) {
    case 'text':
      if (isAnchored(predicate)) {
        return compileAnchored(predicate, slotOf(predicate.field))
      }
      return overTexts(
        predicate,
        textTest(predicate.position, predicate.cased ? predicate.text : fold(predicate.text)),
        slotOf,
      )
    case 'glob':
      return overTexts(predicate, compileGlob(predicate.pattern, predicate.cased ? (literal) => literal : fold), slotOf)
    case 'regex': {
      const regex = lazyRegex(predicate)
      return overTexts({ field: predicate.field, cased: true }, (text) => regex().test(text), slotOf)
    }
    case 'number': {
      const text = fold(predicate.text)
      return overTexts(
        { field: predicate.field, cased: false },
        (found) => found === text || numberOf(found) === predicate.value,
        slotOf,
      )
    }
    case 'compare':
      return overTexts(
        { field: predicate.field, cased: true },
        (found) => {
          const number = numberOf(found)
          return number !== undefined && compare(number, predicate.comparison, predicate.value)
        },
        slotOf,
      )
    case 'time':
      return overTexts(
        { field: predicate.field, cased: true },
        (found) => {
          const part = timePart(found, predicate.part)
          return part !== undefined && compare(part, predicate.comparison, predicate.value)
        },
        slotOf,
      )
    case 'network': {
      const network = parseCidr(predicate.cidr)
      return overTexts(
        { field: predicate.field, cased: true },
        (found) => {
          const address = parseIp(found)
          return network !== undefined && address !== undefined && networkHolds(network, address)
        },
        slotOf,
      )
    }
    case 'exists': {
      const slot = slotOf(predicate.field)
      const { wanted } = predicate
      return (context) => (context.value(slot) !== undefined) === wanted
    }
    case 'null': {
      const slot = slotOf(predicate.field)
      return (context) => {
        const value = context.value(slot)
        return value === undefined || value === null
      }
    }
    case 'fieldRef':
      return compileFieldRef(predicate, slotOf)
  }
}

/** Lifts a test of one text over the field's value: a list passes when one element does, a keyword over all values. */
function overTexts(
  of: { readonly field: string; readonly cased: boolean },
  test: (text: string) => boolean,
  slotOf: SlotOf,
): Test {
  const { cased } = of
  if (of.field === ANY_FIELD) return (context) => (cased ? context.texts() : context.foldedTexts()).some(test)
  const slot = slotOf(of.field)
  return (context) => {
    const value = context.value(slot)
    if (typeof value === 'string') return test(cased ? value : context.folded(slot, value))
    if (value === undefined || value === null) return false
    return someText(value, (text) => test(cased ? text : fold(text)))
  }
}

function someText(value: JsonValue, test: (text: string) => boolean): boolean {
  const text = textOfValue(value)
  if (text !== undefined) return test(text)
  return Array.isArray(value) && (value as readonly JsonValue[]).some((element) => someText(element, test))
}

function textTest(position: TextPosition, needle: string): (text: string) => boolean {
  switch (position) {
    case 'equals':
      return (text) => text === needle
    case 'startsWith':
      return (text) => text.startsWith(needle)
    case 'endsWith':
      return (text) => text.endsWith(needle)
    case 'contains':
      return (text) => text.includes(needle)
  }
}

/** A literal without case that has its place in a field. Characters beyond the first plane fold in pairs and are left to
 * the comparison of whole folded texts. */
function isAnchored({ cased, position, field, text }: Extract<Predicate, { kind: 'text' }>): boolean {
  return !cased && position !== 'contains' && field !== ANY_FIELD && !foldsInPairs(text)
}

/** Compares without case only where the literal has to stand; the rest of a text is not folded for it. */
function compileAnchored({ position, text }: Extract<Predicate, { kind: 'text' }>, slot: number): Test {
  const needle = fold(text)
  const { length } = needle
  const test = (found: string): boolean => {
    if (found.length < length || (position === 'equals' && found.length !== length)) return false
    return foldedAt(found, position === 'endsWith' ? found.length - length : 0, needle)
  }
  return (context) => {
    const value = context.value(slot)
    if (typeof value === 'string') return test(value)
    return value !== undefined && value !== null && someText(value, test)
  }
}

function foldedAt(text: string, from: number, needle: string): boolean {
  // The last characters differ most often: `\\cmd.exe`, `\\net.exe`.
  for (let i = needle.length - 1; i >= 0; i--) {
    const code = text.charCodeAt(from + i)
    const folded = code >= 0x80 ? foldUnit(code) : code >= 0x41 && code <= 0x5a ? code + 0x20 : code
    if (folded !== needle.charCodeAt(i)) return false
  }
  return true
}

function compileFieldRef(predicate: Extract<Predicate, { kind: 'fieldRef' }>, slotOf: SlotOf): Test {
  const own = slotOf(predicate.field)
  const other = slotOf(predicate.other)
  const treat = predicate.cased ? (text: string) => text : fold
  return (context) => {
    const value = context.value(own)
    const reference = context.value(other)
    if (value === undefined || value === null || reference === undefined || reference === null) return false
    return someText(reference, (needle) => {
      const test = textTest(predicate.position, treat(needle))
      return someText(value, (text) => test(treat(text)))
    })
  }
}

function compare(left: number, comparison: Comparison, right: number): boolean {
  switch (comparison) {
    case 'lt':
      return left < right
    case 'lte':
      return left <= right
    case 'gt':
      return left > right
    case 'gte':
      return left >= right
    case 'eq':
      return left === right
    case 'neq':
      return left !== right
  }
}

function lazyRegex(predicate: Extract<Predicate, { kind: 'regex' }>): () => Regex {
  let compiled: Regex | undefined
  return () => {
    if (!compiled) {
      const result = compileRegex(predicate.source, predicate.flags)
      compiled = result.ok ? result.value : { test: () => false }
    }
    return compiled
  }
}
