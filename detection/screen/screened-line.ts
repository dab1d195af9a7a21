import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import { NOT_TOLD, type UnparsedEvent } from '../match/event-context.ts'
import type { Field } from '../match/field.ts'
import type { ScreenMemory } from './memory.ts'

/** Words of a member, and what it is, as `assembly/screen.ts` has them. */
const MEMBER_WORDS = 4
const KIND_BITS = 7
const TEXT = 0
const WORD = 3
const NULL = 4
const ESCAPED = 8
const UNICODE_ESCAPED = 16
const WIDE = 32

/** The line in hand of a screen: single values of it are told from where its members lie. */
export class ScreenedLine implements UnparsedEvent {
  readonly #memory: ScreenMemory
  readonly #members: number
  readonly #slotOf: (name: string) => number | undefined
  /** By slot of a field: its slot in the screen. */
  readonly #slots: (number | undefined)[] = []
  #from = 0
  #to = 0
  #count = 0

  /** @param members where they lie, in words
   * @param slotOf the slot of a name in the screen; undefined when the line in hand was read without it */
  constructor(memory: ScreenMemory, members: number, slotOf: (name: string) => number | undefined) {
    this.#memory = memory
    this.#members = members
    this.#slotOf = slotOf
  }

  /** Takes the next line: from where to where it lies, and how many members it has. */
  begin(from: number, to: number, count: number): void {
    this.#from = from
    this.#to = to
    this.#count = count
  }

  parse(): JsonObject {
    return JSON.parse(this.#memory.bytes.toString('utf8', this.#from, this.#to)) as JsonObject
  }

  value(slot: number, field: Field): JsonValue | undefined | typeof NOT_TOLD {
    let screened = this.#slots[slot]
    if (screened === undefined) {
      screened = this.#slotOf(field.name)
      if (screened === undefined) return NOT_TOLD
      this.#slots[slot] = screened
    }
    const { words } = this.#memory
    // The last one counts, as in JSON. There are no members of members, so that dots lead nowhere.
    for (let at = this.#members + (this.#count - 1) * MEMBER_WORDS; at >= this.#members; at -= MEMBER_WORDS) {
      if (words[at] === screened) {
        return this.#read(words[at + 1] as number, words[at + 2] as number, words[at + 3] as number)
      }
    }
    return undefined
  }

  #read(from: number, length: number, what: number): JsonValue | typeof NOT_TOLD {
    const { bytes } = this.#memory
    const to = from + length
    switch (what & KIND_BITS) {
      case TEXT:
        if ((what & (ESCAPED | UNICODE_ESCAPED)) !== 0) return JSON.parse(bytes.toString('utf8', from - 1, to + 1))
        return bytes.toString((what & WIDE) !== 0 ? 'utf8' : 'latin1', from, to)
      case WORD:
        return length === 4
      case NULL:
        // An empty one ends a list.
        return length === 0 ? NOT_TOLD : null
      default:
        return Number(bytes.toString('latin1', from, to))
    }
  }
}
