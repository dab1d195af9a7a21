import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ShardFiles } from '../../pipeline/index.ts'
import { parseAccountId } from '../../platform/base/index.ts'
import { keyOfShard } from './watcher.ts'

/** The folders that the windows of shards are kept in: below `dir`, each by its address. */
export function shardFolders(dir: string): ShardFiles {
  return {
    list: () =>
      foldersIn(dir, 5).flatMap(([account = '', workspace = '', dataspace = '', pipe = '', shard = '']) =>
        // What else may lie there is not ours.
        /^\d{12}$/.test(account) && /^\d+$/.test(shard)
          ? [{ account: parseAccountId(account), workspace, dataspace, pipe, shard: Number(shard) }]
          : [],
      ),
    remove(shard) {
      let folder = join(dir, keyOfShard(shard))
      rmSync(folder, { recursive: true, force: true })
      for (folder = dirname(folder); folder !== dir && isEmpty(folder); folder = dirname(folder)) rmdirSync(folder)
    },
  }
}

/** The paths of folders so many levels down, as names. */
function foldersIn(path: string, levels: number): readonly (readonly string[])[] {
  if (levels === 0) return [[]]
  const folders = existsSync(path) ? readdirSync(path, { withFileTypes: true }).filter((one) => one.isDirectory()) : []
  return folders.flatMap(({ name }) => foldersIn(join(path, name), levels - 1).map((names) => [name, ...names]))
}

const isEmpty = (path: string): boolean => existsSync(path) && readdirSync(path).length === 0
