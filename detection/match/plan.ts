import { renameFields } from '../sources/rename.ts'
import type { Costs } from './cost-model.ts'
import type { Evaluator } from './evaluator.ts'
import type { EventContext } from './event-context.ts'
import { AnyFieldIndex, FieldIndex } from './field-index.ts'
import type { SlotOf, Test } from './predicate.ts'
import type { Rarity } from './rarity.ts'
import type { TestCosts } from './test-costs.ts'
import type { Asking, PlannedRules } from './windows-rules.ts'
import type { NumberedWitness } from './witness.ts'
import { type Bringing, type KeptBringing, WitnessChoice, type WitnessIndex } from './witness-choice.ts'

const NOTHING: readonly number[] = []

/** The rules that events of one kind are matched with, and the index that tells the few candidates among them. The index is
 * chosen anew when some events were seen: which witnesses are rare is then known and not guessed. */
export class Plan {
  readonly #planned: PlannedRules
  readonly #evaluator: Evaluator
  /** Tests of the rules that were candidates so far. */
  readonly #tests: (Test | undefined)[] = []
  readonly #rarity: Rarity
  readonly #slotOf: SlotOf
  readonly #found: number[] = []
  /** The last event that a rule was looked at for, by its place in `planned`. */
  readonly #lookedAt: Int32Array
  readonly #choice: WitnessChoice
  /** What the rest is made for. */
  #index: WitnessIndex | undefined
  #fields: readonly FieldIndex[] = []
  #anyField: AnyFieldIndex | undefined
  readonly #made = new WeakMap<readonly NumberedWitness[], FieldIndex>()
  /** The last event in which a witness showed. */
  #showedAt = new Int32Array(0)
  /** Events since the use was last taken. */
  #asked = 0
  /** Where the time of each rule's test goes, while it is taken. */
  #costs: TestCosts | undefined

  /** @param kept what brought rules up at the end of an earlier run of the same rules */
  constructor(
    planned: PlannedRules,
    evaluator: Evaluator,
    rarity: Rarity,
    slotOf: SlotOf,
    costs: Costs,
    kept?: KeptBringing,
  ) {
    this.#planned = planned
    this.#evaluator = evaluator
    this.#rarity = rarity
    this.#slotOf = slotOf
    this.#lookedAt = new Int32Array(planned.length)
    this.#choice = new WitnessChoice(planned, rarity, costs, kept)
  }

  /** Whether one of the rules is among its own. */
  looksAt(rules: ReadonlySet<number>): boolean {
    for (let place = 0; place < this.#planned.length; place++) {
      const asking = this.#planned.at(place)
      if (asking && rules.has(asking.rule)) return true
    }
    return false
  }

  /** What brings its rules up; another object once other things are looked for. */
  get bringing(): Bringing {
    return this.#choice.bringing
  }

  /** How many witnesses show in an event, on average; 0 where that is not known yet. */
  get shown(): number {
    return this.#choice.shown
  }

  /** What it looks for now. */
  get index(): WitnessIndex {
    return this.#choice.index
  }

  /** The numbers of the rules that match the event in hand, in their order. */
  match(context: EventContext): readonly number[] {
    this.#asked++
    if (this.#planned.length === 0) return NOTHING
    this.#choice.count(1, this.#takeChars)
    if (this.#index !== this.#choice.index) this.#makeFields(this.#choice.index)
    const fields = this.#fields
    const found = this.#found
    let count = 0
    for (let i = 0; i < fields.length; i++) count = (fields[i] as FieldIndex).find(context, found, count)
    if (this.#anyField) count = this.#anyField.find(context, found, count)
    return this.#testFound(context, found, count, this.#index as WitnessIndex)
  }

  /** The same for an event of which somebody else told the witnesses that show.
   * @param bringing what the numbers of `found` were told by: the plan may look for other things by now */
  matchFound(context: EventContext, found: ArrayLike<number>, bringing: Bringing): readonly number[] {
    this.#asked++
    return this.#testFound(context, found, found.length, bringing)
  }

  /** Takes to mind how many events somebody else looked at, and how many characters their fields had. */
  saw(events: number, charsOf: () => Iterable<readonly [field: string, chars: number]>): void {
    this.#choice.count(events, charsOf)
  }

  #testFound(context: EventContext, found: ArrayLike<number>, count: number, bringing: Bringing): readonly number[] {
    const { epoch } = context
    const { always, places: placesOf, size } = bringing
    const isOfNow = bringing === this.#choice.bringing
    if (this.#showedAt.length < size) this.#showedAt = new Int32Array(2 * size)
    let matches: number[] | undefined
    for (let i = 0; i < always.length; i++) matches = this.#test(always[i] as number, context, matches)
    for (let i = 0; i < count; i++) {
      const witness = found[i] as number
      if (this.#showedAt[witness] === epoch) continue
      this.#showedAt[witness] = epoch
      if (isOfNow) this.#choice.show(witness)
      const places = placesOf[witness] as readonly number[]
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
    const { rule, expression, renames } = this.#planned.at(place) as Asking
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

  #makeFields(index: WitnessIndex): void {
    this.#index = index
    this.#anyField = index.anyField && new AnyFieldIndex(index.anyField, this.#rarity)
    this.#fields = [...index.fields].map(([field, entries]) => {
      const known = this.#made.get(entries)
      if (known) return known
      const made = new FieldIndex(field, this.#slotOf(field), entries, this.#rarity)
      this.#made.set(entries, made)
      return made
    })
  }

  readonly #takeChars = (): Iterable<readonly [field: string, chars: number]> =>
    this.#fields.map((field) => [field.name, field.takeChars()])
}

function timed(costs: TestCosts, rule: number, test: Test, context: EventContext): boolean {
  const from = process.hrtime.bigint()
  const result = test(context)
  costs.note(rule, Number(process.hrtime.bigint() - from))
  return result
}

/** Each rule once, in the order of the set: a rule may stand in a plan more than once. */
function inOrder(matches: number[]): readonly number[] {
  return [...new Set(matches)].sort((left, right) => left - right)
}
