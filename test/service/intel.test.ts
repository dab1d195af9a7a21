import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'

interface Alert {
  readonly id: string
  readonly title: string
  readonly entities: Readonly<Record<string, readonly string[]>>
  readonly events: readonly string[]
  readonly count: number
}

describe('an indicator in a running service', () => {
  let dataDir: string
  let service: RunningService

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'rampart-intel-'))
    service = await startService({ dataDir })
  })
  afterAll(async () => {
    await service.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const put = (value: string) =>
    service.client.call<{ id: string }>('/v1/workspaces/default/indicators', { body: { value } })
  const send = (record: object) =>
    service.client.call('/v1/workspaces/default/dataspaces/default/pipes/logs/records', { body: [record] })
  const alertOf = (title: string) =>
    eventually(`the alert ${title}`, async () => {
      const { items } = await service.client.call<{ items: Alert[] }>('/v1/workspaces/default/alerts')
      return items.find((alert) => alert.title === title)
    })
  const sightings = async (id: string) =>
    (
      await service.client.call<{ items: { entity: string; recordIds: string[] }[] }>(
        `/v1/workspaces/default/indicators/${id}/sightings`,
      )
    ).items

  it('makes an alert and a sighting of the next event that holds it, before and after a crash', async () => {
    const { id } = await put('evil.example')
    await send({
      class_uid: 4003,
      category_uid: 4,
      metadata: {},
      query: { hostname: 'c2.evil.example' },
      device: { hostname: 'pc-1' },
    })
    const alert = await alertOf('Indicator met: domain evil.example')
    expect(alert.entities.hosts).toEqual(['pc-1'])
    const seen = await eventually('the sighting', async () => (await sightings(id))[0])
    expect(seen).toMatchObject({ entity: 'pc-1', recordIds: alert.events })

    await service.kill()
    service = await startService({ dataDir })
    await send({ 'id.orig_h': '10.1.1.1', 'id.resp_h': '10.1.1.2', query: 'x.evil.example', hostname: 'pc-2' })
    await eventually('the second sighting', async () => (await sightings(id)).some(({ entity }) => entity === 'pc-2'))
  })

  it('is worth less after its alert was judged wrong', async () => {
    const { id } = await put('wrong.example')
    await send({ class_uid: 4003, category_uid: 4, metadata: {}, query: { hostname: 'wrong.example' } })
    const alert = await alertOf('Indicator met: domain wrong.example')
    const move = (body: object) =>
      service.client.call(`/v1/workspaces/default/alerts/${alert.id}`, { method: 'PATCH', body })
    await move({ state: 'in_progress' })
    await move({ state: 'resolved', verdict: 'false_positive' })
    await eventually('the verdict is taken back to the indicator', async () => {
      const now = await service.client.call<{ confidence: number; falsePositives: number }>(
        `/v1/workspaces/default/indicators/${id}`,
      )
      return now.falsePositives === 1 && now.confidence === 40
    })
  })

  it('is searched for in what came before it, and tells each record once', async () => {
    await send({ query: 'early.example', hostname: 'pc-9' })
    await eventually('the event is stored', async () => {
      const found = await service.client.call<{ rows: unknown[] }>('/v1/workspaces/default/search', {
        body: { query: "source=logs | where query = 'early.example'" },
      })
      return found.rows.length > 0
    })
    const { id } = await put('early.example')
    const alert = await alertOf('Indicator met: domain early.example')
    expect(alert.entities.hosts).toEqual(['pc-9'])
    expect((await sightings(id))[0]).toMatchObject({ entity: 'pc-9', recordIds: alert.events })

    const { jobId } = await service.client.call<{ jobId: string }>(`/v1/workspaces/default/indicators/${id}:hunt`, {
      body: { days: 7 },
    })
    const job = await eventually('the hunt ends', async () => {
      const now = await service.client.call<{ state: string; output: object }>(`/v1/jobs/${jobId}`)
      return now.state === 'succeeded' && now
    })
    expect(job.output).toMatchObject({ indicators: 1, findings: 1, cut: false })
    expect(await alertOf('Indicator met: domain early.example')).toMatchObject({ count: 1 })
  })
})
