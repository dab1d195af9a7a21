import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import { EVENT_DEPTH_MAX } from '../limits.ts'
import { type Field, lookUp } from './field.ts'
import { fold } from './fold.ts'

/** What takes parsing the line to tell. */
export const NOT_TOLD = Symbol('not told')

/** An event as it lies in a line. */
export interface UnparsedEvent {
  /** The value that `lookUp` would find in it for that field.
   * @param slot the field's, always the same */
  value(slot: number, field: Field): JsonValue | undefined | typeof NOT_TOLD
  parse(): JsonObject
}

/** What rules look at of the event in hand. Each field is looked up once and folded once an event, however many rules ask;
 * nothing is cleared between events, an epoch says what is still of the last one. */
export class EventContext {
  readonly #fields: readonly Field[]
  readonly #values: (JsonValue | undefined)[] = []
  readonly #folded: string[] = []
  #valueEpoch = new Int32Array(0)
  #foldedEpoch = new Int32Array(0)
  #root: JsonObject | undefined
  /** The event where it is not parsed yet. */
  #unparsed: UnparsedEvent | undefined
  #second: JsonObject | undefined
  #texts: string[] = []
  #foldedTexts: string[] = []
  #textsEpoch = 0
  #foldedTextsEpoch = 0
  /** Differs from event to event; never 0. */
  epoch = 0

  /** @param fields may grow; call `makeRoom` when it has */
  constructor(fields: readonly Field[]) {
    this.#fields = fields
    this.makeRoom()
  }

  /** Makes room for fields that were added. */
  makeRoom(): void {
    while (this.#values.length < this.#fields.length) {
      this.#values.push(undefined)
      this.#folded.push('')
    }
    if (this.#valueEpoch.length >= this.#values.length) return
    const valueEpoch = new Int32Array(2 * this.#values.length)
    valueEpoch.set(this.#valueEpoch)
    this.#valueEpoch = valueEpoch
    const foldedEpoch = new Int32Array(2 * this.#values.length)
    foldedEpoch.set(this.#foldedEpoch)
    this.#foldedEpoch = foldedEpoch
  }

  /** Takes the next event.
   * @param second where fields are looked for that the event itself does not have */
  begin(root: JsonObject, second?: JsonObject): void {
    this.#root = root
    this.#unparsed = undefined
    this.#second = second
    this.#next()
  }

  /** Takes the next event, which is parsed only if it must be. */
  beginUnparsed(event: UnparsedEvent): void {
    this.#root = undefined
    this.#unparsed = event
    this.#second = undefined
    this.#next()
  }

  #next(): void {
    this.epoch++
    if (this.epoch === 0x7fffffff) {
      this.epoch = 1
      this.#valueEpoch.fill(0)
      this.#foldedEpoch.fill(0)
      this.#textsEpoch = 0
      this.#foldedTextsEpoch = 0
    }
  }

  /** The event in hand. */
  get root(): JsonObject {
    this.#root ??= this.#unparsed?.parse() ?? {}
    return this.#root
  }

  value(slot: number): JsonValue | undefined {
    if (this.#valueEpoch[slot] === this.epoch) return this.#values[slot]
    const field = this.#fields[slot] as Field
    let value = this.#lookUp(slot, field)
    if (value === undefined && this.#second !== undefined) value = lookUp(this.#second, field.ocsf ?? field)
    this.#valueEpoch[slot] = this.epoch
    this.#values[slot] = value
    return value
  }

  #lookUp(slot: number, field: Field): JsonValue | undefined {
    if (this.#unparsed !== undefined && this.#root === undefined) {
      const told = this.#unparsed.value(slot, field)
      if (told !== NOT_TOLD) return told
    }
    return lookUp(this.root, field)
  }

  /** The folded text of a field that is a string. */
  folded(slot: number, text: string): string {
    if (this.#foldedEpoch[slot] === this.epoch) return this.#folded[slot] as string
    const folded = fold(text)
    this.#foldedEpoch[slot] = this.epoch
    this.#folded[slot] = folded
    return folded
  }

  /** Every value of the event that has a text. */
  texts(): readonly string[] {
    if (this.#textsEpoch !== this.epoch) {
      this.#texts.length = 0
      collectTexts(this.root, this.#texts, 0)
      this.#textsEpoch = this.epoch
    }
    return this.#texts
  }

  foldedTexts(): readonly string[] {
    if (this.#foldedTextsEpoch !== this.epoch) {
      this.#foldedTexts = this.texts().map(fold)
      this.#foldedTextsEpoch = this.epoch
    }
    return this.#foldedTexts
  }
}

/** The text that a value is compared by; undefined for `null` and for what has members. */
export function textOfValue(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function collectTexts(value: JsonValue, into: string[], depth: number): void {
  if (typeof value === 'string') into.push(value)
  else if (typeof value === 'object' && value !== null) {
    if (depth >= EVENT_DEPTH_MAX) return
    if (Array.isArray(value))
      for (const element of value as readonly JsonValue[]) collectTexts(element, into, depth + 1)
    else {
      const members = value as JsonObject
      for (const name in members) collectTexts(members[name] as JsonValue, into, depth + 1)
    }
  } else if (value !== null) into.push(String(value))
}
