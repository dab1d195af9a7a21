import { ANY_FIELD, type Expression, type Predicate } from './expression.ts'
import { fold } from './fold.ts'
import { keyOfText } from './number.ts'
import type { Rarity } from './rarity.ts'

/** Something cheap to see that has to be there for a rule to match: a literal in a field, a field's whole value, or the
 * field itself. */
export type Witness =
  | {
      readonly kind: 'needle'
      readonly field: string
      readonly text: string
      readonly atStart: boolean
      readonly atEnd: boolean
    }
  | { readonly kind: 'value'; readonly field: string; readonly key: string }
  | { readonly kind: 'presence'; readonly field: string }

/** Witnesses of which at least one shows whenever the expression holds; lower cost = shows more seldom. */
export interface WitnessSet {
  readonly witnesses: readonly Witness[]
  readonly cost: number
}

const PRESENCE_COST = 400
const NUMBER_COST = 4
const LONG_FIELD_COST = 40
/** Fields that hold much text: scanning them is what an index should spare. */
const longFields = new Set(['CallTrace', 'Message', 'message', 'ScriptBlockText', 'Payload', 'ContextInfo', 'Data'])

/** The cheapest set of witnesses of an expression; undefined when it may hold for events that show nothing: those with
 * only negations. A conjunction is seen by any one of its parts, a disjunction only by all of them together. */
export function witnessesOf(expression: Expression, rarity: Rarity): WitnessSet | undefined {
  switch (expression.kind) {
    case 'and': {
      let best: WitnessSet | undefined
      for (const part of expression.of) {
        const set = witnessesOf(part, rarity)
        if (set && (!best || set.cost < best.cost)) best = set
      }
      return best
    }
    case 'or': {
      const witnesses: Witness[] = []
      let cost = 0
      for (const part of expression.of) {
        const set = witnessesOf(part, rarity)
        if (!set) return undefined
        witnesses.push(...set.witnesses)
        cost += set.cost
      }
      return { witnesses, cost }
    }
    case 'not':
    case 'constant':
      return undefined
    default:
      return witnessOfPredicate(expression, rarity)
  }
}

function witnessOfPredicate(predicate: Predicate, rarity: Rarity): WitnessSet | undefined {
  const { field } = predicate
  switch (predicate.kind) {
    case 'text':
      return witnessOfLiteral(
        {
          field,
          text: fold(predicate.text),
          atStart: predicate.position === 'equals' || predicate.position === 'startsWith',
          atEnd: predicate.position === 'equals' || predicate.position === 'endsWith',
        },
        rarity,
      )
    case 'glob': {
      let best: WitnessSet | undefined
      for (const [index, part] of predicate.pattern.entries()) {
        if (typeof part !== 'string') continue
        const atStart = index === 0
        const atEnd = index === predicate.pattern.length - 1
        const set = witnessOfLiteral({ field, text: fold(part), atStart, atEnd }, rarity)
        if (set && (!best || set.cost < best.cost)) best = set
      }
      return best ?? presence(field)
    }
    case 'number':
      if (field === ANY_FIELD) return undefined
      return {
        witnesses: [...new Set([String(predicate.value), keyOfText(predicate.text)])].map((key) => ({
          kind: 'value',
          field,
          key,
        })),
        cost: NUMBER_COST,
      }
    case 'regex':
    case 'network':
    case 'compare':
    case 'time':
    case 'fieldRef':
      return presence(field)
    case 'exists':
      return predicate.wanted ? presence(field) : undefined
    case 'null':
      return undefined
  }
}

function presence(field: string): WitnessSet | undefined {
  return field === ANY_FIELD ? undefined : { witnesses: [{ kind: 'presence', field }], cost: PRESENCE_COST }
}

function witnessOfLiteral(
  literal: { field: string; text: string; atStart: boolean; atEnd: boolean },
  rarity: Rarity,
): WitnessSet | undefined {
  const { field, text, atStart, atEnd } = literal
  const fieldCost = field === ANY_FIELD ? 2 * LONG_FIELD_COST : longFields.has(field) ? LONG_FIELD_COST : 0
  if (field !== ANY_FIELD && atStart && atEnd) {
    return { witnesses: [{ kind: 'value', field, key: keyOfText(text) }], cost: rarity.cost(text) / 4 + fieldCost }
  }
  // Half a surrogate pair folds with its other half only; look for what stands beside them.
  const whole = text.split(/[\ud800-\udfff]+/)
  if (whole.length > 1) {
    const longest = whole.reduce((best, piece) => (piece.length > best.length ? piece : best), '')
    return longest === ''
      ? presence(field)
      : witnessOfLiteral({ field, text: longest, atStart: false, atEnd: false }, rarity)
  }
  if (text === '') return presence(field)
  const { from, to } = rarity.rarestWindow(text)
  const witness: Witness = {
    kind: 'needle',
    field,
    text: text.slice(from, to),
    atStart: atStart && from === 0,
    atEnd: atEnd && to === text.length,
  }
  const anchored = witness.atStart || witness.atEnd ? 0.5 : 1
  return { witnesses: [witness], cost: rarity.cost(witness.text) * anchored + fieldCost }
}
