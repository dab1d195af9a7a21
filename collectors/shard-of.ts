import { createHash } from 'node:crypto'

/** The shard of a source, always the same: its records keep their order. */
export function shardOf(source: string, shardCount: number): number {
  if (shardCount <= 1) return 0
  return createHash('sha1').update(source).digest().readUInt32BE(0) % shardCount
}
