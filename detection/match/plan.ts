import { LEARN_AFTER_EVENTS } from '../limits.ts'
import { renameFields } from '../sources/rename.ts'
import { CostModel, type Experience, keyOfWitness, spentNs } from './cost-model.ts'
import type { Evaluator } from './evaluator.ts'
import type { EventContext } from './event-context.ts'
import { ANY_FIELD } from './expression.ts'
import { AnyFieldIndex, FieldIndex } from './field-index.ts'
import type { SlotOf, Test } from './predicate.ts'
import type { Rarity } from './rarity.ts'
import type { TestCosts } from './test-costs.ts'
import type { Asking } from './windows-rules.ts'
import { type Witness, type WitnessSet, witnessesOf } from './witness.ts'

const NOTHING: readonly number[] = []
/** What an event may cost before it is worth the time to choose again, ns. */
const WORTH_LEARNING_NS = 300
/** About what choosing costs for each rule, ns. */
const CHOOSING_NS = 40_000

/** The rules that events of one kind are matched with, and the index that tells the few candidates among them. The index is
 * chosen anew when some events were seen: which witnesses are rare is then known and not guessed. */
export class Plan {
  readonly #planned: readonly Asking[]
  readonly #evaluator: Evaluator
  /** Tests of the rules that were candidates so far. */
  readonly #tests: (Test | undefined)[] = []
  readonly #rarity: Rarity
  readonly #slotOf: SlotOf
  readonly #found: number[] = []
  /** The last event that a rule was looked at for, by its place in `planned`. */
  readonly #lookedAt: Int32Array
  #always: readonly number[] = []
  #fields: readonly FieldIndex[] = []
  #anyField: AnyFieldIndex | undefined
  /** Places of the rules that a witness brings up. */
  #places: readonly (readonly number[])[] = []
  #keys: readonly string[] = []
  /** Events in which a witness showed, and the last of them. */
  #shows: number[] = []
  #showedAt: Int32Array
  #events = 0
  #learnAt: number
  /** Events since the use was last taken. */
  #asked = 0
  /** Where the time of each rule's test goes, while it is taken. */
  #costs: TestCosts | undefined

  constructor(planned: readonly Asking[], evaluator: Evaluator, rarity: Rarity, slotOf: SlotOf) {
    this.#planned = planned
    this.#evaluator = evaluator
    this.#rarity = rarity
    this.#slotOf = slotOf
    this.#lookedAt = new Int32Array(planned.length)
    this.#showedAt = new Int32Array(0)
    this.#learnAt = LEARN_AFTER_EVENTS
    this.#build(this.#choose(new CostModel(rarity)))
  }

  /** Whether one of the rules is among its own. */
  looksAt(rules: ReadonlySet<number>): boolean {
    return this.#planned.some(({ rule }) => rules.has(rule))
  }

  /** The numbers of the rules that match the event in hand, in their order. */
  match(context: EventContext): readonly number[] {
    this.#asked++
    if (this.#planned.length === 0) return NOTHING
    this.#events++
    if (this.#events === this.#learnAt) this.#learn()
    const { epoch } = context
    const found = this.#found
    let count = 0
    for (let i = 0; i < this.#fields.length; i++) {
      count = (this.#fields[i] as FieldIndex).find(context, found, count)
    }
    if (this.#anyField) count = this.#anyField.find(context, found, count)
    let matches: number[] | undefined
    for (let i = 0; i < this.#always.length; i++) matches = this.#test(this.#always[i] as number, context, matches)
    for (let i = 0; i < count; i++) {
      const witness = found[i] as number
      if (this.#showedAt[witness] === epoch) continue
      this.#showedAt[witness] = epoch
      this.#shows[witness] = (this.#shows[witness] as number) + 1
      const places = this.#places[witness] as readonly number[]
      for (let j = 0; j < places.length; j++) {
        const place = places[j] as number
        if (this.#lookedAt[place] === epoch) continue
        this.#lookedAt[place] = epoch
        matches = this.#test(place, context, matches)
      }
    }
    return matches ? (matches.length > 1 ? inOrder(matches) : matches) : NOTHING
  }

  /** The same, with the time of each rule's test taken. */
  matchTimed(context: EventContext, costs: TestCosts): readonly number[] {
    this.#costs = costs
    try {
      return this.match(context)
    } finally {
      this.#costs = undefined
    }
  }

  /** How many events it was asked about since this was last called. */
  takeAsked(): number {
    const asked = this.#asked
    this.#asked = 0
    return asked
  }

  #test(place: number, context: EventContext, matches: number[] | undefined): number[] | undefined {
    const { rule, expression, renames } = this.#planned[place] as Asking
    let test = this.#tests[place]
    if (!test) {
      test = this.#evaluator.compile(renames ? renameFields(expression, renames) : expression)
      this.#tests[place] = test
    }
    if (!(this.#costs ? timed(this.#costs, rule, test, context) : test(context))) return matches
    if (!matches) return [rule]
    matches.push(rule)
    return matches
  }

  /** Chooses witnesses again, by what was seen so far, once bad choices cost more than choosing does. */
  #learn(): void {
    const events = this.#events
    const shown = this.#shows.reduce((sum, shows, witness) => sum + shows * (this.#places[witness]?.length ?? 0), 0)
    const chars = this.#fields.reduce((sum, field) => sum + field.chars, 0)
    const spent = spentNs({ tests: shown, chars })
    this.#learnAt = 4 * events
    if (spent < WORTH_LEARNING_NS * events || spent < 4 * CHOOSING_NS * this.#planned.length) return
    const experience: Experience = {
      rates: new Map(this.#keys.map((key, witness) => [key, (this.#shows[witness] ?? 0) / events])),
      fieldChars: new Map(this.#fields.map((field) => [field.name, field.chars / events])),
    }
    const model = new CostModel(this.#rarity, experience)
    // A field costs what it costs however many rules look at it: first see which are popular, then choose.
    const first = this.#choose(model)
    this.#build(this.#choose(model.sharedBy(countSharers(first))))
  }

  #build(chosen: readonly (WitnessSet | undefined)[]): void {
    const always: number[] = []
    const witnesses = new Map<
      string,
      { readonly witness: Witness; readonly number: number; readonly places: number[] }
    >()
    for (const [place, set] of chosen.entries()) {
      if (!set) {
        always.push(place)
        continue
      }
      for (const witness of set.witnesses) {
        const key = keyOfWitness(witness)
        const known = witnesses.get(key)
        if (!known) witnesses.set(key, { witness, number: witnesses.size, places: [place] })
        else if (known.places.at(-1) !== place) known.places.push(place)
      }
    }
    this.#always = always
    this.#places = [...witnesses.values()].map(({ places }) => places)
    this.#keys = [...witnesses.keys()]
    this.#shows = this.#keys.map(() => 0)
    this.#showedAt = new Int32Array(this.#keys.length)
    this.#events = 0
    const byField = Map.groupBy(witnesses.values(), ({ witness }) => witness.field)
    const anyField = byField.get(ANY_FIELD)
    this.#anyField = anyField && new AnyFieldIndex(anyField, this.#rarity)
    byField.delete(ANY_FIELD)
    this.#fields = [...byField].map(
      ([field, entries]) => new FieldIndex(field, this.#slotOf(field), entries, this.#rarity),
    )
  }

  #choose(model: CostModel): readonly (WitnessSet | undefined)[] {
    return this.#planned.map(({ expression, renames }) => witnessesOf(expression, model, renames))
  }
}

function timed(costs: TestCosts, rule: number, test: Test, context: EventContext): boolean {
  const from = process.hrtime.bigint()
  const result = test(context)
  costs.note(rule, Number(process.hrtime.bigint() - from))
  return result
}

function countSharers(sets: readonly (WitnessSet | undefined)[]): ReadonlyMap<string, number> {
  const sharers = new Map<string, number>()
  for (const set of sets) {
    for (const field of new Set(set?.witnesses.map((witness) => witness.field))) {
      sharers.set(field, (sharers.get(field) ?? 0) + 1)
    }
  }
  return sharers
}

/** Each rule once, in the order of the set: a rule may stand in a plan more than once. */
function inOrder(matches: number[]): readonly number[] {
  return [...new Set(matches)].sort((left, right) => left - right)
}
