import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabases } from '../support/databases.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'

const base = '/v1/workspaces/default'
const ENTITY = '10.0.0.1 192.0.2.1:443'

interface AlertItem {
  readonly id: string
  readonly ruleId: string
  readonly count: number
  readonly explanation?: { readonly entity: string; readonly seen: string }
}

interface Setting {
  readonly enabled: boolean
  readonly threshold: number
  readonly exclusions: readonly { readonly entity: string }[]
}

describe.each(testDatabases())('baselines on $name', (kind) => {
  let dir: string
  let drop: () => Promise<void>
  let service: RunningService
  let start: () => Promise<RunningService>

  beforeAll(async () => {
    const opened = await kind.open()
    drop = opened.drop
    dir = mkdtempSync(join(tmpdir(), 'rampart-baselines-'))
    const env = opened.url === undefined ? {} : { RAMPART_DATABASE_URL: opened.url }
    start = () => startService({ dataDir: dir, env })
    service = await start()
  })
  afterAll(async () => {
    await service.stop()
    await drop()
    rmSync(dir, { recursive: true, force: true })
  })

  const call = <T>(path: string, options = {}) => service.client.call<T>(`${base}${path}`, options)

  /** Calls home once a minute from minute `from` on, at a time long over. */
  const send = async (host: number, { from, to }: { from: number; to: number }) => {
    const rows = Array.from({ length: to - from }, (_, i) => ({
      ...{ class_uid: 4001, category_uid: 4, activity_id: 2, type_uid: 400102, severity_id: 1, metadata: {} },
      time: Date.UTC(2026, 4, 4, 8) + (from + i) * 60_000,
      src_endpoint: { ip: `10.0.0.${host}` },
      dst_endpoint: { ip: `192.0.2.${host}`, port: 443 },
      traffic: { bytes_out: 310 + (i % 5) },
    }))
    await call('/dataspaces/default/pipes/logs/records', {
      body: `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`,
      contentType: 'application/x-ndjson',
    })
  }
  const alerts = async () =>
    (await call<{ items: AlertItem[] }>('/alerts')).items.filter(({ ruleId }) => ruleId === 'baseline/beacon')
  const samples = async () => (await call<{ samples: number }>('/baselines/beacon')).samples

  it('lists what each watches and how far it has learned', async () => {
    const { items } = await call<{ items: { name: string; state: string; window: string }[] }>('/baselines')
    expect(items.length).toBeGreaterThan(5)
    for (const item of items) expect(item).toMatchObject({ state: 'learning', enabled: true })
    // The first day of all, in which nothing is told.
    await send(9, { from: -1_500, to: -1_499 })
    await send(1, { from: 0, to: 12 })
    await eventually('the first half is learned', async () => (await samples()) === 13)
    expect(await call('/baselines/beacon')).toMatchObject({ state: 'learning', progress: 0.5 })
    expect(await alerts()).toEqual([])
  })

  it('make alerts that say what was expected, what was seen, and since when', async () => {
    await send(1, { from: 12, to: 30 })
    const [alert] = await eventually('the alert', async () => {
      const found = await alerts()
      return found.length > 0 && found
    })
    expect(alert).toMatchObject({
      title: 'A host calls home',
      explanation: {
        entity: ENTITY,
        expected: expect.stringContaining('irregular'),
        seen: expect.stringContaining('one each 60.0 s'),
        since: '2026-05-04T08:00:00.000Z',
      },
    })
    expect(await call(`/baselines/beacon/entities/${encodeURIComponent(ENTITY)}`)).toMatchObject({
      state: 'active',
      deviations: [{ entity: ENTITY }],
    })
    await expect(call('/baselines/beacon/entities/nobody')).rejects.toMatchObject({ status: 404 })
    await expect(call('/baselines/becon')).rejects.toMatchObject({ status: 404 })
  })

  it('offer what would have kept a false alert back, say what that hides, and change nothing until it is put', async () => {
    const [alert] = await alerts()
    const offersOf = () =>
      call<{ items: { kind: string; settings: Setting; hides: { count: number } }[] }>(
        `/baselines/beacon/offers?alert=${alert?.id}`,
      )
    await expect(offersOf()).rejects.toMatchObject({ status: 409 })
    for (const body of [{ state: 'in_progress' }, { state: 'resolved', verdict: 'false_positive' }])
      await call(`/alerts/${alert?.id}`, { method: 'PATCH', body })
    const { items } = await offersOf()
    expect(items.map(({ kind, hides }) => [kind, hides.count])).toEqual([
      ['exclusion', 1],
      ['exclusion', 1],
      ['threshold', 1],
    ])
    expect(await call('/baselines/beacon')).toMatchObject({ exclusions: [] })
    const body = items[0]?.settings
    expect(body?.exclusions).toEqual([{ entity: ENTITY }])
    await expect(
      call('/baselines/beacon', { method: 'PUT', body, headers: { 'if-match': '"7"' } }),
    ).rejects.toMatchObject({ status: 412 })
    expect(await call('/baselines/beacon', { method: 'PUT', body })).toMatchObject({ exclusions: [{ entity: ENTITY }] })
    await expect(call('/baselines/beacon', { method: 'PUT', body: { threshold: 2 } })).rejects.toMatchObject({
      status: 422,
    })
    // A day later the same calls would be stated again.
    await send(1, { from: 1_500, to: 1_660 })
    const held = await eventually('the deviation that is held back', async () => {
      const found = await call<{ items: { held?: string }[] }>('/baselines/beacon/deviations')
      return found.items.length === 2 && found.items
    })
    expect(held.map((one) => one.held)).toEqual(['exclusion', undefined])
    expect(await alerts()).toHaveLength(1)
  })

  it('go on after kill -9 with what they learned, losing no alert and making none twice', async () => {
    const before = await samples()
    await send(2, { from: 0, to: 20 })
    await eventually('these are learned', async () => (await samples()) === before + 20)
    await service.kill()
    service = await start()
    await send(2, { from: 20, to: 40 })
    const found = await eventually('the alert of the second host', async () => {
      const both = await alerts()
      return both.length === 2 && both
    })
    expect(found.map(({ count, explanation }) => [count, explanation?.entity]).sort()).toEqual([
      [1, ENTITY],
      [1, '10.0.0.2 192.0.2.2:443'],
    ])
    await eventually('everything is looked at once', async () => (await samples()) === before + 40)
    expect(await call('/baselines/beacon')).toMatchObject({ exclusions: [{ entity: ENTITY }] })
  })
})
