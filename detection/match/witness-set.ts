import type { CostModel } from './cost-model.ts'
import { ANY_FIELD, type Expression, type Predicate } from './expression.ts'
import { fold, foldsInPairs, splitAtPairs } from './fold.ts'
import { keyOfText } from './number.ts'
import { type LiteralSet, neededLiterals } from './regex-literals.ts'
import type { Witness } from './witness.ts'

/** Witnesses of which at least one shows whenever the expression holds, and what they cost together. */
export interface WitnessSet {
  readonly witnesses: readonly Witness[]
  readonly cost: number
}

/** What fields are called where an expression is asked; its own names where it says nothing. */
export type Renames = Readonly<Record<string, string>> | undefined

/** The cheapest set of witnesses of an expression; undefined when it may hold for events that show nothing: those with
 * only negations. A conjunction is seen by any one of its parts, a disjunction only by all of them together. */
export function witnessesOf(expression: Expression, model: CostModel, renames?: Renames): WitnessSet | undefined {
  switch (expression.kind) {
    case 'and': {
      let best: WitnessSet | undefined
      for (const part of expression.of) best = cheaper(best, witnessesOf(part, model, renames))
      return best
    }
    case 'or': {
      const witnesses: Witness[] = []
      for (const part of expression.of) {
        const set = witnessesOf(part, model, renames)
        if (!set) return undefined
        for (const witness of set.witnesses) witnesses.push(witness)
      }
      return { witnesses, cost: model.costOf(witnesses) }
    }
    case 'not':
    case 'constant':
      return undefined
    default:
      return witnessesOfPredicate(expression, renamed(expression.field, renames), model)
  }
}

function cheaper(left: WitnessSet | undefined, right: WitnessSet | undefined): WitnessSet | undefined {
  if (!left || !right) return left ?? right
  return right.cost < left.cost ? right : left
}

function setOf(model: CostModel, ...witnesses: readonly Witness[]): WitnessSet {
  return { witnesses, cost: model.costOf(witnesses) }
}

function presence(field: string, model: CostModel): WitnessSet | undefined {
  return field === ANY_FIELD ? undefined : setOf(model, { kind: 'presence', field })
}

function renamed(field: string, renames: Renames): string {
  return renames !== undefined && Object.hasOwn(renames, field) ? (renames[field] ?? field) : field
}

function witnessesOfPredicate(predicate: Predicate, field: string, model: CostModel): WitnessSet | undefined {
  switch (predicate.kind) {
    case 'text': {
      const text = fold(predicate.text)
      const { position } = predicate
      if (position === 'equals' && field !== ANY_FIELD)
        return setOf(model, { kind: 'value', field, key: keyOfText(text) })
      const atStart = position === 'equals' || position === 'startsWith'
      const atEnd = position === 'equals' || position === 'endsWith'
      return literalWitness({ field, text, atStart, atEnd }, model)
    }
    case 'glob': {
      let best: WitnessSet | undefined
      for (const [index, part] of predicate.pattern.entries()) {
        if (typeof part !== 'string') continue
        const atStart = index === 0
        const atEnd = index === predicate.pattern.length - 1
        best = cheaper(best, literalWitness({ field, text: fold(part), atStart, atEnd }, model))
      }
      return best ?? presence(field, model)
    }
    case 'number':
      return numberWitness(predicate, field, model)
    case 'regex': {
      let best = presence(field, model)
      for (const literals of literalsNeededBy(predicate)) best = cheaper(best, anyLiteral(field, literals, model))
      return best
    }
    case 'network':
    case 'compare':
    case 'time':
    case 'fieldRef':
      return presence(field, model)
    case 'exists':
      return predicate.wanted ? presence(field, model) : undefined
    case 'null':
      return undefined
  }
}

function numberWitness(
  predicate: Extract<Predicate, { kind: 'number' }>,
  field: string,
  model: CostModel,
): WitnessSet | undefined {
  if (field === ANY_FIELD) return undefined
  const keys = new Set([String(predicate.value), keyOfText(predicate.text)])
  return setOf(model, ...[...keys].map((key): Witness => ({ kind: 'value', field, key })))
}

const needed = new WeakMap<Predicate, readonly LiteralSet[]>()

function literalsNeededBy(predicate: Extract<Predicate, { kind: 'regex' }>): readonly LiteralSet[] {
  const known = needed.get(predicate)
  if (known) return known
  const found = neededLiterals(predicate.source)
  needed.set(predicate, found)
  return found
}

/** One of the literals, wherever it stands. */
function anyLiteral(field: string, literals: readonly string[], model: CostModel): WitnessSet | undefined {
  const witnesses: Witness[] = []
  let cost = 0
  for (const text of literals) {
    const set = literalWitness({ field, text, atStart: false, atEnd: false }, model)
    if (!set) return undefined
    witnesses.push(...set.witnesses)
    cost += set.cost
  }
  return { witnesses, cost }
}

interface Literal {
  readonly field: string
  readonly text: string
  readonly atStart: boolean
  readonly atEnd: boolean
}

/** A literal, or what of it can be looked for unit by unit: characters beyond the first plane that have a case fold in
 * pairs, so what stands beside them is. */
function literalWitness({ field, text, atStart, atEnd }: Literal, model: CostModel): WitnessSet | undefined {
  if (foldsInPairs(text)) {
    const longest = splitAtPairs(text).reduce((best, piece) => (piece.length > best.length ? piece : best), '')
    return literalWitness({ field, text: longest, atStart: false, atEnd: false }, model)
  }
  return text === '' ? presence(field, model) : setOf(model, { kind: 'needle', field, text, atStart, atEnd })
}
