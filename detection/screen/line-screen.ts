import { crc32 } from 'node:zlib'
import type { JsonObject } from '../../pipeline/index.ts'
import { SCREEN_KINDS_MAX, SCREEN_NAMES_MAX } from '../limits.ts'
import type { Plan } from '../match/plan.ts'
import type { KeptPlans, RuleMatcher } from '../match/rule-matcher.ts'
import type { NumberedWitness } from '../match/witness.ts'
import type { Bringing } from '../match/witness-choice.ts'
import { type LaidPlan, layPlan } from './layout.ts'
import { MARGIN_BYTES, ScreenMemory } from './memory.ts'
import { ScreenedLine } from './screened-line.ts'

/** Answers of `next`. */
const END = 0
const ODD = 1
const UNKNOWN_KIND = 2

/** Words of the result of `next`. */
const LINE_START = 0
const LINE_END = 1
const LINE = 2
const KIND = 3
const FOUND = 4
const CHANNEL_AT = 5
const CHANNEL_END = 6
const EVENT_ID_AT = 7
const EVENT_ID_END = 8
const PASSED = 9
const MEMBERS = 10
const RESULT_WORDS = 16

const NAME_WORDS = 4
const KIND_WORDS = 5
const MEMBERS_BYTES = 16 * 1024
const FOUND_WORDS = 4096
const CHANNEL_SLOT = 1
const EVENT_ID_SLOT = 2
const FIRST_FIELD_SLOT = 16
/** Lengths and checksum of what is kept. */
const HEAD_BYTES = 8
/** Changes for each plan, or growth of the tables, after which keeping is worth its time. */
const LEARNED_SHARE = 0.1
const GROWN_SHARE = 0.25

/** Bytes of whole lines that are looked at in one go. */
export const BLOCK_BYTES = 1024 * 1024

/** Who hears of the lines of a block. Lines count from the block's first. */
export interface BlockVisitor {
  /** An event that rules match. */
  matched(event: JsonObject, line: number, rules: readonly number[]): void
  /** A line that is nothing usual and has to be looked at by itself. */
  odd(bytes: Buffer, line: number): void
}

interface ScreenedPlan {
  readonly plan: Plan
  laid?: LaidPlan | undefined
  /** What its witnesses, as they are laid out, bring up. The plan itself may be further. */
  bringing?: Bringing
}

type LaidOutPlan = Required<ScreenedPlan>

/** What a screen is kept by, beside its memory. */
interface Kept {
  readonly matcher: KeptPlans
  readonly laid: readonly LaidPlan[]
  readonly slots: readonly (readonly [name: string, slot: number])[]
  readonly kinds: number
  readonly epoch: number
  readonly relaid: number
}

/** Looks for the witnesses of rules in lines of flat Windows events as they lie in a file, and has only those parsed in which
 * something shows: most show nothing. What it does not wholly understand (members with members, escapes like `\u0041`,
 * numbers written in an unusual way, kinds of events it has no room for) it hands on. Not to be shared between threads. */
export class LineScreen {
  readonly #matcher: RuleMatcher
  readonly #memory = new ScreenMemory()
  readonly #block: number
  readonly #other: number
  readonly #result: number
  readonly #found: number
  readonly #names: number
  readonly #kinds: number
  readonly #plansAt: number
  readonly #slots = new Map<string, number>()
  readonly #numbers = new Map<Plan, number>()
  /** By the number that a kind of events has for its plan. */
  readonly #plans: ScreenedPlan[] = []
  readonly #laid = new WeakMap<readonly NumberedWitness[], number>()
  readonly #line: ScreenedLine
  #kindCount = 0
  /** Kinds met and plans laid out since it was made. */
  #changes = 0
  /** How often a plan was laid out in place of what lay there, which then is lost room. */
  #relaid = 0
  /** Bytes that were taken up. */
  #takenUp = 0
  #isFull = false

  constructor(matcher: RuleMatcher) {
    this.#matcher = matcher
    const memory = this.#memory
    this.#block = memory.reserve(BLOCK_BYTES + MARGIN_BYTES)
    this.#other = memory.reserve(BLOCK_BYTES + MARGIN_BYTES)
    const scratch = memory.reserve(BLOCK_BYTES + MARGIN_BYTES)
    this.#result = memory.reserve(4 * RESULT_WORDS) / 4
    this.#found = memory.reserve(4 * FOUND_WORDS) / 4
    const members = memory.reserve(MEMBERS_BYTES)
    // What is kept begins here.
    this.#names = memory.reserve(4 * NAME_WORDS * 2 * SCREEN_NAMES_MAX)
    this.#kinds = memory.reserve(4 * KIND_WORDS * 2 * SCREEN_KINDS_MAX)
    this.#plansAt = memory.reserve(4 * SCREEN_KINDS_MAX)
    memory.program.setUp(
      this.#names,
      2 * SCREEN_NAMES_MAX - 1,
      this.#kinds,
      2 * SCREEN_KINDS_MAX - 1,
      this.#plansAt,
      members,
      this.#found * 4,
      scratch,
      this.#result * 4,
      memory.heap,
    )
    this.#line = new ScreenedLine(memory, members / 4, (name) => this.#slotOrPut(name))
    this.#putName('Channel', CHANNEL_SLOT)
    this.#putName('EventID', EVENT_ID_SLOT)
  }

  /** True when so much was learned that what is kept had better be exchanged. */
  get hasLearned(): boolean {
    if (this.#isFull || this.#changes > LEARNED_SHARE * this.#plans.length) return true
    return this.#takenUp > 0 && this.#keptBytes > (1 + GROWN_SHARE) * this.#takenUp
  }

  get #keptBytes(): number {
    return this.#memory.program.allocate(0) - this.#names
  }

  /** What `takeUp` takes; undefined where the next run had better learn anew, because most of the room is lost. */
  keep(): Buffer | undefined {
    // All was chosen here, so that it can be laid out without what was exchanged.
    if (this.#takenUp === 0 && this.#relaid > 0) return this.#layAnew().keep()
    if (this.#isFull || this.#relaid > this.#plans.length) return undefined
    const { bytes, program } = this.#memory
    const kept: Kept = {
      matcher: this.#matcher.keep(this.#plans.map(({ plan, bringing }) => ({ plan, bringing: bringing as Bringing }))),
      laid: this.#plans.map(({ laid }) => laid as LaidPlan),
      slots: [...this.#slots],
      kinds: this.#kindCount,
      epoch: program.epochNow() >>> 0,
      relaid: this.#relaid,
    }
    const head = Buffer.from(JSON.stringify(kept))
    const body = bytes.subarray(this.#names, this.#names + this.#keptBytes)
    const lengths = Buffer.alloc(HEAD_BYTES)
    lengths.writeUInt32LE(head.length)
    lengths.writeUInt32LE(checksum(head, body), 4)
    return Buffer.concat([lengths, head, body])
  }

  /** Another screen with the same kinds and plans. */
  #layAnew(): LineScreen {
    const other = new LineScreen(this.#matcher)
    for (const { plan } of this.#plans) other.#tryToLay(() => other.#numberOf(plan))
    const { bytes, words } = this.#memory
    for (let index = 0; index < 2 * SCREEN_KINDS_MAX; index++) {
      const at = this.#kinds / 4 + index * KIND_WORDS
      const [hash = 0, address = 0, length = 0, ...more] = words.subarray(at, at + KIND_WORDS)
      if (address === 0) continue
      const name = bytes.subarray(address, address + length)
      other.#tryToLay(() => other.#putKind(hash, other.#memory.putBytes(name), length, ...more))
    }
    return other
  }

  /** Goes on where another screen of the same rules and the same program was kept, before it looks at any line.
   * @returns false, and nothing is changed, where the bytes are not what was kept */
  takeUp(bytes: Buffer): boolean {
    if (bytes.length < HEAD_BYTES) return false
    const bodyAt = HEAD_BYTES + bytes.readUInt32LE(0)
    const head = bytes.subarray(HEAD_BYTES, bodyAt)
    const body = bytes.subarray(bodyAt)
    if (checksum(head, body) !== bytes.readUInt32LE(4)) return false
    const kept = JSON.parse(head.toString()) as Kept
    const { program } = this.#memory
    this.#memory.bytes.set(body, this.#names)
    program.takeUp(this.#names + body.length, kept.epoch)
    this.#takenUp = body.length
    for (const [name, slot] of kept.slots) this.#slots.set(name, slot)
    this.#kindCount = kept.kinds
    this.#relaid = kept.relaid
    for (const [number, plan] of this.#matcher.takeUp(kept.matcher).entries()) {
      const laid = kept.laid[number] as LaidPlan
      this.#plans.push({ plan, laid, bringing: plan.bringing })
      this.#numbers.set(plan, number)
    }
    return true
  }

  /** Where blocks may be read into, so that they need not be copied. */
  get space(): Buffer {
    return this.#memory.bytes.subarray(this.#block, this.#block + BLOCK_BYTES)
  }

  /** Visits the lines of a block.
   * @param block whole lines, the last with its newline too; at most `BLOCK_BYTES`
   * @returns how many lines there were, and how many of their events were looked at here */
  visit(block: Buffer, visitor: BlockVisitor): { readonly lines: number; readonly events: number } {
    const { bytes } = this.#memory
    if (block.buffer === bytes.buffer) return this.#visit(block.byteOffset, block.length, visitor)
    // What lies in `space` may be in use.
    bytes.set(block, this.#other)
    return this.#visit(this.#other, block.length, visitor)
  }

  #visit(start: number, length: number, visitor: BlockVisitor): { readonly lines: number; readonly events: number } {
    const { program, bytes, words } = this.#memory
    program.open(start, start + length)
    let events = 0
    for (;;) {
      const what = program.next()
      if (what === END) break
      const at = this.#result
      const line = (words[at + LINE] as number) - 1
      const from = words[at + LINE_START] as number
      const to = words[at + LINE_END] as number
      if (what === ODD) {
        visitor.odd(bytes.subarray(from, to), line)
        continue
      }
      this.#line.begin(from, to, words[at + MEMBERS] as number)
      let rules: readonly number[]
      if (what === UNKNOWN_KIND) {
        const event = this.#line.parse()
        this.#meet(event)
        rules = this.#matcher.match(event, {})
      } else {
        const { plan, bringing } = this.#plans[words[at + KIND] as number] as LaidOutPlan
        const count = words[at + FOUND] as number
        rules = this.#matcher.matchFound(this.#line, plan, words.subarray(this.#found, this.#found + count), bringing)
      }
      events++
      if (rules.length > 0) visitor.matched(this.#line.parse(), line, rules)
    }
    const lines = words[this.#result + LINE] as number
    events += words[this.#result + PASSED] as number
    this.#settle()
    return { lines, events }
  }

  /** Puts the kind of the event in hand among those that are known. */
  #meet(event: JsonObject): void {
    if (this.#isFull || this.#kindCount >= SCREEN_KINDS_MAX) return
    const plan = this.#matcher.windowsPlanOf(event)
    if (!plan) return
    const { bytes, words } = this.#memory
    const at = this.#result
    const channel = bytes.subarray(words[at + CHANNEL_AT], words[at + CHANNEL_END])
    const eventId = bytes.subarray(words[at + EVENT_ID_AT], words[at + EVENT_ID_END])
    const name = Buffer.concat([channel, eventId])
    const channelLength = channel.length
    this.#tryToLay(() => {
      const number = this.#numberOf(plan)
      const address = this.#memory.putBytes(name)
      const { program } = this.#memory
      const hash =
        program.hashOfKind(address, channelLength, address + channelLength, name.length - channelLength) >>> 0
      this.#putKind(hash, address, name.length, channelLength, number)
      this.#changes++
    })
  }

  #putKind(hash: number, ...values: readonly number[]): void {
    this.#putEntry(this.#kinds, KIND_WORDS, 2 * SCREEN_KINDS_MAX - 1, hash, values)
    this.#kindCount++
  }

  #numberOf(plan: Plan): number {
    const known = this.#numbers.get(plan)
    if (known !== undefined) return known
    const number = this.#plans.length
    this.#plans.push({ plan, laid: undefined })
    this.#numbers.set(plan, number)
    this.#lay(number)
    return number
  }

  #lay(number: number): void {
    const entry = this.#plans[number] as ScreenedPlan
    // Until it lies there, events of the kind are handed on.
    this.#memory.words[this.#plansAt / 4 + number] = 0
    const { index } = entry.plan
    entry.bringing = entry.plan.bringing
    this.#changes++
    if (entry.laid) this.#relaid++
    entry.laid = layPlan(index, this.#memory, (name) => this.#slotOf(name), this.#laid, this.#matcher.rarity)
    this.#memory.words[this.#plansAt / 4 + number] = entry.laid.address
  }

  /** Tells plans what was seen for them; those that then choose otherwise are laid out anew. */
  #settle(): void {
    for (const [number, { plan, laid, bringing }] of this.#plans.entries()) {
      if (!laid) continue
      const { words } = this.#memory
      const events = words[laid.address / 4] as number
      words[laid.address / 4] = 0
      plan.saw(events, () =>
        laid.fields.map(({ name, address }) => {
          const chars = words[address / 4] as number
          words[address / 4] = 0
          return [name, chars] as const
        }),
      )
      if (plan.bringing !== bringing) this.#tryToLay(() => this.#lay(number))
    }
  }

  /** Without room, what is not there yet is handed on from now on. */
  #tryToLay(lay: () => void): void {
    try {
      if (!this.#isFull) lay()
    } catch (failure) {
      if (!(failure instanceof RangeError)) throw failure
      this.#isFull = true
    }
  }

  #slotOf(name: string): number {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    if (this.#slots.size >= SCREEN_NAMES_MAX - FIRST_FIELD_SLOT)
      throw new RangeError('the line screen has no room for names')
    return this.#putName(name, FIRST_FIELD_SLOT + this.#slots.size)
  }

  /** A name that is put only now was not looked for in the line in hand. */
  #slotOrPut(name: string): number | undefined {
    const known = this.#slots.get(name)
    if (known === undefined) this.#tryToLay(() => this.#slotOf(name))
    return known
  }

  #putName(name: string, slot: number): number {
    const address = this.#memory.putBytes(Buffer.from(name))
    const length = Buffer.byteLength(name)
    const hash = this.#memory.program.hashOf(address, length) >>> 0
    this.#putEntry(this.#names, NAME_WORDS, 2 * SCREEN_NAMES_MAX - 1, hash, [address, length, slot])
    this.#slots.set(name, slot)
    return slot
  }

  /** Into the next free place of a table; a free one has 0 as its address. */
  #putEntry(table: number, size: number, mask: number, hash: number, values: readonly number[]): void {
    const { words } = this.#memory
    for (let index = hash & mask; ; index = (index + 1) & mask) {
      const at = table / 4 + index * size
      if (words[at + 1] !== 0) continue
      words.set([hash, ...values], at)
      return
    }
  }
}

/** Of both, and of where one ends. */
const checksum = (head: Buffer, body: Buffer): number => crc32(body, crc32(head, head.length))
