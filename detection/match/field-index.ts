import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import { EVENT_DEPTH_MAX } from '../limits.ts'
import { AnchoredTrie } from './anchored-trie.ts'
import { Automaton } from './automaton.ts'
import { type EventContext, textOfValue } from './event-context.ts'
import { keyOfText } from './number.ts'
import type { Rarity } from './rarity.ts'
import { SkipScanner } from './skip-scanner.ts'
import type { Literal } from './trie.ts'
import type { NumberedWitness, Witness } from './witness.ts'

const LENGTHS = 64
const LITERAL_CHARS_MAX = 48
/** A text that begins like a number may be equal to one that is written otherwise. */
const CODE_OF_9 = 57

/** What is looked for in one field. */
export class FieldIndex {
  readonly name: string
  #chars = 0
  readonly #slot: number
  readonly #present: readonly number[]
  readonly #values: ReadonlyMap<string, readonly number[]> | undefined
  /** Lengths below `LENGTHS` that a value has; `#longest` is the greatest of all. */
  readonly #lengths = new Uint8Array(LENGTHS)
  readonly #longest: number
  readonly #prefixes: AnchoredTrie | undefined
  readonly #suffixes: AnchoredTrie | undefined
  readonly #inside: Automaton | SkipScanner | undefined

  constructor(name: string, slot: number, entries: readonly NumberedWitness[], rarity: Rarity) {
    this.name = name
    this.#slot = slot
    this.#present = entries.filter(({ witness }) => witness.kind === 'presence').map(({ number }) => number)
    const prefixes = literalsOf(entries, ({ atStart }) => atStart)
    if (prefixes.length > 0) this.#prefixes = new AnchoredTrie(prefixes, 'start')
    const suffixes = literalsOf(entries, ({ atStart, atEnd }) => atEnd && !atStart)
    if (suffixes.length > 0) this.#suffixes = new AnchoredTrie(suffixes, 'end')
    const inside = literalsOf(entries, ({ atStart, atEnd }) => !atStart && !atEnd)
    if (inside.length > 0) this.#inside = insideScanner(inside, rarity)
    const values = new Map<string, number[]>()
    for (const { witness, number } of entries) {
      if (witness.kind !== 'value') continue
      const list = values.get(witness.key)
      if (list) list.push(number)
      else values.set(witness.key, [number])
      if (witness.key.length < LENGTHS) this.#lengths[witness.key.length] = 1
    }
    this.#longest = [...values.keys()].reduce((most, { length }) => Math.max(most, length), 0)
    if (values.size > 0) this.#values = values
  }

  /** Adds the numbers of the witnesses that show to `found`, repeats included; returns how many now are there. */
  find(context: EventContext, found: number[], count: number): number {
    const value = context.value(this.#slot)
    if (value === undefined) return count
    let total = count
    for (let i = 0; i < this.#present.length; i++) found[total++] = this.#present[i] as number
    return typeof value === 'string' ? this.#look(value, found, total) : this.#lookInto(value, found, total)
  }

  /** Characters seen in it since this was last called. */
  takeChars(): number {
    const chars = this.#chars
    this.#chars = 0
    return chars
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
    this.#chars += text.length
    let total = count
    if (this.#values && this.#mayBeValue(text)) {
      const numbers = this.#values.get(keyOfText(text))
      if (numbers) for (let i = 0; i < numbers.length; i++) found[total++] = numbers[i] as number
    }
    if (this.#suffixes) total = this.#suffixes.scan(text, found, total)
    if (this.#prefixes) total = this.#prefixes.scan(text, found, total)
    return this.#inside ? this.#inside.scan(text, found, total) : total
  }

  /** Folding and hashing cost more than to see that no value is as long. */
  #mayBeValue(text: string): boolean {
    const { length } = text
    if (length < LENGTHS) return this.#lengths[length] === 1 || text.charCodeAt(0) <= CODE_OF_9
    return length <= this.#longest
  }
}

/** What is looked for in all values of an event: few long literals by skipping, else by an automaton. */
export class AnyFieldIndex {
  readonly #inside: Automaton | SkipScanner
  readonly #shortest: number

  constructor(entries: readonly NumberedWitness[], rarity: Rarity) {
    const literals = literalsOf(entries, () => true)
    this.#inside = insideScanner(literals, rarity)
    this.#shortest = literals.reduce((least, { text }) => Math.min(least, text.length), Number.POSITIVE_INFINITY)
  }

  find(context: EventContext, found: number[], count: number): number {
    return this.#findIn(context.root, found, count, 0)
  }

  #findIn(members: JsonObject, found: number[], count: number, depth: number): number {
    const shortest = this.#shortest
    const values = Object.values(members)
    let total = count
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (typeof value === 'string') {
        if (value.length >= shortest) total = this.#inside.scan(value, found, total)
      } else if (typeof value === 'object') {
        if (value !== null && depth < EVENT_DEPTH_MAX)
          total = this.#findIn(value as JsonObject, found, total, depth + 1)
      } else if (value !== undefined) total = this.#inside.scan(String(value), found, total)
    }
    return total
  }
}

/** Few long literals let most of a text be skipped, and more so the longer they are. Of many, an automaton needs no more than
 * the rarest stretch of each. */
function insideScanner(literals: readonly Literal[], rarity: Rarity): Automaton | SkipScanner {
  if (SkipScanner.fits(literals)) return new SkipScanner(literals)
  return new Automaton(literals.map(({ text, target }) => ({ text: rarity.rarestWindow(text).text, target })))
}

/** The literals of the needles that stand where they are asked for. One that is tied to an end is looked for anywhere in
 * `AnyFieldIndex`: it brings up too much rather than too little. */
function literalsOf(
  entries: readonly NumberedWitness[],
  stands: (needle: Extract<Witness, { kind: 'needle' }>) => boolean,
): Literal[] {
  return entries.flatMap(({ witness, number }) =>
    witness.kind === 'needle' && stands(witness) ? [{ text: bounded(witness), target: number }] : [],
  )
}

/** As much of a literal as it takes to make it rare: a longer one would cost more to compare, and a hostile one much. */
function bounded({ text, atStart, atEnd }: Extract<Witness, { kind: 'needle' }>): string {
  return atEnd && !atStart ? text.slice(-LITERAL_CHARS_MAX) : text.slice(0, LITERAL_CHARS_MAX)
}
