import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { STATE_BYTES_MAX } from '../limits.ts'
import { joinParts, readingState, splitParts } from '../online/shard-state.ts'
import type { EntryValue } from './measure.ts'

/** The windows of a correlator as they are kept over a restart: columns, since there may be a million. */
export type CorrelatorState = readonly TrackState[]

/** The windows of one correlation. */
export interface TrackState {
  readonly id: string
  /** Of the correlation's definition: windows of another one mean nothing. */
  readonly fingerprint: string
  /** Of each group. */
  readonly keys: readonly string[]
  /** Entries of each group. */
  readonly sizes: Uint32Array
  /** The numbers of each window, one after another: two of its own, and two of each entry. */
  readonly numbers: Float64Array
  /** Of each entry, where the correlation needs them. */
  readonly tags: Uint16Array | undefined
  readonly values: readonly EntryValue[] | undefined
}

/** The windows as bytes; undefined when there are none. */
export function encodeWindows(state: CorrelatorState): Uint8Array | undefined {
  const tracks = state.filter(({ keys }) => keys.length > 0)
  if (tracks.length === 0) return undefined
  const parts = new Map<string, Uint8Array>()
  for (const [place, { keys, sizes, numbers, tags, values }] of tracks.entries()) {
    parts.set(`${place}.keys`, Buffer.from(JSON.stringify(keys)))
    parts.set(`${place}.sizes`, bytesOf(sizes))
    parts.set(`${place}.numbers`, bytesOf(numbers))
    if (tags) parts.set(`${place}.tags`, bytesOf(tags))
    if (values) parts.set(`${place}.values`, Buffer.from(JSON.stringify(values)))
  }
  const head = { tracks: tracks.map(({ id, fingerprint }) => ({ id, fingerprint })) }
  return zstdCompressSync(joinParts(head, parts), { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}

/** @throws detection.state.unreadable when the bytes are not what `encodeWindows` gave */
export function decodeWindows(bytes: Uint8Array): CorrelatorState {
  return readingState(() => {
    const { head, parts } = splitParts(zstdDecompressSync(bytes, { maxOutputLength: STATE_BYTES_MAX }))
    const json = (name: string) => JSON.parse(Buffer.from(parts.get(name) ?? []).toString('utf8'))
    return (head.tracks as readonly Pick<TrackState, 'id' | 'fingerprint'>[]).map((track, place) => {
      const column = (name: string) => parts.get(`${place}.${name}`)
      const tags = column('tags')
      return {
        ...track,
        keys: json(`${place}.keys`),
        sizes: new Uint32Array(aligned(column('sizes'))),
        numbers: new Float64Array(aligned(column('numbers'))),
        tags: tags && new Uint16Array(aligned(tags)),
        values: column('values') && json(`${place}.values`),
      }
    })
  })
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** A copy that begins where numbers may. */
const aligned = (bytes: Uint8Array | undefined): ArrayBuffer => new Uint8Array(bytes ?? []).buffer
