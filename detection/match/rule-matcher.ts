import type { JsonObject, JsonValue, Logsource } from '../../pipeline/index.ts'
import { CHANGED_RULES_MAX, KEYS_REMEMBERED_MAX, MATCHER_CHANGES_MAX, PLANS_MAX, TIMED_EVERY } from '../limits.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import { admits } from '../sources/admits.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import { CostModel, type Costs, costsOfObjects } from './cost-model.ts'
import { Evaluator } from './evaluator.ts'
import { EventContext, type UnparsedEvent } from './event-context.ts'
import { type Field, makeField } from './field.ts'
import { KeyTable } from './key-table.ts'
import { Plan } from './plan.ts'
import { Rarity } from './rarity.ts'
import { TestCosts } from './test-costs.ts'
import { type Asking, type PlannedRules, WindowsRules } from './windows-rules.ts'
import type { Bringing, KeptBringing } from './witness-choice.ts'
import { witnessesOf } from './witness-set.ts'

/** A kind of events that came, and how many. */
export interface SourceUse {
  readonly logsource: Logsource
  /** Of a Windows event log's: those that rules tell apart, in lower case; absent = any other. */
  readonly windows?: { readonly channel?: string; readonly eventId?: string }
  readonly events: number
}

/** What a matcher did. */
export interface MatcherUse {
  readonly sources: readonly SourceUse[]
  /** By number of the rule: time spent on its tests in one of `TIMED_EVERY` events, ns, outliers cut. */
  readonly spent: ReadonlyMap<number, { readonly ns: number; readonly tests: number }>
}

/** What can be taken up again by a matcher of the same rules, so that nothing has to be chosen anew. */
export interface KeptPlans {
  /** Keys of the channels and event ids that rules tell apart, in the order of their numbers. */
  readonly channels: readonly string[]
  readonly eventIds: readonly string[]
  readonly plans: readonly { readonly channel: number; readonly eventId: number; readonly bringing: KeptBringing }[]
}

/** Matches single events with a set of rules. Rules are gathered into a plan for each kind of event (channel and event id of
 * a Windows event, log source of any other) when the first such event comes; a plan's index tells the few rules that may
 * match, and only those are tested. Not to be shared between threads. */
export class RuleMatcher {
  #rules: readonly SigmaRule[]
  #windows: WindowsRules
  readonly #fields: Field[] = []
  readonly #slots = new Map<string, number>()
  readonly #evaluator: Evaluator
  readonly #lookCosts: Costs
  /** How common pieces of text are among its rules. */
  readonly rarity: Rarity
  #keys: { readonly channels: KeyTable; readonly eventIds: KeyTable } | undefined
  /** By number of the channel's key, then of the event id's. */
  #windowsPlans: (Plan | undefined)[][] = []
  readonly #declaredPlans = new Map<string, Plan>()
  #planCount = 0
  #changes = 0
  #turn = 0
  readonly #costs = new TestCosts()
  /** Of plans that were let go. */
  #pastSources: SourceUse[] = []
  readonly #context: EventContext

  /** @param costs what looking at its events costs */
  constructor(rules: readonly SigmaRule[], costs: Costs = costsOfObjects) {
    this.#rules = rules
    this.#lookCosts = costs
    this.#windows = new WindowsRules(rules)
    this.rarity = new Rarity(rules.map(({ expression }) => expression))
    this.#evaluator = new Evaluator((field) => this.#slotOf(field))
    this.#context = new EventContext(this.#fields)
  }

  /** Made when the first event asks for them. */
  get #keyTables(): { readonly channels: KeyTable; readonly eventIds: KeyTable } {
    this.#keys ??= {
      channels: new KeyTable(this.#windows.keys.channels, KEYS_REMEMBERED_MAX),
      eventIds: new KeyTable(this.#windows.keys.eventIds, KEYS_REMEMBERED_MAX),
    }
    return this.#keys
  }

  /** Takes other rules in place of its own. What is made of rules that are the same at the same place stays; plans that look
   * at others are made again when their next event comes.
   * @returns false, and nothing is changed, when so much differs that a new matcher is to be made */
  replaceRules(rules: readonly SigmaRule[]): boolean {
    if (rules.length < this.#rules.length || this.#changes >= MATCHER_CHANGES_MAX) return false
    const changed = new Set<number>()
    for (let number = 0; number < rules.length; number++) {
      if (rules[number] === this.#rules[number]) continue
      changed.add(number)
      if (changed.size > CHANGED_RULES_MAX) return false
    }
    const windows = new WindowsRules(rules)
    const { channels, eventIds } = this.#keyTables
    if (!channels.tells(windows.keys.channels) || !eventIds.tells(windows.keys.eventIds)) return false
    this.#noteSources()
    this.#costs.forget(changed)
    this.#changes++
    this.#rules = rules
    this.#windows = windows
    this.#forgetPlansOf(changed)
    return true
  }

  #forgetPlansOf(changed: ReadonlySet<number>): void {
    const ofChanged = new WindowsRules(this.#rules.filter((_, number) => changed.has(number)))
    const { channels, eventIds } = this.#keyTables
    for (const [channel, ofChannel] of this.#windowsPlans.entries()) {
      for (const [eventId, plan] of (ofChannel ?? []).entries()) {
        const asks = isAnyMeant(ofChanged.at(channels.known(channel), eventIds.known(eventId)))
        if (plan && ofChannel && (asks || plan.looksAt(changed))) ofChannel[eventId] = undefined
      }
    }
    for (const [key, plan] of this.#declaredPlans) {
      const logsource = logsourceOf(key)
      const asks = [...changed].some((number) => admits((this.#rules[number] as SigmaRule).logsource, logsource))
      if (asks || plan.looksAt(changed)) this.#declaredPlans.delete(key)
    }
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
    if (++this.#turn < TIMED_EVERY) return plan.match(this.#context)
    this.#turn = 0
    return plan.matchTimed(this.#context, this.#costs)
  }

  /** The plan of a flat event of a Windows event log; undefined for any other. */
  windowsPlanOf(event: JsonObject): Plan | undefined {
    const { root, windows } = shapeEvent(event, {})
    return windows && root === event ? this.#windowsPlanOf(root.Channel, root.EventID) : undefined
  }

  /** The same as `match` for an event of which somebody else told which of its plan's witnesses show. */
  matchFound(event: UnparsedEvent, plan: Plan, found: ArrayLike<number>, bringing: Bringing): readonly number[] {
    this.#context.beginUnparsed(event)
    return plan.matchFound(this.#context, found, bringing)
  }

  /** What these of its plans can be taken up by. */
  keep(plans: readonly { readonly plan: Plan; readonly bringing: Bringing }[]): KeptPlans {
    const numbers = new Map<Plan, { readonly channel: number; readonly eventId: number }>()
    for (const [channel, ofChannel] of this.#windowsPlans.entries()) {
      for (const [eventId, plan] of (ofChannel ?? []).entries()) if (plan) numbers.set(plan, { channel, eventId })
    }
    const { channels, eventIds } = this.#keyTables
    return {
      channels: channels.keys,
      eventIds: eventIds.keys,
      plans: plans.map(({ plan, bringing: { size, places, always } }) => ({
        ...(numbers.get(plan) as { channel: number; eventId: number }),
        bringing: { size, places, always, shown: plan.shown },
      })),
    }
  }

  /** Takes up the plans that a matcher of the same rules has kept, before it looks at any event. */
  takeUp({ channels, eventIds, plans }: KeptPlans): readonly Plan[] {
    this.#keys = {
      channels: new KeyTable(channels, KEYS_REMEMBERED_MAX),
      eventIds: new KeyTable(eventIds, KEYS_REMEMBERED_MAX),
    }
    return plans.map(({ channel, eventId, bringing }) => this.#makeWindowsPlan(channel, eventId, bringing))
  }

  /** What came and what it cost since this was last called. */
  takeUse(): MatcherUse {
    this.#noteSources()
    const sources = this.#pastSources
    this.#pastSources = []
    return { sources, spent: this.#costs.take() }
  }

  #noteSources(): void {
    const note = (plan: Plan, source: () => Omit<SourceUse, 'events'>): void => {
      const events = plan.takeAsked()
      if (events > 0) this.#pastSources.push({ ...source(), events })
    }
    for (const [channel, ofChannel] of this.#windowsPlans.entries()) {
      for (const [eventId, plan] of (ofChannel ?? []).entries()) {
        if (plan) note(plan, () => this.#windowsSource(channel, eventId))
      }
    }
    for (const [key, plan] of this.#declaredPlans) note(plan, () => ({ logsource: logsourceOf(key) }))
  }

  #windowsSource(channelNumber: number, eventIdNumber: number): Omit<SourceUse, 'events'> {
    const { channels, eventIds } = this.#keyTables
    const channel = channels.known(channelNumber)?.key
    const eventId = eventIds.known(eventIdNumber)?.key
    const windows = { ...(channel === undefined ? {} : { channel }), ...(eventId === undefined ? {} : { eventId }) }
    return { logsource: { product: 'windows' }, windows }
  }

  #windowsPlanOf(channel: JsonValue | undefined, eventId: JsonValue | undefined): Plan {
    const { channels, eventIds } = this.#keyTables
    const channelNumber = channels.numberOf(channel)
    const eventIdNumber = eventIds.numberOf(eventId)
    return this.#windowsPlans[channelNumber]?.[eventIdNumber] ?? this.#makeWindowsPlan(channelNumber, eventIdNumber)
  }

  #makeWindowsPlan(channel: number, eventId: number, kept?: KeptBringing): Plan {
    const { channels, eventIds } = this.#keyTables
    const plan = this.#makePlan(this.#windows.at(channels.known(channel), eventIds.known(eventId)), kept)
    this.#windowsPlans[channel] ??= []
    ;(this.#windowsPlans[channel] as (Plan | undefined)[])[eventId] = plan
    return plan
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
    const model = new CostModel(this.rarity, this.#lookCosts)
    const planned: readonly Asking[] = unknown
      ? meant.filter(({ expression }) => witnessesOf(expression, model))
      : meant
    const plan = this.#makePlan(planned)
    this.#declaredPlans.set(key, plan)
    return plan
  }

  #makePlan(asking: PlannedRules, kept?: KeptBringing): Plan {
    if (this.#planCount >= PLANS_MAX) {
      this.#noteSources()
      this.#windowsPlans = []
      this.#declaredPlans.clear()
      this.#planCount = 0
    }
    this.#planCount++
    return new Plan(asking, this.#evaluator, this.rarity, (field) => this.#slotOf(field), this.#lookCosts, kept)
  }

  #slotOf(name: string): number {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    const slot = this.#fields.length
    this.#fields.push(makeField(name))
    this.#slots.set(name, slot)
    this.#context.makeRoom()
    return slot
  }
}

function isAnyMeant(planned: PlannedRules): boolean {
  for (let place = 0; place < planned.length; place++) if (planned.at(place)) return true
  return false
}

function logsourceOf(key: string): Logsource {
  const [product, category, service] = key.split('\n')
  return { ...(product ? { product } : {}), ...(category ? { category } : {}), ...(service ? { service } : {}) }
}
