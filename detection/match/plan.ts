import type { JsonValue } from '../../pipeline/index.ts'
import { Automaton, type Needle } from './automaton.ts'
import { type EventContext, textOfValue } from './event-context.ts'
import { ANY_FIELD, type Expression } from './expression.ts'
import { keyOfText } from './number.ts'
import type { SlotOf, Test } from './predicate.ts'
import type { Rarity } from './rarity.ts'
import { type Witness, witnessesOf } from './witness.ts'

/** A rule as it stands in a plan. */
export interface Planned {
  /** Its number in the rule set. */
  readonly rule: number
  readonly expression: Expression
  readonly test: Test
}

/** The rules that events of one kind are matched with, and the index that tells the few candidates among them. */
export class Plan {
  readonly planned: readonly Planned[]
  /** Stamps of the events that a rule was last looked at for, by its place in `planned`. */
  readonly lookedAt: Int32Array
  readonly #always: readonly number[]
  readonly #fields: readonly FieldIndex[]
  readonly #anyField: Automaton | undefined

  constructor(planned: readonly Planned[], rarity: Rarity, slotOf: SlotOf) {
    this.planned = planned
    this.lookedAt = new Int32Array(planned.length)
    const always: number[] = []
    const byField = new Map<string, { witness: Witness; target: number }[]>()
    for (const [target, { expression }] of planned.entries()) {
      const set = witnessesOf(expression, rarity)
      if (!set) {
        always.push(target)
        continue
      }
      for (const witness of set.witnesses) {
        const list = byField.get(witness.field)
        if (list) list.push({ witness, target })
        else byField.set(witness.field, [{ witness, target }])
      }
    }
    this.#always = always
    const anyField = byField.get(ANY_FIELD)
    this.#anyField = anyField && new Automaton(needlesOf(anyField))
    byField.delete(ANY_FIELD)
    this.#fields = [...byField].map(([field, entries]) => new FieldIndex(slotOf(field), entries))
  }

  /** Writes the places of all rules that may match the event in hand to `found`, repeats included; returns how many. */
  candidates(context: EventContext, found: number[]): number {
    let count = 0
    for (let i = 0; i < this.#always.length; i++) found[count++] = this.#always[i] as number
    for (let i = 0; i < this.#fields.length; i++)
      count = (this.#fields[i] as FieldIndex).candidates(context, found, count)
    if (this.#anyField) for (const text of context.texts()) count = this.#anyField.scan(text, found, count)
    return count
  }
}

/** What is looked for in one field. */
class FieldIndex {
  readonly #slot: number
  readonly #present: readonly number[]
  readonly #values: ReadonlyMap<string, readonly number[]> | undefined
  readonly #scan: Automaton | undefined

  constructor(slot: number, entries: readonly { witness: Witness; target: number }[]) {
    this.#slot = slot
    this.#present = [
      ...new Set(entries.filter(({ witness }) => witness.kind === 'presence').map(({ target }) => target)),
    ]
    const needles = needlesOf(entries)
    if (needles.length > 0) this.#scan = new Automaton(needles)
    const values = new Map<string, number[]>()
    for (const { witness, target } of entries) {
      if (witness.kind !== 'value') continue
      const list = values.get(witness.key)
      if (list) list.push(target)
      else values.set(witness.key, [target])
    }
    if (values.size > 0) this.#values = values
  }

  candidates(context: EventContext, found: number[], count: number): number {
    const value = context.value(this.#slot)
    if (value === undefined) return count
    let total = count
    for (let i = 0; i < this.#present.length; i++) found[total++] = this.#present[i] as number
    return typeof value === 'string' ? this.#look(value, found, total) : this.#lookInto(value, found, total)
  }

  #lookInto(value: JsonValue, found: number[], count: number): number {
    const text = textOfValue(value)
    if (text !== undefined) return this.#look(text, found, count)
    let total = count
    if (Array.isArray(value)) {
      for (const element of value as readonly JsonValue[]) total = this.#lookInto(element, found, total)
    }
    return total
  }

  #look(text: string, found: number[], count: number): number {
    let total = count
    if (this.#values) {
      const targets = this.#values.get(keyOfText(text))
      if (targets) for (let i = 0; i < targets.length; i++) found[total++] = targets[i] as number
    }
    return this.#scan ? this.#scan.scan(text, found, total) : total
  }
}

function needlesOf(entries: readonly { witness: Witness; target: number }[]): Needle[] {
  return entries.flatMap(({ witness, target }) =>
    witness.kind === 'needle' ? [{ text: witness.text, atStart: witness.atStart, atEnd: witness.atEnd, target }] : [],
  )
}
