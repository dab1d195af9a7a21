import type { SigmaRule } from '../sigma/rule.ts'
import { type WindowsVariant, windowsVariants } from '../sources/variant.ts'
import type { Expression } from './expression.ts'
import { type KnownField, keysOf, specialise } from './specialise.ts'
import type { Renames } from './witness.ts'

/** A rule's number and what it asks. */
export interface Asking {
  readonly rule: number
  readonly expression: Expression
  /** What its fields are called here. */
  readonly renames?: Renames
}

interface Placed {
  readonly rule: number
  readonly variant: WindowsVariant
  readonly expression: Expression
  /** The expression itself asks for the channel or the event id. */
  readonly asksPlace: boolean
}

/** Rules as they stand for the events of Windows event logs, found by channel and event id. */
export class WindowsRules {
  /** Keys of the channels and event ids that any rule tells apart. */
  readonly channelKeys: ReadonlySet<string>
  readonly eventIdKeys: ReadonlySet<string>
  /** Rules whose log source stands for some channels, by those; and all others. */
  readonly #byChannel = new Map<string, Placed[]>()
  readonly #anyChannel: Placed[] = []

  constructor(rules: readonly SigmaRule[]) {
    const channelKeys = new Set<string>()
    const eventIdKeys = new Set<string>()
    for (const [rule, { logsource, expression }] of rules.entries()) {
      const variants = windowsVariants(logsource)
      if (variants.length === 0) continue
      const asksChannel = asksFor(expression, 'Channel', channelKeys)
      const asksPlace = asksFor(expression, 'EventID', eventIdKeys) || asksChannel
      for (const variant of variants) this.#put({ rule, variant, expression, asksPlace }, channelKeys, eventIdKeys)
    }
    this.channelKeys = channelKeys
    this.eventIdKeys = eventIdKeys
  }

  #put(placed: Placed, channelKeys: Set<string>, eventIdKeys: Set<string>): void {
    const { channels, eventIds } = placed.variant
    for (const eventId of eventIds ?? []) eventIdKeys.add(String(eventId))
    if (!channels) this.#anyChannel.push(placed)
    for (const channel of channels ?? []) {
      channelKeys.add(channel)
      const list = this.#byChannel.get(channel)
      if (list) list.push(placed)
      else this.#byChannel.set(channel, [placed])
    }
  }

  /** The channels and event ids that at least so many rules' log sources stand for. */
  popular(rulesMin: number): readonly { readonly channel: string; readonly eventId: number }[] {
    const popular: { channel: string; eventId: number }[] = []
    for (const [channel, placed] of this.#byChannel) {
      const counts = new Map<number, number>()
      for (const { variant } of placed) {
        for (const eventId of variant.eventIds ?? []) counts.set(eventId, (counts.get(eventId) ?? 0) + 1)
      }
      for (const [eventId, count] of counts) if (count >= rulesMin) popular.push({ channel, eventId })
    }
    return popular
  }

  /** What is left to ask of events of that channel and event id; undefined = not known, and then the log source of a rule
   * that names them cannot be met. */
  at(channel: KnownField | undefined, eventId: KnownField | undefined): readonly Asking[] {
    const known = new Map<string, KnownField>()
    if (channel) known.set('Channel', channel)
    if (eventId) known.set('EventID', eventId)
    const ofChannel = (channel?.key !== undefined && this.#byChannel.get(channel.key)) || []
    const asking: Asking[] = []
    for (const placed of [...ofChannel, ...this.#anyChannel]) {
      const { rule, variant, asksPlace, expression } = placed
      if (!isAmong(variant.eventIds, eventId)) continue
      const left = asksPlace ? specialise(expression, known) : expression
      if (left.kind === 'constant' && !left.value) continue
      asking.push({ rule, expression: left, renames: variant.rename })
    }
    return asking
  }
}

function isAmong(asked: readonly number[] | undefined, known: KnownField | undefined): boolean {
  if (!asked) return true
  const key = known?.key
  return key !== undefined && asked.some((value) => String(value) === key)
}

/** Whether the expression asks for the field at all; the keys it tells apart go into `keys`. */
function asksFor(expression: Expression, field: string, keys: Set<string>): boolean {
  keysOf(expression, field, keys)
  return mentions(expression, field)
}

function mentions(expression: Expression, field: string): boolean {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.of.some((part) => mentions(part, field))
    case 'not':
      return mentions(expression.of, field)
    case 'constant':
      return false
    default:
      return expression.field === field
  }
}
