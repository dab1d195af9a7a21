import type { JsonValue } from '../../../pipeline/index.ts'
import { Cursor, DamagedEvent } from './bytes.ts'

/** Kinds of values.   @see MS-EVEN6 2.2.14 (BinXml, value types) */
export const NULL = 0x00
export const STRING = 0x01
export const BIN_XML = 0x21
const ARRAY = 0x80

/** A value as it stands in a chunk. */
export interface RawValue {
  readonly type: number
  readonly at: number
  readonly length: number
}

/** A value as JSON has it, in the forms of Windows' own XML: numbers, `0x…`, `S-1-5-…`, times in UTC, bytes in hexadecimal.
 * Null where there is none.   @throws DamagedEvent */
export function readValue(bytes: Buffer, { type, at, length }: RawValue): JsonValue {
  if (type === NULL || length === 0) return null
  if ((type & ARRAY) !== 0) return readArray(bytes, type & ~ARRAY, at, length)
  const kind = kinds[type]
  if (!kind || (kind.size !== undefined && kind.size !== length && !kind.sizes?.includes(length))) {
    throw new DamagedEvent(`a value of ${length} bytes and type ${type}`)
  }
  return kind.read(bytes, at, length)
}

interface Kind {
  /** Bytes; absent where the value says. */
  readonly size?: number
  /** Other sizes that there are. */
  readonly sizes?: readonly number[]
  read(bytes: Buffer, at: number, length: number): JsonValue
}

const ANSI_STRING = 0x02

const kinds: { readonly [type: number]: Kind } = {
  [STRING]: { read: (bytes, at, length) => beforeZero(readText(bytes, STRING, at, length)) },
  [ANSI_STRING]: { read: (bytes, at, length) => beforeZero(readText(bytes, ANSI_STRING, at, length)) },
  3: { size: 1, read: (bytes, at) => bytes.readInt8(at) },
  4: { size: 1, read: (bytes, at) => bytes.readUInt8(at) },
  5: { size: 2, read: (bytes, at) => bytes.readInt16LE(at) },
  6: { size: 2, read: (bytes, at) => bytes.readUInt16LE(at) },
  7: { size: 4, read: (bytes, at) => bytes.readInt32LE(at) },
  8: { size: 4, read: (bytes, at) => bytes.readUInt32LE(at) },
  9: { size: 8, read: (bytes, at) => exact(bytes.readBigInt64LE(at)) },
  10: { size: 8, read: (bytes, at) => exact(bytes.readBigUInt64LE(at)) },
  11: { size: 4, read: (bytes, at) => finite(bytes.readFloatLE(at)) },
  12: { size: 8, read: (bytes, at) => finite(bytes.readDoubleLE(at)) },
  13: {
    size: 4,
    sizes: [1, 2, 8],
    read: (bytes, at, length) => bytes.subarray(at, at + length).some((byte) => byte !== 0),
  },
  14: { read: (bytes, at, length) => bytes.toString('hex', at, at + length).toUpperCase() },
  15: { size: 16, read: readGuid },
  16: { size: 8, sizes: [4], read: readPointer },
  17: { size: 8, read: (bytes, at) => timeOf(bytes.readBigUInt64LE(at)) },
  18: { size: 16, read: readSystemTime },
  19: { read: readSid },
  20: { size: 4, read: (bytes, at) => `0x${bytes.readUInt32LE(at).toString(16)}` },
  21: { size: 8, read: (bytes, at) => `0x${bytes.readBigUInt64LE(at).toString(16)}` },
}

const ansi = new TextDecoder('windows-1252')

function readArray(bytes: Buffer, type: number, at: number, length: number): JsonValue {
  if (type === STRING || type === ANSI_STRING) {
    const texts = readText(bytes, type, at, length).replace(/\0$/, '').split('\0')
    return texts.length === 1 ? (texts[0] as string) : texts
  }
  const size = kinds[type]?.size
  if (size === undefined || length % size !== 0) throw new DamagedEvent(`${length} bytes of type ${type} in an array`)
  const values: JsonValue[] = []
  for (let from = at; from < at + length; from += size) values.push(readValue(bytes, { type, at: from, length: size }))
  return values
}

function readText(bytes: Buffer, type: typeof STRING | typeof ANSI_STRING, at: number, length: number): string {
  return type === STRING ? bytes.toString('utf16le', at, at + length) : ansi.decode(bytes.subarray(at, at + length))
}

function beforeZero(text: string): string {
  const zero = text.indexOf('\0')
  return zero < 0 ? text : text.slice(0, zero)
}

/** A number where JSON's numbers hold it, else its digits. */
function exact(value: bigint): JsonValue {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

const finite = (value: number): JsonValue => (Number.isFinite(value) ? value : String(value))

function readPointer(bytes: Buffer, at: number, length: number): JsonValue {
  return `0x${length === 4 ? bytes.readUInt32LE(at).toString(16) : bytes.readBigUInt64LE(at).toString(16)}`
}

function readGuid(bytes: Buffer, at: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  const head = `${hex(bytes.readUInt32LE(at), 8)}-${hex(bytes.readUInt16LE(at + 4), 4)}-${hex(bytes.readUInt16LE(at + 6), 4)}`
  return `${head}-${bytes.toString('hex', at + 8, at + 10)}-${bytes.toString('hex', at + 10, at + 16)}`.toUpperCase()
}

/** @see MS-DTYP 2.4.2.1 (string format of SIDs) */
function readSid(bytes: Buffer, at: number, length: number): string {
  const cursor = new Cursor(bytes, at, at + length)
  const revision = cursor.u8()
  const count = cursor.u8()
  const authority = bytes.readUIntBE(cursor.skip(6), 6)
  const parts = Array.from({ length: count }, () => cursor.u32())
  return ['S', revision, authority, ...parts].join('-')
}

const TICKS_PER_MS = 10_000n
/** From 1601 to 1970, ms. */
const EPOCH_MS = 11_644_473_600_000n

/** A time of Windows, 100 ns since 1601, as RFC 3339 with six digits behind the second. */
function timeOf(ticks: bigint): string {
  const ms = Number(ticks / TICKS_PER_MS - EPOCH_MS)
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) throw new DamagedEvent('a time that no calendar has')
  const micros = String((ticks % TICKS_PER_MS) / 10n).padStart(3, '0')
  return date.toISOString().replace('Z', `${micros}Z`)
}

function readSystemTime(bytes: Buffer, at: number): JsonValue {
  const part = (place: number): number => bytes.readUInt16LE(at + 2 * place)
  const time = Date.UTC(part(0), part(1) - 1, part(3), part(4), part(5), part(6), part(7))
  return part(0) === 0 ? null : new Date(time).toISOString().replace('Z', '000Z')
}
