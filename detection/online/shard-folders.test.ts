import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { account, shard } from '../testing/builders.ts'
import { shardFolders } from './shard-folders.ts'

test('folders of shards are listed and removed, with those above that are empty then, and nothing else is', () => {
  const dir = mkdtempSync(join(tmpdir(), 'rampart-folders-'))
  try {
    const make = (path: string) => {
      mkdirSync(join(dir, path), { recursive: true })
      writeFileSync(join(dir, path, '0000000001.groups'), 'x')
    }
    make(`${account}/default/default/logs/0`)
    make(`${account}/default/other/web/0`)
    make('lost+found/a/b/c/0')
    make(`${account}/default/default/logs/notes`)
    const files = shardFolders(dir)
    const web = { ...shard, dataspace: 'other', pipe: 'web' }
    const byPipe = (pipes: ReturnType<typeof files.list>) => [...pipes].sort((a, b) => (a.pipe < b.pipe ? -1 : 1))
    expect(byPipe(files.list())).toEqual([shard, web])
    files.remove(web)
    expect(files.list()).toEqual([shard])
    expect(readdirSync(join(dir, account, 'default'))).toEqual(['default'])
    // It may have been removed before by a process that died.
    files.remove(web)
    files.remove(shard)
    expect(files.list()).toEqual([])
    expect(existsSync(join(dir, account, 'default/default/logs/notes'))).toBe(true)
    expect(shardFolders(join(dir, 'absent')).list()).toEqual([])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
