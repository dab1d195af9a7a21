import { and, type Expression, FALSE, not, or, type Predicate, TRUE } from './expression.ts'
import { keyOfText, numberOf } from './number.ts'

/** What is known of a field before its event is looked at: that its folded text, or its number written plainly, is this
 * one; or (undefined) that it is none of those any rule names. */
export type KnownField = { readonly key: string | undefined }

/** The expression for events of which some fields are known: what those decide is gone from it. Shares every part that
 * stays as it is. */
export function specialise(expression: Expression, known: ReadonlyMap<string, KnownField>): Expression {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const of = expression.of.map((part) => specialise(part, known))
      if (of.every((part, index) => part === expression.of[index])) return expression
      return expression.kind === 'and' ? and(of) : or(of)
    }
    case 'not': {
      const of = specialise(expression.of, known)
      return of === expression.of ? expression : not(of)
    }
    case 'constant':
      return expression
    default: {
      const field = known.get(expression.field)
      const decided = field && decide(expression, field.key)
      return decided === undefined ? expression : decided ? TRUE : FALSE
    }
  }
}

function decide(predicate: Predicate, key: string | undefined): boolean | undefined {
  switch (predicate.kind) {
    case 'number':
      return key !== undefined && (key === String(predicate.value) || key === keyOfText(predicate.text))
    case 'exists':
      return predicate.wanted
    case 'null':
      return false
    case 'text': {
      if (predicate.position !== 'equals') return undefined
      if (key !== keyOfText(predicate.text)) return false
      // `7` may be written `7.0`, and a cased comparison wants to see the case.
      return predicate.cased || numberOf(key) !== undefined ? undefined : true
    }
    default:
      return undefined
  }
}

/** The keys that comparisons of `field` tell apart. */
export function keysOf(expression: Expression, field: string, into: Set<string>): void {
  if (expression.kind === 'and' || expression.kind === 'or') for (const part of expression.of) keysOf(part, field, into)
  else if (expression.kind === 'not') keysOf(expression.of, field, into)
  else if (expression.kind === 'number' && expression.field === field) {
    into.add(String(expression.value)).add(keyOfText(expression.text))
  } else if (expression.kind === 'text' && expression.position === 'equals' && expression.field === field) {
    into.add(keyOfText(expression.text))
  }
}
