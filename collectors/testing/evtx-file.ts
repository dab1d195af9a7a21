import { crc32 } from 'node:zlib'

/** A value as an event log holds it. */
export interface EvtxValue {
  readonly type: number
  readonly bytes: Buffer
}

export interface EvtxEvent {
  readonly channel: string
  readonly eventId: number
  /** 100 ns since 1601. */
  readonly ticks: bigint
  /** Of EventData, in order; a name that is '' has none. */
  readonly data: readonly (readonly [name: string, value: EvtxValue])[]
}

export const text = (value: string): EvtxValue => ({ type: 0x01, bytes: Buffer.from(value, 'utf16le') })
export const none: EvtxValue = { type: 0, bytes: Buffer.alloc(0) }

const HEADER_BYTES = 4_096
const CHUNK_BYTES = 65_536
const RECORDS_AT = 0x200
const NO_DEPENDENCY = 0xffff

/** A Windows event log with these events, written as Windows writes one: names and templates stand where they are used first,
 * chunks are full before the next one begins. Events with the same names in the same order share a template.
 * @see libyal, Windows XML Event Log (EVTX) format; MS-EVEN6 2.2.12 */
export function writeEvtx(events: readonly EvtxEvent[], { template = templateOf } = {}): Buffer {
  const chunks: Chunk[] = []
  for (const [index, event] of events.entries()) {
    const last = chunks.at(-1)
    if (last?.add(index + 1, event, template)) continue
    const next = new Chunk()
    if (!next.add(index + 1, event, template)) throw new Error('the event has no room in a chunk')
    chunks.push(next)
  }
  const header = Buffer.alloc(HEADER_BYTES)
  header.write('ElfFile\0', 'latin1')
  header.writeBigUInt64LE(BigInt(Math.max(0, chunks.length - 1)), 16)
  header.writeBigUInt64LE(BigInt(events.length + 1), 24)
  header.writeUInt32LE(128, 32)
  header.writeUInt16LE(1, 36)
  header.writeUInt16LE(3, 38)
  header.writeUInt16LE(HEADER_BYTES, 40)
  header.writeUInt16LE(chunks.length, 42)
  header.writeUInt32LE(crc32(header.subarray(0, 120)), 124)
  return Buffer.concat([header, ...chunks.map((chunk) => chunk.finish())])
}

/** What is written of an element: pieces in order, a number being the place of a value. */
export interface TemplateElement {
  readonly name: string
  readonly attributes?: Readonly<Record<string, string | number>>
  readonly holds?: readonly (string | number | TemplateElement)[]
  readonly dependsOn?: number
}

/** Places: the channel, the event's id, its time, its number; then the data. */
function templateOf({ data }: EvtxEvent): TemplateElement {
  return {
    name: 'Event',
    attributes: { xmlns: 'http://schemas.microsoft.com/win/2004/08/events/event' },
    holds: [
      {
        name: 'System',
        holds: [
          { name: 'Provider', attributes: { Name: 'Test & "Provider"' } },
          { name: 'EventID', holds: [1] },
          { name: 'TimeCreated', attributes: { SystemTime: 2 } },
          { name: 'EventRecordID', holds: [3] },
          { name: 'Channel', holds: [0] },
          { name: 'Computer', holds: ['host-7'] },
          { name: 'Security' },
        ],
      },
      {
        name: 'EventData',
        holds: data.map(([name], at) => ({
          name: 'Data',
          ...(name === '' ? {} : { attributes: { Name: name } }),
          holds: [4 + at],
        })),
      },
    ],
  }
}

const entities: ReadonlyMap<string, string> = new Map([
  ['&', 'amp'],
  ['<', 'lt'],
  ['>', 'gt'],
  ['"', 'quot'],
])

class Chunk {
  readonly #bytes = Buffer.alloc(CHUNK_BYTES)
  #end = RECORDS_AT
  #names = new Map<string, number>()
  #templates = new Map<string, number>()
  #first = 0
  #last = 0
  #lastAt = 0

  /** @returns false, and nothing is changed, without room */
  add(number: number, event: EvtxEvent, templateFor: (event: EvtxEvent) => TemplateElement): boolean {
    const before = { end: this.#end, names: new Map(this.#names), templates: new Map(this.#templates) }
    try {
      this.#record(number, event, templateFor(event))
    } catch (failure) {
      if (!(failure instanceof RangeError)) throw failure
      this.#bytes.fill(0, before.end)
      this.#end = before.end
      this.#names = before.names
      this.#templates = before.templates
      return false
    }
    if (this.#first === 0) this.#first = number
    this.#last = number
    this.#lastAt = before.end
    return true
  }

  finish(): Buffer {
    const bytes = this.#bytes
    bytes.write('ElfChnk\0', 'latin1')
    for (const [at, number] of [this.#first, this.#last, this.#first, this.#last].entries())
      bytes.writeBigUInt64LE(BigInt(number), 8 + 8 * at)
    bytes.writeUInt32LE(128, 40)
    bytes.writeUInt32LE(this.#lastAt, 44)
    bytes.writeUInt32LE(this.#end, 48)
    bytes.writeUInt32LE(crc32(bytes.subarray(RECORDS_AT, this.#end)), 52)
    bytes.writeUInt32LE(crc32(bytes.subarray(128, RECORDS_AT), crc32(bytes.subarray(0, 120))), 124)
    return bytes
  }

  #record(number: number, event: EvtxEvent, template: TemplateElement): void {
    const start = this.#end
    this.#u32(0x2a2a)
    this.#u32(0)
    this.#u64(BigInt(number))
    this.#u64(event.ticks)
    this.#put(Buffer.from([0x0f, 1, 1, 0]))
    this.#instance(template, [
      text(event.channel),
      { type: 0x06, bytes: word(event.eventId, 2) },
      { type: 0x11, bytes: long(event.ticks) },
      { type: 0x0a, bytes: long(BigInt(number)) },
      ...event.data.map(([, value]) => value),
    ])
    this.#u8(0)
    const length = this.#end + 4 - start
    this.#u32(length)
    this.#bytes.writeUInt32LE(length, start + 4)
  }

  #instance(template: TemplateElement, values: readonly EvtxValue[]): void {
    const key = JSON.stringify(template)
    this.#u8(0x0c)
    this.#u8(1)
    this.#u32(crc32(key))
    const known = this.#templates.get(key)
    const at = known ?? this.#end + 4
    this.#u32(at)
    if (known === undefined) {
      this.#templates.set(key, at)
      this.#put(Buffer.alloc(4))
      this.#put(Buffer.from(crc32(key).toString(16).padStart(16, '0'), 'latin1'))
      this.#sized(() => {
        this.#put(Buffer.from([0x0f, 1, 1, 0]))
        this.#element(template)
        this.#u8(0)
      })
    }
    this.#u32(values.length)
    for (const { type, bytes } of values) this.#put(Buffer.concat([word(bytes.length, 2), Buffer.from([type, 0])]))
    for (const { bytes } of values) this.#put(bytes)
  }

  #element({ name, attributes = {}, holds = [], dependsOn = NO_DEPENDENCY }: TemplateElement): void {
    const named = Object.entries(attributes)
    this.#u8(named.length > 0 ? 0x41 : 0x01)
    this.#put(word(dependsOn, 2))
    this.#sized(() => {
      this.#name(name)
      if (named.length > 0) {
        this.#sized(() => {
          for (const [at, [key, value]] of named.entries()) {
            this.#u8(at < named.length - 1 ? 0x46 : 0x06)
            this.#name(key)
            this.#piece(value)
          }
        })
      }
      if (holds.length === 0) {
        this.#u8(0x03)
        return
      }
      this.#u8(0x02)
      for (const piece of holds)
        if (typeof piece === 'object') this.#element(piece)
        else this.#piece(piece)
      this.#u8(0x04)
    })
  }

  /** A place, or a text with what XML writes otherwise as entities. */
  #piece(piece: string | number): void {
    if (typeof piece === 'number') {
      this.#u8(0x0e)
      this.#put(word(piece, 2))
      this.#u8(0)
      return
    }
    for (const part of piece.split(/([&<>"])/)) {
      if (part === '') continue
      const entity = entities.get(part)
      if (entity) {
        this.#u8(0x09)
        this.#name(entity)
      } else {
        this.#put(Buffer.from([0x05, 0x01]))
        this.#put(word(part.length, 2))
        this.#put(Buffer.from(part, 'utf16le'))
      }
    }
  }

  #name(name: string): void {
    const known = this.#names.get(name)
    const at = known ?? this.#end + 4
    this.#u32(at)
    if (known !== undefined) return
    this.#names.set(name, at)
    let hash = 0
    for (const unit of Buffer.from(name, 'utf16le').toString('utf16le'))
      hash = (Math.imul(hash, 65_599) + unit.charCodeAt(0)) >>> 0
    this.#u32(0)
    this.#put(word(hash & 0xffff, 2))
    this.#put(word(name.length, 2))
    this.#put(Buffer.from(`${name}\0`, 'utf16le'))
  }

  /** What is written, with its length before it. */
  #sized(write: () => void): void {
    const at = this.#end
    this.#u32(0)
    write()
    this.#bytes.writeUInt32LE(this.#end - at - 4, at)
  }

  #u8(value: number): void {
    this.#put(Buffer.from([value]))
  }

  #u32(value: number): void {
    this.#put(word(value, 4))
  }

  #u64(value: bigint): void {
    this.#put(long(value))
  }

  #put(bytes: Buffer): void {
    if (this.#end + bytes.length > CHUNK_BYTES) throw new RangeError('the chunk is full')
    bytes.copy(this.#bytes, this.#end)
    this.#end += bytes.length
  }
}

export function word(value: number, size: 1 | 2 | 4): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntLE(value, 0, size)
  return bytes
}

export function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
  return bytes
}
