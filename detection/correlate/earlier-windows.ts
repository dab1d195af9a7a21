import { zstdDecompressSync } from 'node:zlib'
import { STATE_BYTES_MAX } from '../limits.ts'
import { readingState, splitParts } from '../online/shard-state.ts'
import { Window } from './window.ts'

/** Windows as the version before kept them: with the state of their shard, all at once. */
export type EarlierWindows = readonly {
  readonly id: string
  readonly fingerprint: string
  readonly windows: readonly Window[]
}[]

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

export function areEarlierWindows(bytes: Uint8Array): boolean {
  return ZSTD_MAGIC.equals(bytes.subarray(0, ZSTD_MAGIC.length))
}

/** Reads them from their columns: of each correlation the keys, how many entries each group has, and for all groups one
 * after the other arrival, last telling, and time and reference of each entry.
 * @throws detection.state.unreadable */
export function readEarlierWindows(bytes: Uint8Array): EarlierWindows {
  return readingState(() => {
    const { head, parts } = splitParts(zstdDecompressSync(bytes, { maxOutputLength: STATE_BYTES_MAX }))
    const json = (name: string) => JSON.parse(Buffer.from(parts.get(name) ?? []).toString('utf8'))
    return (head.tracks as readonly { id: string; fingerprint: string }[]).map((track, place) => {
      const keys: readonly string[] = json(`${place}.keys`)
      const sizes = new Uint32Array(aligned(parts.get(`${place}.sizes`)))
      const numbers = new Float64Array(aligned(parts.get(`${place}.numbers`)))
      const tags = parts.has(`${place}.tags`) && new Uint16Array(aligned(parts.get(`${place}.tags`)))
      const values = parts.has(`${place}.values`) && json(`${place}.values`)
      const windows: Window[] = []
      let at = 0
      let entry = 0
      for (const [group, key] of keys.entries()) {
        const size = sizes[group] as number
        const window = Window.of({
          arrivedAt: numbers[at] as number,
          toldAt: numbers[at + 1] as number,
          numbers: Array.from(numbers.subarray(at + 2, at + 2 + 2 * size)),
          tags: tags ? Array.from(tags.subarray(entry, entry + size)) : undefined,
          values: values ? values.slice(entry, entry + size) : undefined,
          left: 0,
          key,
        })
        windows.push(window)
        at += 2 + 2 * size
        entry += size
      }
      return { ...track, windows }
    })
  })
}

/** A copy that begins where numbers may. */
const aligned = (bytes: Uint8Array | undefined): ArrayBuffer => new Uint8Array(bytes ?? []).buffer
