import { ANY_FIELD } from './expression.ts'
import type { Rarity } from './rarity.ts'
import { keyOfWitness, type Witness } from './witness.ts'

/** About what looking costs, in ns. */
export interface Costs {
  /** To test a rule that a witness brought up in vain. */
  readonly vainTestNs: number
  /** To look at a character. */
  readonly characterNs: number
  /** To look at a field at all. */
  readonly fieldNs: number
}

/** Of events that are there as objects. */
export const costsOfObjects: Costs = { vainTestNs: 700, characterNs: 3, fieldNs: 30 }
/** Of lines that are parsed only when a witness shows. */
export const costsOfLines: Costs = { vainTestNs: 4_000, characterNs: 1.2, fieldNs: 5 }

/** The cost of a window that may stand in every text. */
const GUESSED_OF = 700
const CHARS_GUESSED = 60
const LONG_CHARS_GUESSED = 800
/** Fields that hold much text. Guesses serve until events were seen. */
const longFields = new Set(['CallTrace', 'Message', 'message', 'ScriptBlockText', 'Payload', 'ContextInfo', 'Data'])

/** What was seen of the events of a plan. */
export interface Experience {
  /** In how many of all events each witness showed, by its key. */
  readonly rates: ReadonlyMap<string, number>
  /** Characters a field had on average, missing counted as none. */
  readonly fieldChars: ReadonlyMap<string, number>
}

/** What a witness costs an event, in ns: the tests it causes in vain, and its share of looking at its field. Only to choose
 * between witnesses: whatever it says, no match is lost. */
export class CostModel {
  readonly #rarity: Rarity
  readonly #costs: Costs
  readonly #experience: Experience | undefined
  /** How many rules look at a field; they share what the look costs. */
  readonly #sharers: ReadonlyMap<string, number>

  constructor(rarity: Rarity, costs: Costs, experience?: Experience, sharers: ReadonlyMap<string, number> = new Map()) {
    this.#rarity = rarity
    this.#costs = costs
    this.#experience = experience
    this.#sharers = sharers
  }

  /** The same, for rules that share fields as they chose to under this one. */
  sharedBy(sharers: ReadonlyMap<string, number>): CostModel {
    return new CostModel(this.#rarity, this.#costs, this.#experience, sharers)
  }

  /** Of witnesses that are looked for together: a field is looked at once for all of them. */
  costOf(witnesses: readonly Witness[]): number {
    const { vainTestNs, characterNs, fieldNs } = this.#costs
    const looks = new Map<string, number>()
    let rates = 0
    for (const witness of witnesses) {
      rates += this.#experience?.rates.get(keyOfWitness(witness)) ?? this.#guess(witness)
      const sharers = Math.max(1, this.#sharers.get(witness.field) ?? 20)
      const look = witness.kind === 'needle' ? this.#chars(witness.field) * characterNs + fieldNs : fieldNs
      looks.set(witness.field, Math.max(looks.get(witness.field) ?? 0, look / sharers))
    }
    let cost = rates * vainTestNs
    for (const look of looks.values()) cost += look
    return cost
  }

  #chars(field: string): number {
    const seen = this.#experience?.fieldChars.get(field)
    if (seen !== undefined) return seen
    return field === ANY_FIELD ? 2 * LONG_CHARS_GUESSED : longFields.has(field) ? LONG_CHARS_GUESSED : CHARS_GUESSED
  }

  /** In which share of events it may show. */
  #guess(witness: Witness): number {
    switch (witness.kind) {
      case 'presence':
        return 0.5
      case 'value':
        return /^[\d.-]+$/.test(witness.key) ? 0.007 : this.#guessText(witness.key) / 4
      case 'needle': {
        const guess = this.#guessText(witness.text)
        return witness.atStart || witness.atEnd ? guess / 2 : guess
      }
    }
  }

  #guessText(text: string): number {
    return Math.min(1, this.#rarity.rarestWindow(text).cost / GUESSED_OF)
  }
}
