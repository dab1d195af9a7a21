import type { SigmaRule } from '../sigma/rule.ts'
import { renameFields } from '../sources/rename.ts'
import { type WindowsVariant, windowsVariants } from '../sources/variant.ts'
import type { Expression } from './expression.ts'
import { keyOfText } from './number.ts'
import { type KnownField, keysOf, specialise } from './specialise.ts'

/** A rule's number and what it asks. */
export interface Asking {
  readonly rule: number
  readonly expression: Expression
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
  readonly #placed: readonly Placed[]
  readonly #renamed = new Map<Placed, Expression>()

  constructor(rules: readonly SigmaRule[]) {
    const channelKeys = new Set<string>()
    const eventIdKeys = new Set<string>()
    this.#placed = rules.flatMap(({ logsource, expression }, rule) => {
      const variants = windowsVariants(logsource)
      if (variants.length === 0) return []
      const asksChannel = asksFor(expression, 'Channel', channelKeys)
      const asksPlace = asksFor(expression, 'EventID', eventIdKeys) || asksChannel
      return variants.map((variant) => ({ rule, variant, expression, asksPlace }))
    })
    for (const { variant } of this.#placed) {
      for (const channel of variant.channels ?? []) channelKeys.add(keyOfText(channel))
      for (const eventId of variant.eventIds ?? []) eventIdKeys.add(String(eventId))
    }
    this.channelKeys = channelKeys
    this.eventIdKeys = eventIdKeys
  }

  /** What is left to ask of events of that channel and event id; undefined = not known, and then the log source of a rule
   * that names them cannot be met. */
  at(channel: KnownField | undefined, eventId: KnownField | undefined): readonly Asking[] {
    const known = new Map<string, KnownField>()
    if (channel) known.set('Channel', channel)
    if (eventId) known.set('EventID', eventId)
    const asking: Asking[] = []
    for (const placed of this.#placed) {
      const { rule, variant, asksPlace } = placed
      if (!among(variant.channels, channel) || !among(variant.eventIds, eventId)) continue
      const expression = this.#expressionOf(placed)
      const left = asksPlace ? specialise(expression, known) : expression
      if (left.kind !== 'constant' || left.value) asking.push({ rule, expression: left })
    }
    return asking
  }

  #expressionOf(placed: Placed): Expression {
    const { rename } = placed.variant
    if (!rename) return placed.expression
    let renamed = this.#renamed.get(placed)
    if (!renamed) {
      renamed = renameFields(placed.expression, rename)
      this.#renamed.set(placed, renamed)
    }
    return renamed
  }
}

function among(asked: readonly (string | number)[] | undefined, known: KnownField | undefined): boolean {
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
