import { join } from 'node:path'
import { parseAccountId } from '../../platform/index.ts'
import type { ShardAddress } from '../types.ts'
import { logError } from './errors.ts'

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/
const ACCOUNT = /^[0-9]{12}$/
const SHARD = /^(0|[1-9][0-9]{0,4})$/
const SEGMENT = /^([0-9]{20})\.log$/

/** `<account>/<workspace>/<dataspace>/<pipe>/<shard>`: the shard's name in maps, and its directory below the log's.
 * INVARIANT (inside): every part is checked, so that no address leads out of the log's directory.
 * @throws pipeline.log.badAddress */
export function shardKey(shard: ShardAddress): string {
  const parts = [shard.workspace, shard.dataspace, shard.pipe]
  if (
    !ACCOUNT.test(shard.account) ||
    !parts.every((part) => NAME.test(part)) ||
    !Number.isInteger(shard.shard) ||
    !SHARD.test(String(shard.shard))
  ) {
    throw logError(
      'pipeline.log.badAddress',
      `\`${[shard.account, ...parts, shard.shard].join('/').slice(0, 400)}\` is not the address of a shard: an account has 12 digits, names are [a-z0-9][a-z0-9_-]{0,63}, shards are counted from 0 to 99999`,
    )
  }
  return keyUnchecked(shard)
}

/** The key without the checks: to look a shard up that was checked when it was made. */
export function keyUnchecked(shard: ShardAddress): string {
  return `${shard.account}/${shard.workspace}/${shard.dataspace}/${shard.pipe}/${shard.shard}`
}

/** The address of a shard's directory; undefined when the path is not one. */
export function addressOf(parts: readonly string[]): ShardAddress | undefined {
  const [account = '', workspace = '', dataspace = '', pipe = '', shard = ''] = parts
  if (parts.length !== 5 || !ACCOUNT.test(account) || !SHARD.test(shard)) return undefined
  if (![workspace, dataspace, pipe].every((part) => NAME.test(part))) return undefined
  return { account: parseAccountId(account), workspace, dataspace, pipe, shard: Number(shard) }
}

export function shardDir(dir: string, key: string): string {
  return join(dir, ...key.split('/'))
}

/** @throws pipeline.log.badConsumer */
export function checkConsumer(consumer: string): void {
  if (!NAME.test(consumer)) {
    throw logError(
      'pipeline.log.badConsumer',
      `\`${consumer.slice(0, 100)}\` is not a consumer's name: [a-z0-9][a-z0-9_-]{0,63} is`,
    )
  }
}

export function segmentName(base: number): string {
  return `${String(base).padStart(20, '0')}.log`
}

/** The base offset in a segment's name; undefined for any other file. */
export function segmentBase(name: string): number | undefined {
  const digits = SEGMENT.exec(name)?.[1]
  const base = digits === undefined ? undefined : Number(digits)
  return Number.isSafeInteger(base) ? base : undefined
}
