import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseAccountId, systemClock } from '../../platform/index.ts'
import { eventually } from '../../test/support/eventually.ts'
import { openDuckDbStore } from '../engines/duckdb/index.ts'
import { openPartitionLog } from '../log/index.ts'
import type { AppendEvents, Detector, EventStore, Parser, PartitionLog, ShardAddress } from '../types.ts'
import { createShardLoop, type ShardLoop, type ShardLoopDeps, type ShardStep } from './shard-loop.ts'

const shard: ShardAddress = {
  account: parseAccountId('000000000001'),
  workspace: 'default',
  dataspace: 'default',
  pipe: 'logs',
  shard: 0,
}

interface Total {
  readonly id: string
  readonly total: number
}

const parser: Parser = {
  parse: (record) => {
    const text = Buffer.from(record.payload).toString()
    return {
      offset: record.offset,
      receivedAt: record.receivedAt,
      time: record.receivedAt,
      original: { number: Number(text) },
      ocsf: {},
      logsource: {},
      raw: text,
    }
  },
}

/** Adds up what it sees and states each hundred: wrong as soon as an event is missed or seen twice. */
function summing(): Detector<Total> {
  let sum = 0
  let seen = 0
  return {
    detect(_, events) {
      const findings: Total[] = []
      for (const event of events) {
        sum += Number(event.original.number)
        seen += 1
        if (seen % 100 === 0) findings.push({ id: `after ${seen}`, total: sum })
      }
      return findings
    },
    snapshot: () => Buffer.from(JSON.stringify({ sum, seen })),
    restore(_, state) {
      const kept = state
        ? (JSON.parse(Buffer.from(state).toString()) as { sum: number; seen: number })
        : { sum: 0, seen: 0 }
      sum = kept.sum
      seen = kept.seen
    },
  }
}

let dir: string
let log: PartitionLog
let store: EventStore
let told: Map<string, number>
let steps: ShardStep[]
let troubles: number

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-loop-'))
  log = await openPartitionLog({ dir: join(dir, 'log'), clock: systemClock })
  store = await openDuckDbStore({ dir: join(dir, 'events'), clock: systemClock })
  told = new Map()
  steps = []
  troubles = 0
})
afterEach(async () => {
  await store.close()
  await log.close()
  rmSync(dir, { recursive: true, force: true })
})

function makeLoop(more: Partial<ShardLoopDeps<Total>> = {}): ShardLoop {
  return createShardLoop<Total>(shard, {
    reader: log,
    parser,
    detector: summing(),
    store,
    clock: systemClock,
    emit: async (findings) => {
      for (const { id, total } of findings) {
        expect(told.get(id) ?? total, 'a repeated finding is the same').toBe(total)
        told.set(id, total)
      }
    },
    onStep: (step) => steps.push(step),
    onTrouble: () => {
      troubles += 1
    },
    ...more,
  })
}

async function append(from: number, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => ({
    receivedAt: 1_790_000_000_000 + from + index,
    source: 'test',
    format: 'text' as const,
    headers: {},
    payload: Buffer.from(String(from + index)),
  }))
  await log.append(shard, records)
}

const stored = (count: number) =>
  eventually(`${count} events`, async () => (await store.progress(shard)).nextOffset === count)

async function numbers(): Promise<number[]> {
  const { rows } = await store.search({
    account: shard.account,
    workspace: 'default',
    query: 'source=logs | fields number',
    limit: 10_000,
  })
  return rows.map(([number]) => Number(number))
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
const sums = (count: number) =>
  new Map(
    upTo(count / 100).map((index) => [`after ${(index + 1) * 100}`, (((index + 1) * 100 - 1) * (index + 1) * 100) / 2]),
  )

describe('a shard’s loop', () => {
  it('stores every event once, in order, and tells what was found', async () => {
    const loop = makeLoop()
    for (let from = 0; from < 1000; from += 250) {
      await append(from, 250)
      loop.wake(log.end(shard))
    }
    await stored(1000)
    await loop.stop()
    expect(await numbers()).toEqual(upTo(1000))
    expect(told).toEqual(sums(1000))
    expect(steps.reduce((total, step) => total + step.eventCount, 0)).toBe(1000)
  })

  it('goes on after a stop with the detector as it was', async () => {
    await append(0, 150)
    const first = makeLoop()
    first.wake(log.end(shard))
    await stored(150)
    await first.stop()
    expect((await store.progress(shard)).detectorOffset).toBe(150)
    await append(150, 150)
    const second = makeLoop()
    second.wake(log.end(shard))
    await stored(300)
    await second.stop()
    expect(told).toEqual(sums(300))
    expect(await numbers()).toEqual(upTo(300))
  })

  it('brings an old detector up to date from the log, and stores nothing twice', async () => {
    await append(0, 250)
    const killed = makeLoop({ store: { ...methods(store), append: (batch) => store.append(withoutState(batch)) } })
    killed.wake(log.end(shard))
    await stored(250)
    expect((await store.progress(shard)).detectorOffset).toBe(0)
    // Never stopped: as a process that was killed.
    await append(250, 50)
    const next = makeLoop()
    next.wake(log.end(shard))
    await stored(300)
    await next.stop()
    expect(told).toEqual(sums(300))
    expect(await numbers()).toEqual(upTo(300))
  })

  it.each([1, 2, 3, 4])('loses and repeats nothing when the store fails at append %d', async (failing) => {
    let calls = 0
    const loop = makeLoop({
      store: {
        ...methods(store),
        append: async (batch) => {
          calls += 1
          if (calls === failing) throw new Error('the disk is full')
          await store.append(batch)
        },
      },
    })
    for (let from = 0; from < 600; from += 100) {
      await append(from, 100)
      loop.wake(log.end(shard))
      if (calls < failing) await eventually('a call', async () => calls > 0)
    }
    await stored(600)
    await loop.stop()
    expect(troubles).toBe(calls >= failing ? 1 : 0)
    expect(await numbers()).toEqual(upTo(600))
    expect(told).toEqual(sums(600))
  })

  it('loses and repeats nothing when findings cannot be handed on at first', async () => {
    let refused = 0
    const inner = makeLoop({
      emit: async (findings) => {
        refused += 1
        if (refused === 1) throw new Error('the hub is busy')
        for (const { id, total } of findings) told.set(id, total)
      },
    })
    await append(0, 200)
    inner.wake(log.end(shard))
    await stored(200)
    await inner.stop()
    expect(troubles).toBe(1)
    expect(told).toEqual(sums(200))
    expect(await numbers()).toEqual(upTo(200))
  })
})

it('stops also when the detector cannot keep its state, which is told', async () => {
  const loop = makeLoop({
    detector: {
      ...summing(),
      snapshot: () => {
        throw new Error('the disk is full')
      },
    },
  })
  await append(0, 100)
  loop.wake(log.end(shard))
  await stored(100)
  await loop.stop()
  expect(troubles).toBe(1)
  const next = makeLoop()
  await append(100, 100)
  next.wake(log.end(shard))
  await stored(200)
  await next.stop()
  expect(told).toEqual(sums(200))
})

function methods(of: EventStore): EventStore {
  return {
    progress: (address) => of.progress(address),
    append: (batch) => of.append(batch),
    search: (request) => of.search(request),
    scan: (request) => of.scan(request),
    declare: (pipe, fields) => of.declare(pipe, fields),
    dropBefore: (pipe, before) => of.dropBefore(pipe, before),
    close: () => of.close(),
  }
}

function withoutState({ detectorState: _, ...batch }: AppendEvents): AppendEvents {
  return batch
}
