import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { detectionError } from '../errors.ts'
import { STATE_BYTES_MAX } from '../limits.ts'
import type { StormState } from './storm-guard.ts'

/** What later findings of a shard depend on: a part for each watcher, by its name. */
export interface ShardState {
  readonly storm: StormState
  /** The offset below which every event was looked at. */
  readonly nextOffset: number
  readonly parts: ReadonlyMap<string, Uint8Array>
}

const VERSION = 3
const HEAD_LENGTH_BYTES = 4
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

export function joinStates({ storm, nextOffset, parts }: ShardState): Uint8Array {
  return joinParts({ version: VERSION, storm, nextOffset }, parts)
}

/** Undefined for a state that an earlier version wrote: its windows cannot be taken over.
 * @throws detection.state.unreadable when the bytes are no state at all */
export function splitStates(bytes: Uint8Array): ShardState | undefined {
  // The first version was one zstd frame.
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).subarray(0, 4).equals(ZSTD_MAGIC)) return undefined
  const { head, parts } = splitParts(bytes)
  if (typeof head.version === 'number' && head.version < VERSION) return undefined
  return readingState(() =>
    head.version === VERSION
      ? { storm: head.storm as StormState, nextOffset: head.nextOffset as number, parts }
      : undefined,
  )
}

/** Parts as bytes: the length of a head (u32, little endian), the head as JSON with the length of each part, the parts as
 * they are. */
export function joinParts(head: object, parts: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const lengths = [...parts].map(([name, { length }]) => [name, length])
  const text = Buffer.from(JSON.stringify({ ...head, parts: lengths }))
  const start = Buffer.alloc(HEAD_LENGTH_BYTES)
  start.writeUInt32LE(text.length)
  return Buffer.concat([start, text, ...parts.values()])
}

/** @throws detection.state.unreadable when the bytes are not what `joinParts` gave */
export function splitParts(bytes: Uint8Array): {
  readonly head: Readonly<Record<string, unknown>>
  readonly parts: ReadonlyMap<string, Uint8Array>
} {
  return readingState(() => {
    const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = HEAD_LENGTH_BYTES + from.readUInt32LE(0)
    const head = JSON.parse(from.toString('utf8', HEAD_LENGTH_BYTES, at))
    const parts = new Map<string, Uint8Array>()
    for (const [name, length] of head.parts as readonly [string, number][]) {
      parts.set(name, from.subarray(at, at + length))
      at += length
    }
    return at === from.length ? { head, parts } : undefined
  })
}

/** A watcher's part of the state as bytes: JSON under zstd. */
export function encodeState(state: object): Uint8Array {
  return zstdCompressSync(JSON.stringify(state), { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}

/** @param read makes of the JSON what was encoded, or gives undefined when it is something else
 * @throws detection.state.unreadable */
export function decodeState<State>(bytes: Uint8Array, read: (json: unknown) => State | undefined): State {
  return readingState(() =>
    read(JSON.parse(zstdDecompressSync(bytes, { maxOutputLength: STATE_BYTES_MAX }).toString('utf8'))),
  )
}

/** What `read` gives.   @throws detection.state.unreadable when it throws or gives undefined */
export function readingState<State>(read: () => State | undefined): State {
  let cause: unknown
  try {
    const state = read()
    if (state !== undefined) return state
  } catch (error) {
    cause = error
  }
  throw detectionError('detection.state.unreadable', 'the state of the detection of a shard cannot be read', { cause })
}
