import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeDatabase } from '../../enrichment/testing/write-database.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'

const base = '/v1/workspaces/default'
const HOUR_MS = 3_600_000

describe('a database of addresses', () => {
  let dir: string
  let service: RunningService

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-enrichment-'))
    const placeOf = (country: string, latitude: number, longitude: number, number: number) => ({
      ...{ country: { iso_code: country }, location: { latitude, longitude, accuracy_radius: 20 } },
      autonomous_system_number: number,
    })
    const file = join(dir, 'places.mmdb')
    writeFileSync(
      file,
      writeDatabase([
        { network: '198.51.100.0/24', record: placeOf('DE', 52.52, 13.4, 64500) },
        { network: '203.0.113.0/24', record: placeOf('AU', -33.87, 151.2, 64501) },
      ]),
    )
    const env = { RAMPART_ENRICHMENT_DATABASES: JSON.stringify([file, join(dir, 'absent.mmdb')]) }
    service = await startService({ dataDir: join(dir, 'data'), env })
  })
  afterAll(async () => {
    await service.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('tells places that events do not say: they are searched, and nobody travels from Berlin to Sydney in an hour', async () => {
    const start = Date.UTC(2026, 4, 4, 8)
    const signIn = (time: number, ip: string) => ({
      ...{ class_uid: 3002, category_uid: 3, activity_id: 1, type_uid: 300201, severity_id: 1, metadata: {} },
      ...{ time, status_id: 1, user: { name: 'ann' }, src_endpoint: { ip }, dst_endpoint: { hostname: 'mail' } },
    })
    const rows = [0, 1, 2, 3, 4].map((day) => signIn(start + day * 24 * HOUR_MS, '198.51.100.7'))
    rows.push(signIn(start + (4 * 24 + 1) * HOUR_MS, '203.0.113.9'))
    await service.client.call(`${base}/dataspaces/default/pipes/logs/records`, {
      body: `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`,
      contentType: 'application/x-ndjson',
    })
    const alert = await eventually('the journey is told', async () => {
      const { items } = await service.client.call<{
        items: { ruleId: string; explanation?: { entity: string; seen: string } }[]
      }>(`${base}/alerts`)
      return items.find(({ ruleId }) => ruleId === 'baseline/impossible-travel')
    })
    expect(alert.explanation?.entity).toBe('ann')
    expect(alert.explanation?.seen).toMatch(/^\d{5} km from AS64500 to AS64501 in 1\.0 hours$/)
    const query =
      'source=logs | stats count() as n by src_endpoint.location.country | sort src_endpoint.location.country'
    // Findings are told before their events are stored.
    const found = await eventually('both places are stored', async () => {
      const { rows } = await service.client.call<{ rows: unknown[][] }>(`${base}/search`, { body: { query } })
      return rows.length === 2 ? rows : undefined
    })
    expect(JSON.stringify(found)).toMatch(/AU.*DE/)
    expect(service.output().match(/a database of addresses cannot be read: there is no such file/g)).toHaveLength(1)
  })
})
