import { ANY_FIELD } from './expression.ts'
import type { Rarity } from './rarity.ts'
import type { Witness } from './witness.ts'

/** About what it costs, in ns, to test a rule that a witness brought up in vain. */
const VAIN_TEST_NS = 700
/** About what it costs to look at a character. */
const CHARACTER_NS = 3
/** About what it costs to look at a field at all. */
const FIELD_NS = 30
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
  readonly #experience: Experience | undefined
  /** How many rules look at a field; they share what the look costs. */
  readonly #sharers: ReadonlyMap<string, number>

  constructor(rarity: Rarity, experience?: Experience, sharers: ReadonlyMap<string, number> = new Map()) {
    this.#rarity = rarity
    this.#experience = experience
    this.#sharers = sharers
  }

  /** The same, for rules that share fields as they chose to under this one. */
  sharedBy(sharers: ReadonlyMap<string, number>): CostModel {
    return new CostModel(this.#rarity, this.#experience, sharers)
  }

  costOf(witness: Witness): number {
    const seen = this.#experience?.rates.get(keyOfWitness(witness))
    const rate = seen === undefined ? this.#guess(witness) : seen * VAIN_TEST_NS
    const sharers = Math.max(1, this.#sharers.get(witness.field) ?? 20)
    const look = witness.kind === 'needle' ? this.#chars(witness.field) * CHARACTER_NS + FIELD_NS : FIELD_NS
    return rate + look / sharers
  }

  #chars(field: string): number {
    const seen = this.#experience?.fieldChars.get(field)
    if (seen !== undefined) return seen
    return field === ANY_FIELD ? 2 * LONG_CHARS_GUESSED : longFields.has(field) ? LONG_CHARS_GUESSED : CHARS_GUESSED
  }

  #guess(witness: Witness): number {
    switch (witness.kind) {
      case 'presence':
        return VAIN_TEST_NS / 2
      case 'value':
        return Math.min(
          VAIN_TEST_NS,
          /^[\d.-]+$/.test(witness.key) ? 5 : this.#rarity.rarestWindow(witness.key).cost / 4,
        )
      case 'needle': {
        const cost = this.#rarity.rarestWindow(witness.text).cost
        return Math.min(VAIN_TEST_NS, witness.atStart || witness.atEnd ? cost / 2 : cost)
      }
    }
  }
}

/** Witnesses of the same key show in the same events. */
export function keyOfWitness(witness: Witness): string {
  switch (witness.kind) {
    case 'presence':
      return `p${witness.field}`
    case 'value':
      return `v${witness.field}\n${witness.key}`
    case 'needle':
      return `${witness.atStart ? '^' : ''}${witness.atEnd ? '$' : ''}n${witness.field}\n${witness.text}`
  }
}

/** About what candidates and characters cost an event. */
export function spentNs(event: { readonly tests: number; readonly chars: number }): number {
  return event.tests * VAIN_TEST_NS + event.chars * CHARACTER_NS
}
