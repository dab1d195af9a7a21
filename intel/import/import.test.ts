import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMetrics, type Database, migrate, RampartError } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { createIndicators, type Indicators } from '../indicators.ts'
import { IndicatorIndex } from '../match/indicator-index.ts'
import { intelMigrations } from '../migrations.ts'
import { createStixStore, type StixStore } from '../stix/store.ts'
import { aClock, metBy, place, silent } from '../testing/builders.ts'
import { findImportFiles, splitImport } from './files.ts'
import { createImports, type ImportSummary } from './import.ts'
import { readImport } from './read.ts'

const uuid = (number: number) => `018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`
const stixIndicator = (number: number, pattern: string, more: object = {}) => ({
  type: 'indicator',
  spec_version: '2.1',
  id: `indicator--${uuid(number)}`,
  created: '2026-02-01T00:00:00.000Z',
  modified: '2026-02-20T00:00:00.000Z',
  pattern,
  pattern_type: 'stix',
  valid_from: '2026-02-01T00:00:00Z',
  confidence: 90,
  ...more,
})
const bundle = (...objects: object[]) => JSON.stringify({ type: 'bundle', id: `bundle--${uuid(0)}`, objects })

describe.each(testDatabases())('an import on $name', ({ open }) => {
  const clock = aClock()
  let database: Database
  let indicators: Indicators
  let objects: StixStore
  let index: IndicatorIndex
  let run: (text: string, source?: string) => Promise<ImportSummary>
  let drop: () => Promise<void>

  beforeEach(async () => {
    const opened = await open()
    database = opened.database
    drop = opened.drop
    await migrate(database, intelMigrations, clock)
    index = new IndicatorIndex()
    const publish = async (change: Parameters<IndicatorIndex['change']>[0]) => index.change(structuredClone(change))
    indicators = createIndicators({ database, clock, log: silent as never, publish })
    objects = createStixStore(database)
    const imports = createImports({ indicators, objects, clock, metrics: createMetrics() })
    run = (text, source = 'feed') => imports.run(place, Buffer.from(text), { source, confidence: 80 })
  })
  afterEach(async () => {
    await indicators.stop()
    await drop()
  })
  const known = async (text: string) => (await indicators.lookUp(place, text)).indicators

  describe('of STIX', () => {
    it('has a pattern of several properties met by one event, and says why another is not', async () => {
      const pattern = "[domain-name:value = 'evil.example' AND network-traffic:dst_port = 443]"
      await run(bundle(stixIndicator(1, pattern), stixIndicator(2, "[file:name = 'a'] FOLLOWEDBY [file:name = 'b']")))
      const met = () =>
        index
          .findPatterns(
            {
              time: clock.now(),
              ocsf: { dst_endpoint: { port: 443 } },
              observables: [{ type: 'domain', value: 'evil.example' }],
            },
            clock.now(),
          )
          .map(({ value }) => value)
      expect(met()).toEqual([pattern])
      const { items } = await indicators.list(place, { limit: 10 })
      expect(items.map(({ notMatched }) => notMatched).filter(Boolean)).toEqual([
        'it asks for observations one after another, and an event is one',
      ])
      // As a set, after a start.
      index = new IndicatorIndex()
      await indicators.load(place.account)
      expect(met()).toEqual([pattern])
      await run(bundle(stixIndicator(1, pattern, { modified: '2026-02-21T00:00:00.000Z', revoked: true })))
      expect(met()).toEqual([])
    })

    it('takes up a pattern that an earlier version could not compare', async () => {
      const value = "[file:name = 'a.exe' AND file:size = 7]"
      const statement = {
        observable: { type: 'pattern', value } as const,
        ...({ source: 'feed', confidence: 80, tlp: 'amber' } as const),
        ...{ validFrom: clock.now(), lastSeen: clock.now(), saidAt: clock.now() },
      }
      await indicators.tell(place, [{ ...statement, notMatched: 'it asks for several properties' }])
      expect(index.patternCounts.indexed).toBe(0)
      await indicators.load(place.account)
      expect(index.patternCounts.indexed).toBe(1)
      const { items } = await indicators.list(place, { limit: 10 })
      expect(items[0]).not.toHaveProperty('notMatched')
    })

    it('takes what is compared with events, and keeps all objects as they came', async () => {
      const malware = {
        type: 'malware',
        id: `malware--${uuid(9)}`,
        created: '2026-02-01T00:00:00Z',
        modified: '2026-02-01T00:00:00Z',
        name: 'Worm',
        is_family: true,
        x_own: { a: [1] },
      }
      const summary = await run(
        bundle(
          stixIndicator(1, "[domain-name:value = 'evil.example' OR ipv4-addr:value = '8.8.8.8']", {
            labels: ['c2'],
            object_marking_refs: ['marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed'],
          }),
          stixIndicator(2, "[ipv4-addr:value = '9.9.9.9' AND network-traffic:dst_port = 443]"),
          stixIndicator(3, 'rule x { condition: true }', { pattern_type: 'yara' }),
          stixIndicator(4, '[nonsense'),
          stixIndicator(5, "[ipv4-addr:value = '10.0.0.1']"),
          {
            type: 'relationship',
            id: `relationship--${uuid(8)}`,
            created: '2026-02-01T00:00:00Z',
            modified: '2026-02-01T00:00:00Z',
            relationship_type: 'indicates',
            source_ref: `indicator--${uuid(1)}`,
            target_ref: malware.id,
          },
          malware,
          { type: 'x-own', id: 'nonsense' },
        ),
      )
      expect(summary).toMatchObject({ format: 'stix', created: 4, notMatched: 1, objects: 7, refusedCount: 3 })
      expect(summary.refused.map(({ message }) => message).join('\n')).toMatch(
        /identifier[\s\S]*cannot be read[\s\S]*private/,
      )
      expect(metBy(index, 'domain', 'a.evil.example')).toEqual(['domain evil.example'])
      expect(metBy(index, 'ip', '9.9.9.9')).toEqual([])
      const [evil] = await known('evil.example')
      expect(evil?.opinions).toMatchObject([
        {
          source: 'feed',
          tlp: 'red',
          confidence: 90,
          labels: ['c2', 'indicates:Worm'],
          stixId: `indicator--${uuid(1)}`,
        },
      ])
      const kept = await objects.list(place, { addedAfterUs: 0, limit: 100, versions: ['all'] })
      expect(kept.map(({ json }) => JSON.parse(json)).find(({ id }) => id === malware.id)).toEqual(malware)
      expect(
        await run(
          bundle(
            stixIndicator(1, "[domain-name:value = 'evil.example' OR ipv4-addr:value = '8.8.8.8']", {
              labels: ['c2'],
              object_marking_refs: ['marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed'],
            }),
            malware,
          ),
        ),
      ).toMatchObject({ created: 0, objects: 0, revoked: 0 })
    })

    it('follows versions: the newest is what holds, revoked ends at once', async () => {
      await run(bundle(stixIndicator(1, "[domain-name:value = 'old.example']")))
      await run(bundle(stixIndicator(1, "[domain-name:value = 'new.example']", { modified: '2026-02-21T00:00:00Z' })))
      expect(metBy(index, 'domain', 'old.example')).toEqual([])
      expect(metBy(index, 'domain', 'new.example')).toEqual(['domain new.example'])
      // One that comes late says nothing any more.
      await run(bundle(stixIndicator(1, "[domain-name:value = 'new.example']", { confidence: 10 })))
      expect(metBy(index, 'domain', 'new.example')).toEqual(['domain new.example'])
      await run(bundle(stixIndicator(1, '[nonsense', { modified: '2026-02-22T00:00:00Z', revoked: true })), 'other')
      expect(metBy(index, 'domain', 'new.example')).toEqual(['domain new.example'])
      expect(
        await run(bundle(stixIndicator(1, '[nonsense', { modified: '2026-02-22T00:00:00Z', revoked: true }))),
      ).toMatchObject({ revoked: 1 })
      expect(metBy(index, 'domain', 'new.example')).toEqual([])
    })

    it('takes sightings', async () => {
      await run(bundle(stixIndicator(1, "[domain-name:value = 'evil.example']")))
      const summary = await run(
        bundle(
          {
            type: 'sighting',
            id: `sighting--${uuid(2)}`,
            created: '2026-02-25T00:00:00Z',
            modified: '2026-02-25T00:00:00Z',
            last_seen: '2026-02-25T00:00:00Z',
            sighting_of_ref: `indicator--${uuid(1)}`,
            where_sighted_refs: [`identity--${uuid(3)}`],
            observed_data_refs: [`observed-data--${uuid(4)}`],
          },
          {
            type: 'identity',
            id: `identity--${uuid(3)}`,
            created: '2026-02-25T00:00:00Z',
            modified: '2026-02-25T00:00:00Z',
            name: 'branch office',
          },
          {
            type: 'observed-data',
            id: `observed-data--${uuid(4)}`,
            created: '2026-02-25T00:00:00Z',
            modified: '2026-02-25T00:00:00Z',
            object_refs: [`domain-name--${uuid(5)}`],
          },
          { type: 'domain-name', id: `domain-name--${uuid(5)}`, value: 'x.evil.example' },
        ),
      )
      expect(summary).toMatchObject({ sightings: 1, objects: 4 })
      const [evil] = await known('evil.example')
      expect(evil).toMatchObject({ sightings: 1, opinions: [{ lastSeen: Date.UTC(2026, 1, 25) }] })
      expect(await indicators.sightings(place, evil?.id ?? '', 10)).toMatchObject([
        { entity: 'branch office', observable: 'x.evil.example' },
      ])
    })

    it('gives each object a later place than all before', async () => {
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          [1, 2, 3].map((number) =>
            run(
              bundle(
                ...[...Array(5).keys()].map((at) => ({
                  type: 'domain-name',
                  id: `domain-name--${uuid(round * 100 + number * 10 + at)}`,
                  value: 'a.example',
                })),
              ),
            ),
          ),
        )
      }
      const added = (await objects.list(place, { addedAfterUs: 0, limit: 1000, versions: ['all'] })).map(
        ({ addedUs }) => addedUs,
      )
      expect(added.length).toBe(45)
      expect(new Set(added).size).toBe(45)
    })
  })

  describe('of MISP', () => {
    const attribute = (number: number, type: string, value: string, more: object = {}) => ({
      uuid: uuid(number),
      type,
      value,
      category: 'Network activity',
      to_ids: true,
      timestamp: '1771545600',
      ...more,
    })
    const event = (attributes: object[], more: object = {}) =>
      JSON.stringify({
        Event: {
          info: 'Campaign',
          date: '2026-02-20',
          Attribute: attributes,
          Tag: [{ name: 'tlp:green' }, { name: 'admiralty-scale:source-reliability="b"' }],
          ...more,
        },
      })

    it('takes attributes for detection, composite ones by their parts, those of objects too', async () => {
      const text = event(
        [
          attribute(1, 'domain|ip', 'evil.example|8.8.8.8', { comment: 'c2' }),
          attribute(2, 'filename|sha1', 'a.exe|da39a3ee5e6b4b0d3255bfef95601890afd80709'),
          attribute(3, 'ip-dst|port', '9.9.9.9|443', { Tag: [{ name: 'admiralty-scale:source-reliability="a"' }] }),
          attribute(4, 'domain', 'not.example', { to_ids: false }),
          attribute(5, 'mutex', 'x'),
          attribute(6, 'url', 'http://evil.example/a|b'),
          attribute(7, 'md5', 'nonsense'),
        ],
        { Object: [{ Attribute: [attribute(8, 'ja3-fingerprint-md5', 'd41d8cd98f00b204e9800998ecf8427e')] }] },
      )
      expect(await run(text)).toMatchObject({ format: 'misp', created: 6, refusedCount: 2 })
      const [evil] = await known('evil.example')
      expect(evil?.opinions).toMatchObject([
        {
          confidence: 75,
          tlp: 'green',
          description: 'Campaign: c2',
          stixId: `indicator--${uuid(1)}`,
          lastSeen: 1771545600000,
        },
      ])
      expect((await known('9.9.9.9'))[0]?.opinions[0]?.confidence).toBe(100)
      expect(metBy(index, 'url', 'http://evil.example/a|b', 1771545600000)).toContain('url http://evil.example/a|b')
      expect(metBy(index, 'ja3', 'd41d8cd98f00b204e9800998ecf8427e')).toHaveLength(1)
      expect(metBy(index, 'domain', 'not.example')).toEqual([])
    })

    it('ends what was deleted or is not for detection any more', async () => {
      await run(event([attribute(1, 'domain', 'a.example'), attribute(2, 'domain', 'b.example')]))
      const later = { timestamp: '1771545700' }
      const summary = await run(
        event([
          attribute(1, 'domain', 'a.example', { ...later, deleted: true }),
          attribute(2, 'domain', 'b.example', { ...later, to_ids: false }),
        ]),
      )
      expect(summary).toMatchObject({ revoked: 2 })
      expect(metBy(index, 'domain', 'a.example')).toEqual([])
      expect(metBy(index, 'domain', 'b.example')).toEqual([])
    })
  })

  it.each<[string, string, string, object]>([
    [
      'a plain list',
      'text',
      '# list\nevil[.]example\n8.8.8.8 # dns\n\n0.0.0.0 ads.example\nnonsense\n',
      { created: 3, refusedCount: 1 },
    ],
    [
      'CSV without header',
      'csv',
      '2026-01-01,evil.example,x\n2026-01-01,hxxp://a.example/b?c=d,y\n',
      { created: 2, refusedCount: 0 },
    ],
    [
      'CSV with header',
      'csv',
      'first_seen,url,tags,last_seen\n"2026-02-28","http://a.example/""b,c","x|y","2026-02-28 10:00:00"\n',
      { created: 1 },
    ],
    [
      'CSV with a commented header',
      'csv',
      '# "first_seen","dst_ip","dst_port"\n"2026-02-28","8.8.8.8","443"\n# end\n',
      { created: 1 },
    ],
    ['NDJSON', 'ndjson', '{"value":"evil.example"}\n{"value":"8.8.8.8","confidence":55}\n', { created: 2 }],
    ['one JSON indicator', 'ndjson', '{"value":"evil.example"}', { created: 1 }],
    [
      'a list of STIX objects',
      'stix',
      `[${JSON.stringify(stixIndicator(1, "[url:value = 'http://a.example/']"))}]`,
      { created: 1 },
    ],
    [
      'a MISP search',
      'misp',
      JSON.stringify({ response: { Attribute: [{ type: 'domain', value: 'a.example', to_ids: true }] } }),
      { created: 1 },
    ],
  ])('tells %s by its looks', async (_, format, text, expected) => {
    expect(await run(text)).toMatchObject({ format, ...expected })
  })

  it.each<[string, string | Buffer, string]>([
    ['other JSON', '{"a":1}', 'intel.import.unreadable'],
    ['what is not UTF-8', Buffer.from([0xff, 0xfe, 0x41]), 'intel.import.unreadable'],
  ])('refuses %s', async (_, text, code) => {
    const defaults = { source: 'x', confidence: 80, now: clock.now() }
    expect(() => readImport(Buffer.from(text), undefined, defaults)).toThrow(expect.objectContaining({ code }))
  })
})

describe('hostile imports', () => {
  const defaults = { source: 'x', confidence: 80, now: 0 }
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

  it.each([
    ['a deep object', `{"type":"bundle","objects":[{"type":"malware","id":"malware--${uuid(1)}","a":${deep}}]}`],
    [
      'a huge object',
      `{"type":"bundle","objects":[{"type":"malware","id":"malware--${uuid(1)}","a":"${'x'.repeat(300_000)}"}]}`,
    ],
    [
      'wrong types everywhere',
      `{"type":"bundle","objects":[1,null,[],{"id":7},{"type":[],"id":"indicator--${uuid(1)}"},{"type":"indicator","id":"indicator--${uuid(1)}","pattern":7,"labels":{"a":1},"kill_chain_phases":[1],"object_marking_refs":"x","created":"yesterday"}]}`,
    ],
    [
      'powers of names',
      `{"type":"bundle","objects":[{"type":"indicator","id":"indicator--${uuid(1)}","__proto__":{"pattern":"[url:value='x']"}}]}`,
    ],
  ])('%s is refused by itself', (_, text) => {
    const reading = readImport(Buffer.from(text), undefined, defaults)
    expect(reading.statements).toEqual([])
    expect(reading.refusedCount).toBeGreaterThan(0)
    expect(({} as { pattern?: string }).pattern).toBeUndefined()
  })

  it('any JSON throws only what is told', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('stix', 'misp', undefined), (value, format) => {
        try {
          readImport(Buffer.from(JSON.stringify({ Event: value, objects: value, type: 'bundle' })), format, defaults)
          readImport(Buffer.from(JSON.stringify(value)), format, defaults)
        } catch (error) {
          expect(error).toBeInstanceOf(RampartError)
        }
      }),
    )
  })

  it('any text throws only what is told', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.constantFrom('csv', 'text', 'ndjson', undefined),
        (text, format) => {
          try {
            readImport(Buffer.from(text), format, defaults)
          } catch (error) {
            expect(error).toBeInstanceOf(RampartError)
          }
        },
      ),
    )
  })
})

describe('files', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-files-'))
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  it('of a MISP feed are the events of its manifest', () => {
    writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ [uuid(1)]: {}, '../../etc/passwd': {} }))
    expect(findImportFiles(dir)).toEqual([join(dir, `${uuid(1)}.json`)])
  })

  it('of a folder are those in it', () => {
    mkdirSync(join(dir, 'sub'))
    for (const name of ['b.csv', 'a.txt']) writeFileSync(join(dir, name), '')
    expect(findImportFiles(dir)).toEqual([join(dir, 'a.txt'), join(dir, 'b.csv')])
  })

  it('of many lines go in parts, each with the header', () => {
    const rows = Array.from({ length: 300_000 }, (_, row) => `2026-01-01,d${row}.example\n`)
    const parts = [...splitImport(Buffer.from(`date,domain\n${rows.join('')}`), undefined)]
    expect(parts.length).toBeGreaterThan(1)
    for (const { bytes, format } of parts) {
      expect(format).toBe('csv')
      expect(bytes.toString().startsWith('date,domain\n')).toBe(true)
    }
    expect(parts.map(({ bytes }) => bytes.toString().replace('date,domain\n', '')).join('')).toBe(rows.join(''))
  })
})
