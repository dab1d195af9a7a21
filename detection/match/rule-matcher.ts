import type { JsonObject, Logsource } from '../../pipeline/index.ts'
import { PLANS_MAX } from '../limits.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import { admits } from '../sources/admits.ts'
import { type ShapedEvent, shapeEvent } from '../sources/event-shape.ts'
import { windowsVariants } from '../sources/variant.ts'
import { Evaluator } from './evaluator.ts'
import { EventContext } from './event-context.ts'
import type { Expression } from './expression.ts'
import { type Field, makeField } from './field.ts'
import { keyOfText } from './number.ts'
import { Plan, type Planned } from './plan.ts'
import { Rarity } from './rarity.ts'
import { type KnownField, keysOf, specialise } from './specialise.ts'
import { witnessesOf } from './witness.ts'

const NOTHING: readonly number[] = []
const UNNAMED = 'no rule names it'

/** Matches single events with a set of rules. Rules are gathered into a plan for each kind of event (channel and event id of
 * a Windows event, log source of any other) when the first such event comes; a plan's index tells the few rules that may
 * match, and only those are tested. Not to be shared between threads. */
export class RuleMatcher {
  readonly #rules: readonly SigmaRule[]
  readonly #windows: readonly { readonly rule: number; readonly expression: Expression }[]
  readonly #fields: Field[] = []
  readonly #slots = new Map<string, number>()
  readonly #evaluator: Evaluator
  readonly #rarity: Rarity
  readonly #channelKeys = new Set<string>()
  readonly #eventIdKeys = new Set<string>()
  readonly #plans = new Map<string, Plan>()
  readonly #found: number[] = []
  readonly #context: EventContext

  constructor(rules: readonly SigmaRule[]) {
    this.#rules = rules
    this.#windows = rules.flatMap(({ logsource, expression }, rule) =>
      windowsVariants(logsource, expression).map((variant) => ({ rule, expression: variant })),
    )
    for (const { expression } of this.#windows) {
      keysOf(expression, 'Channel', this.#channelKeys)
      keysOf(expression, 'EventID', this.#eventIdKeys)
    }
    this.#rarity = new Rarity(rules.map(({ expression }) => expression))
    this.#evaluator = new Evaluator((field) => this.#slotOf(field))
    this.#context = new EventContext(this.#fields)
  }

  /** The numbers of the rules that match, in their order.
   * @param known what the event's parser says it is
   * @param second where fields are looked for that the event itself does not have */
  match(event: JsonObject, known: Logsource, second?: JsonObject): readonly number[] {
    const shaped = shapeEvent(event, known)
    const plan = this.#planOf(shaped)
    if (plan.planned.length === 0) return NOTHING
    const context = this.#context
    context.begin(shaped.root, second)
    const { epoch } = context
    const found = this.#found
    const count = plan.candidates(context, found)
    let matches: number[] | undefined
    for (let i = 0; i < count; i++) {
      const place = found[i] as number
      if (plan.lookedAt[place] === epoch) continue
      plan.lookedAt[place] = epoch
      const { rule, test } = plan.planned[place] as Planned
      if (!test(context)) continue
      if (!matches) matches = [rule]
      else if (!matches.includes(rule)) matches.push(rule)
    }
    return matches ? matches.sort((left, right) => left - right) : NOTHING
  }

  #planOf(event: ShapedEvent): Plan {
    const { root, windows, logsource } = event
    if (!windows) {
      const key = `${logsource.product ?? ''}\n${logsource.category ?? ''}\n${logsource.service ?? ''}`
      return this.#plans.get(key) ?? this.#declaredPlan(key, logsource)
    }
    const channel = this.#key(root.Channel, this.#channelKeys)
    const eventId = this.#key(root.EventID, this.#eventIdKeys)
    const key = `${channel}\n${eventId}`
    return this.#plans.get(key) ?? this.#windowsPlan(key, channel, eventId)
  }

  #key(value: unknown, keys: ReadonlySet<string>): string | undefined {
    if (typeof value !== 'string' && typeof value !== 'number') return undefined
    const key = keyOfText(String(value))
    return keys.has(key) ? key : UNNAMED
  }

  #windowsPlan(key: string, channel: string | undefined, eventId: string | undefined): Plan {
    const known = new Map<string, KnownField>()
    if (channel !== undefined) known.set('Channel', { key: channel === UNNAMED ? undefined : channel })
    if (eventId !== undefined) known.set('EventID', { key: eventId === UNNAMED ? undefined : eventId })
    const special = this.#windows.map(({ rule, expression }) => ({ rule, expression: specialise(expression, known) }))
    return this.#keep(key, special)
  }

  #declaredPlan(key: string, logsource: Logsource): Plan {
    const meant = this.#rules.flatMap((rule, index) =>
      admits(rule.logsource, logsource) ? [{ rule: index, expression: rule.expression }] : [],
    )
    // An event of which nothing is known has to show something that the rule asks for: `not source in (…)` alone would
    // hold for every event of every other kind.
    const unknown = Object.values(logsource).every((word) => word === undefined)
    return this.#keep(key, unknown ? meant.filter(({ expression }) => witnessesOf(expression, this.#rarity)) : meant)
  }

  #keep(key: string, rules: readonly { rule: number; expression: Expression }[]): Plan {
    const planned = rules
      .filter(({ expression }) => expression.kind !== 'constant' || expression.value)
      .map(({ rule, expression }) => ({ rule, expression, test: this.#evaluator.compile(expression) }))
    const plan = new Plan(planned, this.#rarity, (field) => this.#slotOf(field))
    // New plans may have brought new fields.
    this.#context.makeRoom()
    if (this.#plans.size >= PLANS_MAX) this.#plans.clear()
    this.#plans.set(key, plan)
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
