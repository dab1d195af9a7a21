import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseAccountId, systemClock } from '../../platform/index.ts'
import { openDuckDbStore } from '../engines/duckdb/index.ts'
import type { EventStore, ShardAddress, ShardFiles } from '../types.ts'
import { forgetPipes } from './forget-pipes.ts'

const shardOf = (pipe: string): ShardAddress => ({
  account: parseAccountId('000000000001'),
  workspace: 'default',
  dataspace: 'default',
  pipe,
  shard: 0,
})
const log = { info: () => {}, error: () => {} }

let dir: string
let store: EventStore

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-forget-'))
  store = await openDuckDbStore({ dir, clock: systemClock })
  for (const pipe of ['logs', 'gone', 'stateless']) {
    const detectorState = pipe === 'stateless' ? {} : { detectorState: Buffer.from(`state of ${pipe}`) }
    await store.append({ shard: shardOf(pipe), events: [], nextOffset: 7, ...detectorState })
  }
})
afterEach(async () => {
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

const stateOf = async (pipe: string) => {
  const { nextOffset, detectorState } = await store.progress(shardOf(pipe))
  return [nextOffset, Buffer.from(detectorState ?? []).toString()]
}

it('state and files of pipes that are no more go, those of others stay, and what fails is done at the next start', async () => {
  const left = new Set(['logs', 'gone', 'stateless'])
  let broken = true
  const files: ShardFiles = {
    list: () => [...left].map(shardOf),
    remove({ pipe }) {
      if (pipe === 'gone' && broken) throw new Error('the disk fails')
      left.delete(pipe)
    },
  }
  await forgetPipes([shardOf('logs'), shardOf('new')], { store, files, log })
  expect([...left]).toEqual(['logs', 'gone'])
  // Its state, which names the files, goes before them.
  expect(await stateOf('gone')).toEqual([7, ''])
  expect(await stateOf('logs')).toEqual([7, 'state of logs'])
  broken = false
  await forgetPipes([shardOf('logs'), shardOf('new')], { store, files, log })
  expect([...left]).toEqual(['logs'])
  expect(await stateOf('logs')).toEqual([7, 'state of logs'])
  expect(await stateOf('stateless')).toEqual([7, ''])
})
