import type { JsonObject, JsonValue, Logsource } from '../../pipeline/index.ts'
import { KEYS_REMEMBERED_MAX, PLANS_MAX } from '../limits.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import { admits } from '../sources/admits.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import { windowsVariants } from '../sources/variant.ts'
import { CostModel } from './cost-model.ts'
import { Evaluator } from './evaluator.ts'
import { EventContext } from './event-context.ts'
import type { Expression } from './expression.ts'
import { type Field, makeField } from './field.ts'
import { KeyTable } from './key-table.ts'
import { Plan } from './plan.ts'
import { Rarity } from './rarity.ts'
import { type KnownField, specialise } from './specialise.ts'
import { witnessesOf } from './witness.ts'

interface Variant {
  readonly rule: number
  readonly expression: Expression
}

/** Matches single events with a set of rules. Rules are gathered into a plan for each kind of event (channel and event id of
 * a Windows event, log source of any other) when the first such event comes; a plan's index tells the few rules that may
 * match, and only those are tested. Not to be shared between threads. */
export class RuleMatcher {
  readonly #rules: readonly SigmaRule[]
  readonly #windows: readonly Variant[]
  readonly #fields: Field[] = []
  readonly #slots = new Map<string, number>()
  readonly #evaluator: Evaluator
  readonly #rarity: Rarity
  readonly #channels: KeyTable
  readonly #eventIds: KeyTable
  readonly #byChannel = new Map<number, readonly Variant[]>()
  /** By number of the channel's key, then of the event id's. */
  #windowsPlans: (Plan | undefined)[][] = []
  readonly #declaredPlans = new Map<string, Plan>()
  #planCount = 0
  readonly #context: EventContext

  constructor(rules: readonly SigmaRule[]) {
    this.#rules = rules
    this.#windows = rules.flatMap(({ logsource, expression }, rule) =>
      windowsVariants(logsource, expression).map((variant) => ({ rule, expression: variant })),
    )
    const expressions = this.#windows.map(({ expression }) => expression)
    this.#channels = new KeyTable('Channel', expressions, KEYS_REMEMBERED_MAX)
    this.#eventIds = new KeyTable('EventID', expressions, KEYS_REMEMBERED_MAX)
    this.#rarity = new Rarity(rules.map(({ expression }) => expression))
    this.#evaluator = new Evaluator((field) => this.#slotOf(field))
    this.#context = new EventContext(this.#fields)
  }

  /** The numbers of the rules that match, in their order.
   * @param known what the event's parser says it is
   * @param second where fields are looked for that the event itself does not have */
  match(event: JsonObject, known: Logsource, second?: JsonObject): readonly number[] {
    const shaped = shapeEvent(event, known)
    const { root } = shaped
    const plan = shaped.windows
      ? this.#windowsPlanOf(root.Channel, root.EventID)
      : this.#declaredPlanOf(shaped.logsource)
    this.#context.begin(root, second)
    return plan.match(this.#context)
  }

  #windowsPlanOf(channel: JsonValue | undefined, eventId: JsonValue | undefined): Plan {
    const channelNumber = this.#channels.numberOf(channel)
    const eventIdNumber = this.#eventIds.numberOf(eventId)
    return this.#windowsPlans[channelNumber]?.[eventIdNumber] ?? this.#makeWindowsPlan(channelNumber, eventIdNumber)
  }

  #makeWindowsPlan(channel: number, eventId: number): Plan {
    const ofChannel = this.#ofChannel(channel)
    const plan = this.#makePlan(narrow(ofChannel, 'EventID', this.#eventIds.known(eventId)))
    this.#windowsPlans[channel] ??= []
    ;(this.#windowsPlans[channel] as (Plan | undefined)[])[eventId] = plan
    return plan
  }

  /** What is left of the rules for a channel, whatever the event id. */
  #ofChannel(channel: number): readonly Variant[] {
    const known = this.#byChannel.get(channel)
    if (known) return known
    const left = narrow(this.#windows, 'Channel', this.#channels.known(channel))
    this.#byChannel.set(channel, left)
    return left
  }

  #declaredPlanOf(logsource: Logsource): Plan {
    const key = `${logsource.product ?? ''}\n${logsource.category ?? ''}\n${logsource.service ?? ''}`
    return this.#declaredPlans.get(key) ?? this.#makeDeclaredPlan(key, logsource)
  }

  #makeDeclaredPlan(key: string, logsource: Logsource): Plan {
    const meant = this.#rules.flatMap((rule, index) =>
      admits(rule.logsource, logsource) ? [{ rule: index, expression: rule.expression }] : [],
    )
    // An event of which nothing is known has to show something that the rule asks for: `not source in (…)` alone would
    // hold for every event of every other kind.
    const unknown = Object.values(logsource).every((word) => word === undefined)
    const model = new CostModel(this.#rarity)
    const plan = this.#makePlan(unknown ? meant.filter(({ expression }) => witnessesOf(expression, model)) : meant)
    this.#declaredPlans.set(key, plan)
    return plan
  }

  #makePlan(variants: readonly Variant[]): Plan {
    const planned = variants.map(({ rule, expression }) => ({
      rule,
      expression,
      test: this.#evaluator.compile(expression),
    }))
    if (this.#planCount >= PLANS_MAX) {
      this.#windowsPlans = []
      this.#declaredPlans.clear()
      this.#planCount = 0
    }
    this.#planCount++
    const plan = new Plan(planned, this.#rarity, (field) => this.#slotOf(field))
    this.#context.makeRoom()
    return plan
  }

  #slotOf(name: string): number {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    const slot = this.#fields.length
    this.#fields.push(makeField(name))
    this.#slots.set(name, slot)
    return slot
  }
}

/** The variants that may still match when this is known of a field, without what it decides. */
function narrow(variants: readonly Variant[], field: string, known: KnownField | undefined): readonly Variant[] {
  if (!known) return variants
  const fields = new Map([[field, known]])
  const left: Variant[] = []
  for (const { rule, expression } of variants) {
    const narrowed = specialise(expression, fields)
    if (narrowed.kind !== 'constant' || narrowed.value) left.push({ rule, expression: narrowed })
  }
  return left
}
