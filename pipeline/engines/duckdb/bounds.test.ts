import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../platform/index.ts'
import type { EventStore, JsonObject, JsonValue } from '../../index.ts'
import { anEvent, appendRecords, aShard, column, found, search } from '../contract-support.ts'
import { openDuckDbStore, type StoreLimits } from './index.ts'

describe('bounds of the DuckDB store', () => {
  let dir: string
  let store: EventStore

  const open = async (limits: Partial<StoreLimits> = {}) => {
    store = await openDuckDbStore({ dir, clock: systemClock, limits })
    return store
  }
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-bounds-'))
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('fields beyond the columns are found and shown all the same, also after a restart', async () => {
    await open({ columnsMax: 8, recordColumnsMax: 5 })
    const wide: JsonObject = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, i]))
    const event = anEvent(0, wide, { ocsf: { class_uid: 3002, user: { name: 'bob' } } })
    await store.append({
      shard: aShard(),
      events: [event, anEvent(1, { f0: 'text', f19: { deep: true } })],
      nextOffset: 2,
    })
    for (const again of [false, true]) {
      if (again) {
        await store.close()
        await open({ columnsMax: 8, recordColumnsMax: 5 })
      }
      expect(await found(store, 'source=logs | where f18 = 18 | fields f0, f18, class_uid, user.name')).toEqual([
        { f0: '0', f18: 18, class_uid: 3002, 'user.name': 'bob' },
      ])
      expect(await column(store, "source=logs | where f0 = 'text' | fields f19.deep")).toEqual([true])
      const [, second] = await found(store, 'source=logs')
      expect(second).toMatchObject({ f0: 'text', 'f19.deep': true })
    }
  })

  it('a scan takes fewer events at once where they are large', async () => {
    await open({ scanBytesMax: 1000, scanEventsMax: 64 })
    const texts = Array.from({ length: 200 }, (_, i) => 'x'.repeat(i % 50 === 7 ? 5000 : 10))
    await appendRecords(
      store,
      texts.map((text) => ({ text })),
    )
    const scan = await store.scan({ ...aShard(), from: 0, to: 8e15 })
    const offsets: number[] = []
    for (let batch = await scan.next(); batch; batch = await scan.next()) {
      const bytes = batch.records.reduce((sum, { payload }) => sum + payload.length, 0)
      if (batch.records.length > 1) expect(bytes).toBeLessThanOrEqual(1000)
      offsets.push(...batch.records.map(({ offset }) => offset))
    }
    await scan.close()
    expect(offsets).toEqual(texts.map((_, i) => i))
  })

  it('takes a hundred thousand names without a column each', async () => {
    await open()
    const names = Array.from({ length: 100_000 }, (_, i) => `key ${i}`)
    const records = Array.from({ length: 100 }, (_, i) =>
      Object.fromEntries(names.slice(i * 1000, (i + 1) * 1000).map((name, j) => [name, j])),
    )
    await appendRecords(store, records)
    expect(await column(store, 'source=logs | where `key 99999` = 999 | stats count()')).toEqual([1])
    expect(await column(store, 'source=logs | where `key 100000` = 1 | stats count()')).toEqual([0])
  })

  it('keeps values below names that are too long or too deep, and records nested beyond reason', async () => {
    await open({ nameCharsMax: 20, depthMax: 3 })
    const long = 'n'.repeat(50)
    let deep: JsonValue = 1
    for (let i = 0; i < 20_000; i++) deep = [deep]
    const record = JSON.parse(`{"${long}":1,"a":{"b":{"c":{"d":{"e":5}}}}}`)
    const event = anEvent(0, {}, { raw: 'deep' })
    await store.append({ shard: aShard(), events: [{ ...event, original: { ...record, deep } }], nextOffset: 1 })
    expect(await column(store, `source=logs | where ${long} = 1 | fields a.b.c.d`)).toEqual([{ e: 5 }])
  })

  it('keeps texts whole: NUL, lone surrogates, a megabyte', async () => {
    await open()
    const big = 'x'.repeat(1_000_000)
    await appendRecords(store, [{ a: 'x\u0000y', b: 'x\ud800y', list: ['\udc00'], big }])
    const [row] = await found(store, 'source=logs | fields a, b, list, big')
    expect(row).toEqual({ a: 'x\u0000y', b: 'x\ufffdy', list: ['\ufffd'], big })
  })

  it('takes times that nobody can have meant', async () => {
    await open()
    const times = [Number.NaN, Number.POSITIVE_INFINITY, -1e300, 8.64e15, -62_167_219_200_001, 0.5]
    const events = times.map((time, offset) => anEvent(offset, { offset }, { time }))
    await store.append({ shard: aShard(), events, nextOffset: events.length })
    expect((await search(store, 'source=logs | fields offset, time')).rows).toHaveLength(times.length)
    expect(await column(store, 'source=logs | sort - time | head 1 | fields offset')).toEqual([3])
  })

  it('takes numbers that JSON can hold and DuckDB cannot', async () => {
    await open()
    const values = [1e308, -1e308, 2 ** 63, -(2 ** 63), 2 ** 53, 5e-324, -0]
    await appendRecords(
      store,
      values.map((v) => ({ v })),
    )
    expect(await column(store, 'source=logs | fields v')).toEqual([
      1e308,
      -1e308,
      2 ** 63,
      -(2 ** 63),
      2 ** 53,
      5e-324,
      0,
    ])
  })

  it('refuses to declare more fields than there may be columns', async () => {
    await open({ columnsMax: 3 })
    const fields = { a: 'long', b: 'long', c: 'long', d: 'long' } as const
    await expect(store.declare(aShard(), fields)).rejects.toMatchObject({
      code: 'pipeline.store.tooManyFields',
      status: 422,
    })
    await store.declare(aShard(), { a: 'long', b: 'long' })
    await appendRecords(store, [{ a: 1, b: '2', c: 3, d: 4 }])
    expect(await found(store, 'source=logs | fields a, b, c, d')).toEqual([{ a: 1, b: 2, c: 3, d: 4 }])
  })

  it('ends a search that takes too long and serves the next', async () => {
    await open({ searchMsMax: 1 })
    const text = 'abcdefghij'.repeat(200)
    await appendRecords(
      store,
      Array.from({ length: 4000 }, () => ({ text })),
    )
    const slow = `source=logs | where text regexp '(a?b?c?d?e?){80}z' | stats count()`
    await expect(search(store, slow)).rejects.toMatchObject({ code: 'pipeline.query.tooSlow', status: 422 })
    await store.close()
    await open()
    expect(await column(store, 'source=logs | stats count()')).toEqual([4000])
  })

  it('pushes back when too many searches wait', async () => {
    await open({ searchesMax: 1, searchesWaitingMax: 2 })
    await appendRecords(store, [{ a: 1 }])
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => search(store, 'source=logs')))
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused.length).toBe(3)
    expect(refused[0]?.reason).toMatchObject({ code: 'pipeline.query.busy', status: 429, retryAfterSec: 1 })
    expect(await column(store, 'source=logs | fields a')).toEqual([1])
  })

  it('ends an answer that grows too large, and goes on with the cursor', async () => {
    await open({ answerBytesMax: 10_000 })
    const records = Array.from({ length: 30 }, (_, n) => ({ n, text: 'x'.repeat(1000) }))
    await appendRecords(store, records)
    const seen: JsonValue[] = []
    let cursor: string | undefined
    do {
      const page = await search(store, 'source=logs | fields n, text', cursor === undefined ? {} : { cursor })
      expect(page.rows.length).toBeLessThan(12)
      seen.push(...page.rows.map((row) => row[0] ?? null))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(seen).toEqual(records.map(({ n }) => n))
  })

  it('refuses to write when the disk is nearly full, and still searches', async () => {
    await open()
    await appendRecords(store, [{ a: 1 }])
    await store.close()
    await open({ freeBytesMin: Number.MAX_SAFE_INTEGER })
    await expect(appendRecords(store, [{ a: 1 }, { a: 2 }])).rejects.toMatchObject({
      code: 'pipeline.store.full',
      status: 503,
    })
    expect(await column(store, 'source=logs | fields a')).toEqual([1])
  })

  it('gives the same order over many batches and blocks', async () => {
    await open()
    const count = 9000
    for (let first = 0; first < count; first += 4500) {
      const records = Array.from({ length: 4500 }, (_, i) => ({ n: first + i, [`only${first}`]: 1 }))
      await appendRecords(store, records, aShard(), first)
    }
    const all = Array.from({ length: count }, (_, n) => n)
    expect(await column(store, 'source=logs | fields n')).toEqual(all)
    const odd = await column(store, 'source=logs | where n % 2 = 1 | eval twice = n * 2 | fields n')
    expect(odd).toEqual(all.filter((n) => n % 2 === 1))
    expect(await column(store, 'source=logs | where isnull(only0) | stats count()')).toEqual([4500])
  })

  describe('what a query says cannot become SQL', () => {
    const hostile = [
      `'; DROP TABLE events_1; --`,
      `x') UNION SELECT raw FROM events_2 --`,
      `$1`,
      `"`,
      '`',
      `\\`,
      `\u0000`,
      `%' OR '1'='1`,
      `read_text('/etc/passwd')`,
      `{{x}}`,
      `c9`,
      `rest`,
    ]

    beforeEach(async () => {
      await open()
      await appendRecords(store, [{ a: 'innocent', b: 1 }])
      await appendRecords(store, [{ secret: 'hidden' }], aShard('other'))
    })

    it.each(hostile)('in no place: %j', async (text) => {
      const quoted = `'${text.replace(/[\\']/g, (char) => (char === '\\' ? '\\\\' : "''"))}'`
      const name = `\`${text.replaceAll('`', '``')}\``
      const queries = [
        `source=logs | where a = ${quoted}`,
        `source=logs | where ${name} = 1`,
        `source=logs | where a like ${quoted} or contains(a, ${quoted})`,
        `source=logs | where a in (${quoted}, 'x')`,
        `source=logs ${name}=${quoted}`,
        `source=logs | eval ${name} = ${quoted} | where ${name} = 'x'`,
        `source=logs | where a = 'x' | stats count() as ${name} by ${name} | sort ${name} | fields ${name}`,
        `source=logs | where a = 'x' | rename a as ${name} | dedup ${name}`,
        `source=logs | where a = 'x' | top countfield=${quoted} ${name}`,
        `source=logs | where cidrmatch(a, ${quoted})`,
        `source=logs | where a regexp ${quoted}`,
        `source=${name}`,
      ]
      for (const query of queries) {
        const answer = await search(store, query).catch((error: { status: number; code: string }) => error)
        if ('rows' in answer) expect(answer.rows).toEqual([])
        else expect([404, 422]).toContain(answer.status)
      }
      expect(await column(store, 'source=logs | fields a')).toEqual(['innocent'])
      expect(await column(store, 'source=other | fields secret')).toEqual(['hidden'])
    })
  })
})
