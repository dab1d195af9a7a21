import { join } from 'node:path'
import type { LogGap, ReadBatch } from '../types.ts'
import { segmentBase, segmentName, shardDir } from './address.ts'
import type { LogCounters } from './counters.ts'
import { type Disk, errorCode } from './disk.ts'
import { logError } from './errors.ts'
import type { FrameKey } from './frame.ts'
import type { LogMessages } from './messages.ts'
import { OpenFiles } from './open-files.ts'
import { readSegmentHead, SEGMENT_HEAD_BYTES } from './segment-head.ts'
import { Harvest, type Place, readSegment } from './segment-read.ts'

/** Shards whose places are remembered; reading one more starts its walk anew. */
const SHARDS_MAX = 20_000
/** Places kept of a segment, besides the last ones read: a jump into it walks at most this far. */
const PLACE_EACH_BYTES = 256 * 1024
const SEGMENTS_MAX = 32
/** Readers of one shard that each go on where they were. */
const RECENT_MAX = 4
/** Retention may take a segment away while it is looked for. */
const TRIES_MAX = 5
const TOLD_MAX = 1_000

interface KnownShard {
  readonly dir: string
  /** Base offsets, ascending. */
  bases: readonly number[]
  /** INVARIANT (currentList): the durable end that the list is good for: segments made later begin at or above it. */
  listedEnd: number
  readonly segments: Map<number, Place[]>
  readonly recent: { readonly base: number; readonly place: Place }[]
}

/** Reads shards from their segment files, and nothing else: it can run in any thread, beside the writer. */
export class SegmentReader {
  readonly #disk: Disk
  readonly #dir: string
  readonly #key: FrameKey
  readonly #files: OpenFiles
  readonly #counters: LogCounters
  readonly #messages: LogMessages
  readonly #shards = new Map<string, KnownShard>()
  readonly #told = new Set<string>()

  constructor(options: {
    readonly disk: Disk
    readonly dir: string
    readonly key: FrameKey
    readonly filesMax: number
    readonly counters: LogCounters
    readonly messages: LogMessages
  }) {
    this.#disk = options.disk
    this.#dir = options.dir
    this.#key = options.key
    this.#files = new OpenFiles(options.filesMax, (path) => this.#disk.open(path, 'read'))
    this.#counters = options.counters
    this.#messages = options.messages
  }

  /** @param range `end` is the shard's durable end, or any earlier one: nothing from there on is looked at */
  async read(
    shard: string,
    range: { readonly fromOffset: number; readonly bytesMax: number; readonly end: number },
  ): Promise<ReadBatch> {
    const harvest = new Harvest(range.bytesMax)
    const known = this.#known(shard)
    let offset = range.fromOffset
    for (let tries = 0; offset < range.end && !harvest.full; ) {
      const at = await this.#locate(known, offset, range.end)
      if (at === undefined) {
        harvest.gaps.push({
          fromOffset: offset,
          toOffset: range.end,
          file: known.dir,
          position: 0,
          reason: 'there is no segment file',
        })
        offset = range.end
        break
      }
      offset = Math.max(offset, at.base)
      if (offset >= range.end) break
      try {
        offset = await this.#readSegment(known, at, { fromOffset: offset, end: range.end }, harvest)
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || ++tries > TRIES_MAX) throw error
        known.bases = []
      }
    }
    this.#counters.readRecords += harvest.records.length
    this.#counters.readBytes += harvest.bytes
    for (const gap of harvest.gaps) this.#tell(gap)
    return { records: harvest.records, nextOffset: offset, gaps: harvest.gaps }
  }

  /** Forgets what it knows of a shard whose segment was dropped. */
  async forget(shard: string, path: string): Promise<void> {
    this.#shards.delete(shard)
    await this.#files.forget(path)
  }

  close(): Promise<void> {
    return this.#files.closeAll()
  }

  async #readSegment(
    known: KnownShard,
    at: { readonly base: number; readonly nextBase: number | undefined },
    range: { readonly fromOffset: number; readonly end: number },
    harvest: Harvest,
  ): Promise<number> {
    const path = join(known.dir, segmentName(at.base))
    return await this.#files.with(path, async (file) => {
      const places = known.segments.get(at.base) ?? []
      if (places.length === 0) {
        const head = Buffer.alloc(SEGMENT_HEAD_BYTES)
        await file.read(head, 0)
        if (readSegmentHead(head) === 'newer') throw newerVersion(path)
        places.push({ position: SEGMENT_HEAD_BYTES, offset: at.base })
        this.#keepSegment(known, at.base, places)
      }
      const start = nearest(
        [...places, ...known.recent.filter((r) => r.base === at.base).map((r) => r.place)],
        range.fromOffset,
      )
      let lastPosition = places.at(-1)?.position ?? 0
      const result = await readSegment(
        file,
        this.#key,
        { path, start, fromOffset: range.fromOffset, toOffset: Math.min(range.end, at.nextBase ?? range.end) },
        harvest,
        (place) => {
          if (place.position < lastPosition + PLACE_EACH_BYTES) return
          places.push(place)
          lastPosition = place.position
        },
      )
      known.recent.unshift({ base: at.base, place: result.place })
      if (known.recent.length > RECENT_MAX) known.recent.pop()
      return result.nextOffset
    })
  }

  /** The segment that holds `offset`, or the first above it. */
  async #locate(
    known: KnownShard,
    offset: number,
    end: number,
  ): Promise<{ readonly base: number; readonly nextBase: number | undefined } | undefined> {
    let index = indexOf(known.bases, offset)
    // The last segment of an old list may have successors by now.
    if (index < 0 || (index === known.bases.length - 1 && known.listedEnd < end)) {
      const entries = await this.#disk.list(known.dir)
      known.bases = entries.flatMap((entry) => segmentBase(entry.name) ?? []).sort((a, b) => a - b)
      known.listedEnd = end
      index = Math.max(0, indexOf(known.bases, offset))
    }
    const base = known.bases[index]
    return base === undefined ? undefined : { base, nextBase: known.bases[index + 1] }
  }

  #known(shard: string): KnownShard {
    const known = this.#shards.get(shard) ?? {
      dir: shardDir(this.#dir, shard),
      bases: [],
      listedEnd: -1,
      segments: new Map(),
      recent: [],
    }
    this.#shards.delete(shard)
    this.#shards.set(shard, known)
    const oldest = this.#shards.size > SHARDS_MAX ? this.#shards.keys().next().value : undefined
    if (oldest !== undefined) this.#shards.delete(oldest)
    return known
  }

  #keepSegment(known: KnownShard, base: number, places: Place[]): void {
    known.segments.set(base, places)
    const oldest = known.segments.size > SEGMENTS_MAX ? known.segments.keys().next().value : undefined
    if (oldest !== undefined) known.segments.delete(oldest)
  }

  /** Damage is told once, however often it is read over. */
  #tell(gap: LogGap): void {
    this.#counters.gaps += 1
    const name = `${gap.file}:${gap.position}`
    if (this.#told.has(name) || this.#told.size >= TOLD_MAX) return
    this.#told.add(name)
    this.#messages.error({ ...gap }, 'records of the log cannot be read')
  }
}

export function newerVersion(path: string): Error {
  return logError(
    'pipeline.log.unreadable',
    `\`${path}\` was written by a newer version of Rampart; start that version, or move the file away`,
  )
}

/** Index of the last base at or below `offset`; -1 when all are above. */
function indexOf(bases: readonly number[], offset: number): number {
  let low = 0
  let high = bases.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((bases[middle] ?? 0) <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

function nearest(places: readonly Place[], offset: number): Place {
  let best = places[0] ?? { position: SEGMENT_HEAD_BYTES, offset: 0 }
  for (const place of places) if (place.offset <= offset && place.offset > best.offset) best = place
  return best
}
