import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Event, JsonObject } from '../pipeline/index.ts'
import { createEnricher } from './enricher.ts'
import { RecentlyAsked } from './recently-asked.ts'
import { writeDatabase } from './testing/write-database.ts'

const berlin = {
  country: { iso_code: 'DE' },
  city: { names: { en: 'Berlin' } },
  subdivisions: [{ iso_code: 'BE' }],
  location: { latitude: 52.52, longitude: 13.405, accuracy_radius: 20 },
}
const cities = (network = '198.51.100.0/24') => writeDatabase([{ network, record: berlin }], { type: 'Test-City' })
const systems = writeDatabase(
  [
    {
      network: '198.51.100.0/24',
      record: { autonomous_system_number: 64500, autonomous_system_organization: 'Example' },
    },
    { network: '2001:db8::/32', record: { asn: 'AS64501', as_name: 'Other', country: 'nz' } },
  ],
  { type: 'Test-ASN' },
)

const anEvent = (ocsf: JsonObject): Event => ({
  ...{ offset: 0, receivedAt: 0, time: 0, original: {}, logsource: {}, raw: '', ocsf },
})

describe('an enricher', () => {
  let folder: string
  let told: string[]
  const log = { info: () => {}, warn: (_: object, text: string) => void told.push(text) }
  const path = (name: string, bytes?: Buffer | string) => {
    if (bytes !== undefined) writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  const open = (...databases: string[]) => createEnricher({ databases, log: log as never })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rampart-enrichment-'))
    told = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('adds place and network owner of both ends, from whichever database knows them', async () => {
    const enricher = await open(path('city.mmdb', cities()), path('asn.mmdb', systems))
    const event = anEvent({
      class_uid: 3002,
      src_endpoint: { ip: '198.51.100.7', port: 1 },
      dst_endpoint: { ip: '2001:db8::9' },
    })
    expect(enricher.enrich(event).ocsf).toEqual({
      class_uid: 3002,
      src_endpoint: {
        ...{ ip: '198.51.100.7', port: 1, autonomous_system: { number: 64500, name: 'Example' } },
        location: {
          country: 'DE',
          city: 'Berlin',
          region: 'BE',
          lat: 52.52,
          long: 13.405,
          provider: 'Test-City 2026-01-02',
        },
      },
      dst_endpoint: {
        ...{ ip: '2001:db8::9', autonomous_system: { number: 64501, name: 'Other' } },
        location: { country: 'NZ', provider: 'Test-ASN 2026-01-02' },
      },
    })
    expect(event.ocsf.src_endpoint).toEqual({ ip: '198.51.100.7', port: 1 })
    enricher.stop()
  })

  it('leaves what events say themselves, and what nobody knows', async () => {
    const enricher = await open(path('city.mmdb', cities()), path('asn.mmdb', systems))
    const own = anEvent({
      src_endpoint: { ip: '198.51.100.7', location: { country: 'FR' }, autonomous_system: { number: 1 } },
      dst_endpoint: { ip: '10.0.0.1' },
    })
    expect(enricher.enrich(own)).toBe(own)
    for (const src_endpoint of [
      { ip: 'no address' },
      { ip: 7 },
      'text',
      null,
      [],
      { hostname: 'a' },
      { ip: '1'.repeat(9_999) },
    ])
      expect(enricher.enrich(anEvent({ src_endpoint })).ocsf).toEqual({ src_endpoint })
    enricher.stop()
  })

  it('takes no middle of a country for a place', async () => {
    const record = {
      country: { iso_code: 'US' },
      location: { latitude: 37.75, longitude: -97.82, accuracy_radius: 1000 },
    }
    const enricher = await open(path('city.mmdb', writeDatabase([{ network: '198.51.100.0/24', record }])))
    const { location } = enricher.enrich(anEvent({ src_endpoint: { ip: '198.51.100.7' } })).ocsf
      .src_endpoint as JsonObject
    expect(location).toEqual({ country: 'US', provider: 'Test-City 2026-01-02' })
    enricher.stop()
  })

  it('says once that a database is not there or is none, and takes it when it comes, and anew when it changes', async () => {
    const enricher = await open(path('city.mmdb'), path('broken.mmdb', 'nothing of the kind'))
    const countryOf = (ip: string) =>
      ((enricher.enrich(anEvent({ src_endpoint: { ip } })).ocsf.src_endpoint as JsonObject).location as JsonObject)
        ?.country
    await enricher.check()
    expect(told).toEqual([
      'a database of addresses cannot be read: there is no such file; addresses are not looked up in it',
      'a database of addresses cannot be read: it is no MaxMind DB; addresses are not looked up in it',
    ])
    expect(countryOf('198.51.100.7')).toBeUndefined()
    path('city.mmdb', cities())
    await enricher.check()
    expect(countryOf('198.51.100.7')).toBe('DE')
    path('city.mmdb', cities('203.0.113.0/25'))
    await enricher.check()
    expect([countryOf('198.51.100.7'), countryOf('203.0.113.7'), countryOf('203.0.113.200')]).toEqual([
      undefined,
      'DE',
      undefined,
    ])
    rmSync(path('city.mmdb'))
    await enricher.check()
    expect(countryOf('203.0.113.7')).toBe('DE')
    expect(told.at(-1)).toContain('what it held before is used on')
    enricher.stop()
  })

  it('survives a file whose bytes are damaged anywhere', async () => {
    const whole = cities()
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole)
      damaged[at] = 255 - (damaged[at] ?? 0)
      const enricher = await open(path(`damaged-${at}.mmdb`, damaged))
      for (const ip of ['198.51.100.7', '2001:db8::1']) enricher.enrich(anEvent({ src_endpoint: { ip } }))
      enricher.stop()
    }
  })
})

describe('RecentlyAsked', () => {
  it('remembers what was asked lately, and no more than twice its bound', () => {
    const asked = new RecentlyAsked<number>(10)
    let answers = 0
    const ask = (key: string) => asked.get(key, () => (answers += 1))
    for (let i = 0; i < 5; i++) expect(ask('a')).toBe(1)
    for (let i = 0; i < 30; i++) ask(`other ${i}`)
    expect(ask('other 29')).toBe(31)
    expect(ask('a')).toBe(32)
  })
})
