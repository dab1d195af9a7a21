import { join } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import type { Disk } from './disk.ts'

/** What is remembered of a shard beside its records. It may be older than the records, never newer: it is written after
 * what it tells of is durable. */
export interface ShardState {
  /** Recovery starts here: the last segment, and a position in it below which all was durable. */
  readonly segmentBase: number
  readonly position: number
  /** The offset of the frame at `position`. */
  readonly offset: number
  readonly newestAt: number
  readonly consumers: ReadonlyMap<string, number>
}

const FILE = 'state.json'

/** The state file of a shard; undefined when there is none, or it is damaged: a power cut may leave either, and recovery
 * then reads the whole last segment, and retention waits until the consumers have spoken again. */
export async function readShardState(disk: Disk, dir: string): Promise<ShardState | undefined> {
  const text = (await disk.readFile(join(dir, FILE)))?.toString('utf8') ?? ''
  const end = text.indexOf('\n')
  if (end < 0 || text.slice(end + 1) !== `${crc32c(text.slice(0, end))}\n`) return undefined
  const state = JSON.parse(text.slice(0, end)) as Record<keyof ShardState, number> & {
    readonly consumers: Readonly<Record<string, number>>
  }
  return { ...state, consumers: new Map(Object.entries(state.consumers)) }
}

export async function writeShardState(disk: Disk, dir: string, state: ShardState): Promise<void> {
  const text = JSON.stringify({ ...state, consumers: Object.fromEntries(state.consumers) })
  await disk.replaceFile(join(dir, FILE), Buffer.from(`${text}\n${crc32c(text)}\n`))
}
