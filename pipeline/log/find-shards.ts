import { join } from 'node:path'
import type { ShardAddress } from '../types.ts'
import { addressOf, keyUnchecked, segmentBase, shardDir } from './address.ts'
import type { Disk } from './disk.ts'
import type { LogId } from './log-id.ts'
import { readSegmentHead, SEGMENT_HEAD_BYTES } from './segment-head.ts'

export interface FoundShard {
  readonly address: ShardAddress
  readonly key: string
  readonly dir: string
}

const DEPTH = 5
/** Directories looked into at a time. */
const AT_A_TIME = 16

/** Every shard that has a directory, in order of their keys. What is no shard's directory is left alone. */
export async function findShards(disk: Disk, dir: string): Promise<readonly FoundShard[]> {
  let level: string[][] = [[]]
  for (let depth = 0; depth < DEPTH; depth++) {
    const below = await inTurns(level, async (parts) =>
      (await disk.list(join(dir, ...parts))).filter((entry) => entry.directory).map((entry) => [...parts, entry.name]),
    )
    level = below.flat()
  }
  return level
    .flatMap((parts) => {
      const address = addressOf(parts)
      return address === undefined ? [] : [{ address, key: keyUnchecked(address), dir: shardDir(dir, parts.join('/')) }]
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** The log's id as its segments tell it: the first sound head's. `empty` when there is no segment at all. */
export async function logIdOfSegments(disk: Disk, shards: readonly FoundShard[]): Promise<LogId | 'empty' | undefined> {
  let empty = true
  for (const { dir } of shards) {
    for (const { name } of await disk.list(dir)) {
      if (segmentBase(name) === undefined) continue
      const file = await disk.open(join(dir, name), 'read')
      try {
        const bytes = Buffer.alloc(SEGMENT_HEAD_BYTES)
        const head = (await file.read(bytes, 0)) > 0 ? readSegmentHead(bytes) : 'empty'
        if (typeof head === 'object') return head.id
        if (head !== 'empty') empty = false
      } finally {
        await file.close()
      }
    }
  }
  return empty ? 'empty' : undefined
}

/** `work` for each item, a few at a time; results in order. */
export async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  const queue = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, items.length) }, worker))
  return results
}
