import { join } from 'node:path'
import { segmentBase, segmentName } from './address.ts'
import type { Disk } from './disk.ts'
import { readSegmentHead, SEGMENT_HEAD_BYTES } from './segment-head.ts'

/** Heads looked at to learn how old the records before them are. */
const HEADS_MAX = 4

/** A segment to drop, and whether a consumer still wanted it. */
interface Drop {
  readonly path: string
  readonly bytes: number
  readonly base: number
  readonly unread: boolean
}

/** The oldest segments of a shard that need not be kept: too old or too many bytes, and read by all; or, above the hard
 * maximum, unread too. The last segment always stays. */
export async function segmentsToDrop(
  disk: Disk,
  dir: string,
  rules: {
    /** Records received before this may go. */
    readonly receivedBefore: number
    readonly bytesMax: number
    readonly bytesHardMax: number
    /** Below it, every consumer has read. */
    readonly readBelow: number
  },
): Promise<readonly Drop[]> {
  const entries = await disk.list(dir)
  const bases = entries.flatMap((entry) => segmentBase(entry.name) ?? []).sort((a, b) => a - b)
  const sizes = await Promise.all(bases.map((base) => disk.sizeBytes(join(dir, segmentName(base)))))
  let left = sizes.reduce((sum, size) => sum + size, 0)
  const drops: Drop[] = []
  for (const [index, base] of bases.slice(0, -1).entries()) {
    const nextBase = bases[index + 1] ?? base
    const bytes = sizes[index] ?? 0
    const unread = nextBase > rules.readBelow
    const mustGo = left > rules.bytesHardMax
    if (!mustGo) {
      if (unread) break
      const later = bases.slice(index + 1, index + 1 + HEADS_MAX).map((laterBase) => join(dir, segmentName(laterBase)))
      if (left <= rules.bytesMax && !(await allReceivedBefore(disk, later, rules.receivedBefore))) break
    }
    drops.push({ path: join(dir, segmentName(base)), bytes, base, unread })
    left -= bytes
  }
  return drops
}

/** True when all records in front of the segments `later` were received before `instant`. The head of the first tells; the
 * next ones' too, where the first is damaged or was written while a clock ran ahead. */
async function allReceivedBefore(disk: Disk, later: readonly string[], instant: number): Promise<boolean> {
  if (instant === Number.NEGATIVE_INFINITY) return false
  for (const path of later) {
    const file = await disk.open(path, 'read')
    try {
      const bytes = Buffer.alloc(SEGMENT_HEAD_BYTES)
      await file.read(bytes, 0)
      const head = readSegmentHead(bytes)
      if (typeof head === 'object' && head.newestBefore < instant) return true
    } finally {
      await file.close()
    }
  }
  return false
}
