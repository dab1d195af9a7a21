import { randomFillSync } from 'node:crypto'
import { assert } from '../../platform/index.ts'
import { type ExactType, indicatorTypes, type LiveIndicator, type LiveOpinion, tlps } from '../types.ts'
import { hashText, SuffixHashes } from './keyed-hash.ts'
import { buildNetworkTable, findNetworks, type NetworkTable } from './network-table.ts'

/** Indicators in typed arrays over shared memory: threads get it without a copy, and it never changes. */
export interface MatchSetData {
  readonly keys: readonly [number, number]
  readonly sources: readonly string[]
  /** Open addressing: pairs of a print of the hash and the number of the value + 1; 0 = free. */
  readonly table: Uint32Array
  /** Two bits of one word for each value: small enough to stay near the processor, so that most of what is not there costs
   * no look into the table.   @see docs/decisions/0017 */
  readonly filter: Uint32Array
  /** Text of the values; hashes packed to bytes. */
  readonly arena: Uint8Array
  /** Where the text of each value begins; one more for the end. */
  readonly valueAt: Uint32Array
  /** Place in `indicatorTypes`. */
  readonly types: Uint8Array
  /** The first opinion on each value; one more for the end. */
  readonly opinionAt: Uint32Array
  readonly validFrom: Float64Array
  readonly expiresAt: Float64Array
  readonly lastSeen: Float64Array
  readonly confidence: Uint8Array
  readonly tlp: Uint8Array
  readonly source: Uint16Array
  readonly networks: { readonly v4: NetworkTable; readonly v6: NetworkTable }
  /** Some URLs stand for every scheme. */
  readonly hasBareUrls: boolean
}

/** Entries of the table a value: more is memory, fewer is longer searches. */
const SLOTS_PER_VALUE = 1.4
/** Values a word of the filter. */
const VALUES_PER_WORD = 4
const SOURCES_MAX = 65_535
const PACKED = new Set<ExactType>(['md5', 'sha1', 'sha256', 'sha512', 'ja3'])
const TAGS = Object.fromEntries(indicatorTypes.map((type, index) => [type, index])) as Record<ExactType, number>
const IS_PACKED = Uint8Array.from(indicatorTypes, (type) => (PACKED.has(type as ExactType) ? 1 : 0))

/** Collects indicators, each value once, into a set. */
export class MatchSetBuilder {
  readonly #keys: readonly [number, number]
  readonly #sources = new Map<string, number>()
  #table: Uint32Array
  #filter: Uint32Array
  #slots: Uint32Array
  #arena: Uint8Array
  #valueAt: Uint32Array
  #types: Uint8Array
  #opinionAt: Uint32Array
  #validFrom: Float64Array
  #expiresAt: Float64Array
  #lastSeen: Float64Array
  #confidence: Uint8Array
  #tlp: Uint8Array
  #source: Uint16Array
  readonly #networks: number[] = []
  #values = 0
  #opinions = 0
  #bytes = 0
  #hasBareUrls = false

  /** @param expected how much will come; more may */
  constructor(expected: { readonly values: number; readonly opinions: number; readonly bytes: number }) {
    const [first = 0, second = 0] = randomFillSync(new Uint32Array(2))
    this.#keys = [first, second]
    const values = Math.max(16, expected.values)
    const opinions = Math.max(16, expected.opinions)
    this.#table = shared(Uint32Array, 2 * tableSize(values))
    this.#filter = shared(Uint32Array, filterSize(values))
    this.#slots = new Uint32Array(values)
    this.#arena = shared(Uint8Array, Math.max(256, expected.bytes))
    this.#valueAt = shared(Uint32Array, values + 1)
    this.#types = shared(Uint8Array, values)
    this.#opinionAt = shared(Uint32Array, values + 1)
    this.#validFrom = shared(Float64Array, opinions)
    this.#expiresAt = shared(Float64Array, opinions)
    this.#lastSeen = shared(Float64Array, opinions)
    this.#confidence = shared(Uint8Array, opinions)
    this.#tlp = shared(Uint8Array, opinions)
    this.#source = shared(Uint16Array, opinions)
  }

  get size(): number {
    return this.#values
  }

  add({ type, value, opinions }: LiveIndicator): void {
    assert(type !== 'pattern', 'a matching set holds values')
    this.#makeRoom(value.length, opinions.length)
    const number = this.#values++
    const tag = TAGS[type]
    this.#types[number] = tag
    this.#bytes += IS_PACKED[tag] === 1 ? pack(value, this.#arena, this.#bytes) : write(value, this.#arena, this.#bytes)
    this.#valueAt[number + 1] = this.#bytes
    for (const opinion of opinions) this.#addOpinion(opinion)
    this.#opinionAt[number + 1] = this.#opinions
    if (type === 'url' && value.startsWith('//')) this.#hasBareUrls = true
    if (type === 'network') this.#networks.push(number)
    hashText(value, tag, this.#keys, false, scratch)
    const slot = scratch.slots[0] ?? 0
    this.#slots[number] = slot
    insert(this.#table, slot, scratch.prints[0] ?? 0, number)
    note(this.#filter, slot, scratch.prints[0] ?? 0)
  }

  finish(): MatchSetData {
    const values = this.#values
    const opinions = this.#opinions
    return {
      keys: this.#keys,
      sources: [...this.#sources.keys()],
      table: this.#table,
      filter: this.#filter,
      arena: this.#arena.subarray(0, this.#bytes),
      valueAt: this.#valueAt.subarray(0, values + 1),
      types: this.#types.subarray(0, values),
      opinionAt: this.#opinionAt.subarray(0, values + 1),
      validFrom: this.#validFrom.subarray(0, opinions),
      expiresAt: this.#expiresAt.subarray(0, opinions),
      lastSeen: this.#lastSeen.subarray(0, opinions),
      confidence: this.#confidence.subarray(0, opinions),
      tlp: this.#tlp.subarray(0, opinions),
      source: this.#source.subarray(0, opinions),
      networks: buildNetworkTable(this.#networks, (number) => textAt(this.#arena, this.#valueAt, number)),
      hasBareUrls: this.#hasBareUrls,
    }
  }

  #addOpinion({ source, confidence, tlp, validFrom, expiresAt, lastSeen }: LiveOpinion): void {
    const at = this.#opinions++
    let number = this.#sources.get(source)
    if (number === undefined) {
      number = this.#sources.size
      assert(number < SOURCES_MAX, `a matching set has at most ${SOURCES_MAX} sources`)
      this.#sources.set(source, number)
    }
    this.#source[at] = number
    this.#confidence[at] = confidence
    this.#tlp[at] = tlps.indexOf(tlp)
    this.#validFrom[at] = validFrom
    this.#expiresAt[at] = expiresAt
    this.#lastSeen[at] = lastSeen
  }

  #makeRoom(chars: number, opinions: number): void {
    if (this.#values >= this.#types.length) this.#growValues()
    if (this.#bytes + chars > this.#arena.length) {
      this.#arena = grown(this.#arena, Math.max(this.#bytes + chars, this.#arena.length * 1.25))
    }
    while (this.#opinions + opinions > this.#confidence.length) {
      const length = Math.ceil(this.#confidence.length * 1.25) + opinions
      this.#validFrom = grown(this.#validFrom, length)
      this.#expiresAt = grown(this.#expiresAt, length)
      this.#lastSeen = grown(this.#lastSeen, length)
      this.#confidence = grown(this.#confidence, length)
      this.#tlp = grown(this.#tlp, length)
      this.#source = grown(this.#source, length)
    }
  }

  #growValues(): void {
    const length = Math.ceil(this.#types.length * 1.25) + 16
    this.#types = grown(this.#types, length)
    this.#valueAt = grown(this.#valueAt, length + 1)
    this.#opinionAt = grown(this.#opinionAt, length + 1)
    const slots = new Uint32Array(length)
    slots.set(this.#slots)
    this.#slots = slots
    const size = tableSize(length)
    if (size * 2 <= this.#table.length) return
    const old = this.#table
    this.#table = shared(Uint32Array, 2 * size)
    this.#filter = shared(Uint32Array, filterSize(length))
    for (let at = 0; at < old.length; at += 2) {
      const number = (old[at + 1] ?? 0) - 1
      if (number < 0) continue
      insert(this.#table, this.#slots[number] ?? 0, old[at] ?? 0, number)
      note(this.#filter, this.#slots[number] ?? 0, old[at] ?? 0)
    }
  }
}

/** Looks values up in a set. Every answer is compared with the value itself: a hash alone is no match. */
export class MatchSet {
  readonly #data: MatchSetData
  readonly #mask: number
  readonly #filterShift: number

  constructor(data: MatchSetData) {
    this.#data = data
    this.#mask = data.table.length / 2 - 1
    this.#filterShift = shiftOf(data.filter)
  }

  get size(): number {
    return this.#data.types.length
  }

  get hasBareUrls(): boolean {
    return this.#data.hasBareUrls
  }

  /** The number of an indicator of exactly this value, or -1. */
  find(type: ExactType, value: string): number {
    const tag = TAGS[type]
    hashText(value, tag, this.#data.keys, false, scratch)
    return this.#probe(tag, value, 0, scratch.slots[0] ?? 0, scratch.prints[0] ?? 0)
  }

  /** The numbers of indicators of a domain and of those above it, the nearest last. */
  findDomains(domain: string, found: number[]): void {
    hashText(domain, TAGS.domain, this.#data.keys, true, scratch)
    const { starts, slots, prints, count } = scratch
    for (let index = 0; index < count; index++) {
      const number = this.#probe(TAGS.domain, domain, starts[index] ?? 0, slots[index] ?? 0, prints[index] ?? 0)
      if (number >= 0) found.push(number)
    }
  }

  /** The numbers of networks that an address lies in, the smallest first. */
  findNetworks(words: readonly number[], found: number[]): void {
    const { v4, v6 } = this.#data.networks
    findNetworks(words.length === 1 ? v4 : v6, words, found)
  }

  valueOf(number: number): string {
    const { arena, valueAt, types } = this.#data
    return textAt(arena, valueAt, number, IS_PACKED[types[number] ?? 0] === 1 ? 'hex' : 'latin1')
  }

  /** What its sources say that holds at this instant. */
  opinionsOf(number: number, at: number): LiveOpinion[] {
    const { opinionAt, validFrom, expiresAt, lastSeen, confidence, tlp, source, sources } = this.#data
    const opinions: LiveOpinion[] = []
    for (let index = opinionAt[number] ?? 0; index < (opinionAt[number + 1] ?? 0); index++) {
      const from = validFrom[index] ?? 0
      const until = expiresAt[index] ?? 0
      if (at < from || at >= until) continue
      opinions.push({
        source: sources[source[index] ?? 0] ?? '',
        confidence: confidence[index] ?? 0,
        tlp: tlps[tlp[index] ?? 0] ?? 'red',
        validFrom: from,
        expiresAt: until,
        lastSeen: lastSeen[index] ?? 0,
      })
    }
    return opinions
  }

  #probe(tag: number, text: string, start: number, slot: number, print: number): number {
    const { table, types, filter } = this.#data
    const bits = bitsOf(print)
    if (((filter[slot >>> this.#filterShift] ?? 0) & bits) !== bits) return -1
    for (let at = slot & this.#mask; ; at = (at + 1) & this.#mask) {
      const number = (table[2 * at + 1] ?? 0) - 1
      if (number < 0) return -1
      if (table[2 * at] === print && types[number] === tag && this.#holds(number, text, start)) return number
    }
  }

  #holds(number: number, text: string, start: number): boolean {
    const { arena, valueAt, types } = this.#data
    let at = valueAt[number] ?? 0
    if (IS_PACKED[types[number] ?? 0] === 1) {
      if (2 * lengthOf(valueAt, number) !== text.length) return false
      for (let index = 0; index < text.length; index += 2, at++) {
        if (arena[at] !== packedByte(text, index)) return false
      }
      return true
    }
    if (lengthOf(valueAt, number) !== text.length - start) return false
    for (let index = start; index < text.length; index++, at++) if (arena[at] !== text.charCodeAt(index)) return false
    return true
  }
}

const scratch = new SuffixHashes()

function lengthOf(valueAt: Uint32Array, number: number): number {
  return (valueAt[number + 1] ?? 0) - (valueAt[number] ?? 0)
}

function textAt(arena: Uint8Array, valueAt: Uint32Array, number: number, form: 'hex' | 'latin1' = 'latin1'): string {
  const at = arena.byteOffset + (valueAt[number] ?? 0)
  return Buffer.from(arena.buffer, at, lengthOf(valueAt, number)).toString(form)
}

function tableSize(values: number): number {
  return 2 ** Math.ceil(Math.log2(values * SLOTS_PER_VALUE))
}

/** Words, at least two, so that a shift by all bits does not come up. */
function filterSize(values: number): number {
  return Math.max(2, 2 ** Math.ceil(Math.log2(values / VALUES_PER_WORD)))
}

function shiftOf(filter: Uint32Array): number {
  return 32 - Math.log2(filter.length)
}

function bitsOf(print: number): number {
  return (1 << (print & 31)) | (1 << ((print >>> 5) & 31))
}

function note(filter: Uint32Array, slot: number, print: number): void {
  const at = slot >>> shiftOf(filter)
  filter[at] = (filter[at] ?? 0) | bitsOf(print)
}

function insert(table: Uint32Array, slot: number, print: number, number: number): void {
  const mask = table.length / 2 - 1
  let at = slot & mask
  while (table[2 * at + 1] !== 0) at = (at + 1) & mask
  table[2 * at] = print
  table[2 * at + 1] = number + 1
}

/** @returns how many bytes it took */
function write(text: string, into: Uint8Array, at: number): number {
  for (let index = 0; index < text.length; index++) into[at + index] = text.charCodeAt(index)
  return text.length
}

function pack(hex: string, into: Uint8Array, at: number): number {
  for (let index = 0; index < hex.length; index += 2) into[at + index / 2] = packedByte(hex, index)
  return hex.length / 2
}

function packedByte(hex: string, at: number): number {
  return (digit(hex.charCodeAt(at)) << 4) | digit(hex.charCodeAt(at + 1))
}

function digit(char: number): number {
  return char < 58 ? char - 48 : char - 87
}

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array
interface ColumnKind<T extends Column> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: SharedArrayBuffer): T
}

function shared<T extends Column>(Kind: ColumnKind<T>, length: number): T {
  return new Kind(new SharedArrayBuffer(Math.ceil(length) * Kind.BYTES_PER_ELEMENT))
}

function grown<T extends Column>(column: T, length: number): T {
  const next = shared(column.constructor as ColumnKind<T>, length)
  next.set(column as never)
  return next
}
