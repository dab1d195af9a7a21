import type { SigmaRule } from '../sigma/rule.ts'
import { type WindowsVariant, windowsVariants } from '../sources/variant.ts'
import type { Expression } from './expression.ts'
import { type KnownField, keysOf, specialise } from './specialise.ts'
import type { Renames } from './witness-set.ts'

/** A rule's number and what it asks. */
export interface Asking {
  readonly rule: number
  readonly expression: Expression
  /** What its fields are called here. */
  readonly renames?: Renames
}

/** The rules that some events are looked at with, by place. Some places are empty. */
export interface PlannedRules {
  readonly length: number
  at(place: number): Asking | undefined
}

interface Placed {
  readonly rule: number
  readonly variant: WindowsVariant
  readonly expression: Expression
}

/** Rules as they stand for the events of Windows event logs, found by channel and event id. */
export class WindowsRules {
  /** Rules whose log source stands for some channels, by those; and all others. */
  readonly #byChannel = new Map<string, Placed[]>()
  readonly #anyChannel: Placed[] = []
  #keys: { readonly channels: ReadonlySet<string>; readonly eventIds: ReadonlySet<string> } | undefined

  constructor(rules: readonly SigmaRule[]) {
    for (const [rule, { logsource, expression }] of rules.entries()) {
      for (const variant of windowsVariants(logsource)) this.#put({ rule, variant, expression })
    }
  }

  #put(placed: Placed): void {
    const { channels } = placed.variant
    if (!channels) this.#anyChannel.push(placed)
    for (const channel of channels ?? []) {
      const list = this.#byChannel.get(channel)
      if (list) list.push(placed)
      else this.#byChannel.set(channel, [placed])
    }
  }

  /** Keys of the channels and event ids that any rule tells apart. */
  get keys(): { readonly channels: ReadonlySet<string>; readonly eventIds: ReadonlySet<string> } {
    if (this.#keys) return this.#keys
    const channels = new Set(this.#byChannel.keys())
    const eventIds = new Set<string>()
    const seen = new Set<Expression>()
    for (const { variant, expression } of [...this.#byChannel.values(), this.#anyChannel].flat()) {
      for (const eventId of variant.eventIds ?? []) eventIds.add(String(eventId))
      if (seen.has(expression)) continue
      seen.add(expression)
      keysOf(expression, 'Channel', channels)
      keysOf(expression, 'EventID', eventIds)
    }
    this.#keys = { channels, eventIds }
    return this.#keys
  }

  /** What is left to ask of events of that channel and event id; undefined = not known, and then the log source of a rule
   * that names them cannot be met. The places are the same for the same rules, and a rule is worked out when it is asked for. */
  at(channel: KnownField | undefined, eventId: KnownField | undefined): PlannedRules {
    const known = new Map<string, KnownField>()
    if (channel) known.set('Channel', channel)
    if (eventId) known.set('EventID', eventId)
    const ofChannel = (channel?.key !== undefined && this.#byChannel.get(channel.key)) || []
    return new PlacedRules([...ofChannel, ...this.#anyChannel], known, eventId)
  }
}

class PlacedRules implements PlannedRules {
  readonly #placed: readonly Placed[]
  readonly #known: ReadonlyMap<string, KnownField>
  readonly #eventId: KnownField | undefined
  readonly #asking = new Map<number, Asking | undefined>()

  constructor(placed: readonly Placed[], known: ReadonlyMap<string, KnownField>, eventId: KnownField | undefined) {
    this.#placed = placed
    this.#known = known
    this.#eventId = eventId
  }

  get length(): number {
    return this.#placed.length
  }

  at(place: number): Asking | undefined {
    if (this.#asking.has(place)) return this.#asking.get(place)
    const asking = this.#ask(place)
    this.#asking.set(place, asking)
    return asking
  }

  #ask(place: number): Asking | undefined {
    const { rule, variant, expression } = this.#placed[place] as Placed
    if (!isAmong(variant.eventIds, this.#eventId)) return undefined
    const left = specialise(expression, this.#known)
    if (left.kind === 'constant' && !left.value) return undefined
    return { rule, expression: left, renames: variant.rename }
  }
}

function isAmong(asked: readonly number[] | undefined, known: KnownField | undefined): boolean {
  if (!asked) return true
  const key = known?.key
  return key !== undefined && asked.some((value) => String(value) === key)
}
