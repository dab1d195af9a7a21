import { LEARN_AFTER_EVENTS, LEARN_AFTER_EVENTS_MAX } from '../limits.ts'
import { CostModel, type Costs } from './cost-model.ts'
import { ANY_FIELD } from './expression.ts'
import type { Rarity } from './rarity.ts'
import type { PlannedRules } from './windows-rules.ts'
import { keyOfWitness, type NumberedWitness, type Witness } from './witness.ts'
import { type WitnessSet, witnessesOf } from './witness-set.ts'

/** What brings which rules up. */
export interface Bringing {
  /** More than the greatest number of a witness. */
  readonly size: number
  /** Places of the rules that a witness brings up, by its number. */
  readonly places: readonly (readonly number[] | undefined | null)[]
  /** Places of the rules that no witness brings up. */
  readonly always: readonly number[]
}

/** What an earlier run of the same rules ended with. */
export interface KeptBringing extends Bringing {
  /** How many witnesses showed in an event, on average. */
  readonly shown: number
}

/** What is looked for to tell the candidates among rules. */
export interface WitnessIndex extends Bringing {
  /** By field; a list that is the same object as before holds the same. */
  readonly fields: ReadonlyMap<string, readonly NumberedWitness[]>
  readonly anyField: readonly NumberedWitness[] | undefined
}

const NO_RULE: WitnessSet = { witnesses: [], cost: 0 }
/** Share of events in which a rule may be brought up in vain before something rarer is looked for. */
const VAIN_SHARE = 0.005
/** How much better a choice has to look to be taken in place of one that was tried. */
const BETTER = 0.7

/** So many more witnesses an event than in the earlier run, and what is looked for is chosen anew. */
const KEPT_VAIN_SHARE = 0.25
const KEPT_LEARN_AFTER_EVENTS = 4_096

/** For each of some rules the witnesses that are looked for. At first it is guessed which are rare; what shows often in the
 * events that come is exchanged for something else that the rule needs. */
export class WitnessChoice {
  readonly #planned: PlannedRules
  readonly #rarity: Rarity
  readonly #costs: Costs
  /** What was chosen before; until it proves bad. */
  #kept: KeptBringing | undefined
  /** By place of the rule; undefined = none shows for it, empty = there is no rule. */
  #chosen: (WitnessSet | undefined)[] = []
  readonly #numbers = new Map<string, number>()
  /** By number: in how many events each showed since this was last learned from, and the share it was seen in. */
  #shows: number[] = []
  readonly #rates = new Map<string, number>()
  readonly #chars = new Map<string, number>()
  #events = 0
  #learnAt = LEARN_AFTER_EVENTS
  #index: WitnessIndex | undefined

  constructor(planned: PlannedRules, rarity: Rarity, costs: Costs, kept?: KeptBringing) {
    this.#planned = planned
    this.#rarity = rarity
    this.#costs = costs
    this.#kept = kept
    if (kept) {
      this.#shows = new Array(kept.size).fill(0)
      this.#learnAt = KEPT_LEARN_AFTER_EVENTS
    }
  }

  /** Another object once other things are looked for. */
  get bringing(): Bringing {
    return this.#kept ?? this.index
  }

  /** How many witnesses show in an event, on average; 0 where that is not known yet. */
  get shown(): number {
    if (this.#kept) return this.#kept.shown
    return this.#events < LEARN_AFTER_EVENTS ? 0 : sumOf(this.#shows) / this.#events
  }

  /** The same with what is looked for, which is chosen now if only what it brings up was kept. */
  get index(): WitnessIndex {
    this.#index ??= this.#chooseAll()
    return this.#index
  }

  #chooseAll(): WitnessIndex {
    this.#kept = undefined
    this.#shows = []
    this.#events = 0
    this.#learnAt = LEARN_AFTER_EVENTS
    const model = new CostModel(this.#rarity, this.#costs)
    this.#chosen = Array.from({ length: this.#planned.length }, (_, place) => this.#choose(place, model))
    return this.#makeIndex(undefined)
  }

  #choose(place: number, model: CostModel): WitnessSet | undefined {
    const asking = this.#planned.at(place)
    return asking ? witnessesOf(asking.expression, model, asking.renames) : NO_RULE
  }

  /** A witness showed in one more event. */
  show(number: number): void {
    this.#shows[number] = (this.#shows[number] as number) + 1
  }

  /** Takes to mind that so many more events were looked at.
   * @param charsOf how many characters the fields had since this was last asked; asked for now and then */
  count(events: number, charsOf: () => Iterable<readonly [field: string, chars: number]>): void {
    this.#events += events
    if (this.#events < this.#learnAt) return
    if (this.#kept) {
      this.#judge(this.#kept)
      return
    }
    for (const [field, chars] of charsOf()) this.#chars.set(field, chars / this.#events)
    this.#learn()
    this.#events = 0
    this.#learnAt = Math.min(2 * this.#learnAt, LEARN_AFTER_EVENTS_MAX)
  }

  #judge(kept: KeptBringing): void {
    if (sumOf(this.#shows) > (kept.shown + KEPT_VAIN_SHARE) * this.#events) this.#index = this.#chooseAll()
    else this.#shows.fill(0)
    this.#events = 0
  }

  #learn(): void {
    const before = this.index
    for (const [key, number] of this.#numbers) {
      if (before.places[number] === undefined) continue
      this.#rates.set(key, (this.#shows[number] as number) / this.#events)
      this.#shows[number] = 0
    }
    const experience = { rates: this.#rates, fieldChars: this.#chars }
    const model = new CostModel(this.#rarity, this.#costs, experience, countSharers(this.#chosen))
    let changed = false
    for (const [place, set] of this.#chosen.entries()) {
      if (!set) continue
      const cost = model.costOf(set.witnesses)
      if (cost < VAIN_SHARE * this.#costs.vainTestNs) continue
      const other = this.#choose(place, model)
      if (!other || other.cost >= BETTER * cost) continue
      this.#chosen[place] = other
      changed = true
    }
    if (changed) this.#index = this.#makeIndex(before)
  }

  #makeIndex(before: WitnessIndex | undefined): WitnessIndex {
    const always: number[] = []
    const places: (number[] | undefined)[] = []
    const fields = new Map<string, NumberedWitness[]>()
    for (const [place, set] of this.#chosen.entries()) {
      if (!set) {
        always.push(place)
        continue
      }
      for (const witness of set.witnesses) {
        const number = this.#numberOf(witness)
        const known = places[number]
        if (known) {
          if (known.at(-1) !== place) known.push(place)
          continue
        }
        places[number] = [place]
        const ofField = fields.get(witness.field)
        if (ofField) ofField.push({ witness, number })
        else fields.set(witness.field, [{ witness, number }])
      }
    }
    const kept = new Map(
      [...fields].map(([field, now]) => [field, sameAs(before && fieldOf(before, field), now) ?? now]),
    )
    const anyField = kept.get(ANY_FIELD)
    kept.delete(ANY_FIELD)
    return { size: this.#numbers.size, fields: kept, anyField, places, always }
  }

  #numberOf(witness: Witness): number {
    const key = keyOfWitness(witness)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#numbers.size
    this.#numbers.set(key, number)
    this.#shows.push(0)
    return number
  }
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0)

function fieldOf(index: WitnessIndex, field: string): readonly NumberedWitness[] | undefined {
  return field === ANY_FIELD ? index.anyField : index.fields.get(field)
}

/** The list of before if it holds the same. */
function sameAs(
  before: readonly NumberedWitness[] | undefined,
  now: readonly NumberedWitness[],
): readonly NumberedWitness[] | undefined {
  if (before?.length !== now.length) return undefined
  return before.every(({ number }, index) => number === now[index]?.number) ? before : undefined
}

/** How many rules look at a field. */
function countSharers(sets: readonly (WitnessSet | undefined)[]): ReadonlyMap<string, number> {
  const sharers = new Map<string, number>()
  for (const set of sets) {
    for (const field of new Set(set?.witnesses.map((witness) => witness.field))) {
      sharers.set(field, (sharers.get(field) ?? 0) + 1)
    }
  }
  return sharers
}
