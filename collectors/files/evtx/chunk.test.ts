import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject, JsonValue } from '../../../pipeline/index.ts'
import {
  type EvtxEvent,
  type EvtxValue,
  long,
  none,
  type TemplateElement,
  text,
  word,
  writeEvtx,
} from '../../testing/evtx-file.ts'
import { EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES, readEvtxChunk } from './chunk.ts'

const FROM_1601_MS = 11_644_473_600_000
const TICKS = BigInt(Date.UTC(2026, 10, 29, 12) + FROM_1601_MS) * 10_000n + 1_234_560n
const anEvent = (data: EvtxEvent['data'] = [], more: Partial<EvtxEvent> = {}): EvtxEvent => ({
  ...{ channel: 'Security', eventId: 4624, ticks: TICKS, data },
  ...more,
})

function chunksOf(file: Buffer): Buffer[] {
  const count = (file.length - EVTX_HEADER_BYTES) / EVTX_CHUNK_BYTES
  return Array.from({ length: count }, (_, at) => {
    const from = EVTX_HEADER_BYTES + at * EVTX_CHUNK_BYTES
    return Buffer.from(file.subarray(from, from + EVTX_CHUNK_BYTES))
  })
}

const firstChunk = (...given: Parameters<typeof writeEvtx>): Buffer => chunksOf(writeEvtx(...given))[0] as Buffer
const eventIn = (chunk: Buffer): JsonObject => readEvtxChunk(chunk).events[0]?.Event as JsonObject
const readBack = (value: EvtxValue): JsonValue | undefined =>
  (eventIn(firstChunk([anEvent([['X', value]])])).EventData as JsonObject).X
const doubled = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

describe('an event of a Windows event log', () => {
  test('has the shape in which rules know it', () => {
    expect(
      eventIn(
        firstChunk([
          anEvent([
            ['SubjectUserName', text('ann')],
            ['LogonType', { type: 0x08, bytes: word(3, 4) }],
          ]),
        ]),
      ),
    ).toEqual({
      '#attributes': { xmlns: 'http://schemas.microsoft.com/win/2004/08/events/event' },
      System: {
        Provider: { '#attributes': { Name: 'Test & "Provider"' } },
        EventID: 4624,
        TimeCreated: { '#attributes': { SystemTime: '2026-11-29T12:00:00.123456Z' } },
        EventRecordID: 1,
        Channel: 'Security',
        Computer: 'host-7',
        Security: null,
      },
      EventData: { SubjectUserName: 'ann', LogonType: 3 },
    })
  })

  test.each<[string, EvtxValue, JsonValue]>([
    ['a text that ends before its room does', { type: 0x01, bytes: Buffer.from('ab\0c', 'utf16le') }, 'ab'],
    ['half a pair', text('a\ud800'), 'a\ud800'],
    ['an empty text', text(''), ''],
    ['nothing', none, ''],
    ['a number JSON cannot hold', { type: 0x0a, bytes: long(2n ** 64n - 1n) }, '18446744073709551615'],
    ['a negative one', { type: 0x09, bytes: long(-7n) }, -7],
    ['a fraction', { type: 0x0c, bytes: doubled(0.5) }, 0.5],
    ['no number', { type: 0x0c, bytes: doubled(Number.NaN) }, 'NaN'],
    ['a truth of another kind', { type: 0x0d, bytes: word(16, 4) }, true],
    ['a pointer', { type: 0x10, bytes: long(0x24cn) }, '0x24c'],
    ['a short one', { type: 0x10, bytes: word(0x24c, 4) }, '0x24c'],
    [
      'parts of a time',
      { type: 0x12, bytes: Buffer.concat([2026, 11, 0, 29, 12, 0, 1, 5].map((part) => word(part, 2))) },
      '2026-11-29T12:00:01.005000Z',
    ],
    ['texts', { type: 0x81, bytes: Buffer.from('a\0b\0', 'utf16le') }, ['a', 'b']],
    ['numbers', { type: 0x86, bytes: Buffer.concat([word(1, 2), word(65_535, 2)]) }, [1, 65_535]],
  ])('holds %s', (_, value, expected) => {
    expect(readBack(value)).toEqual(expected)
  })

  test('leaves out what depends on a value that is not there', () => {
    const template = (): TemplateElement => ({
      name: 'Event',
      holds: [
        { name: 'Here', dependsOn: 1, holds: [1] },
        { name: 'Gone', dependsOn: 4, attributes: { a: 4 }, holds: ['text'] },
      ],
    })
    expect(eventIn(firstChunk([anEvent([['X', none]])], { template }))).toEqual({ Here: 4624 })
  })

  test('holds names of every kind', () => {
    const names = ['__proto__', 'constructor', 'Data', '#text', '']
    const { EventData } = eventIn(firstChunk([anEvent(names.map((name) => [name, text(`of ${name}`)]))]))
    expect(Object.entries(EventData as JsonObject)).toEqual([
      ['__proto__', 'of __proto__'],
      ['constructor', 'of constructor'],
      ['Data', 'of Data'],
      ['#text', 'of #text'],
      ['Data_1', { '#text': 'of ' }],
    ])
    expect(Object.getPrototypeOf(EventData)).toBe(Object.prototype)
  })

  test('keeps an entity that nobody defined as it is written', () => {
    const chunk = firstChunk([anEvent()])
    // The name of the entity of an ampersand.
    const at = chunk.indexOf(Buffer.from('\x03\0a\0m\0p\0\0\0', 'latin1'))
    for (const name of ['map', 'amp']) {
      chunk.write(name, at + 2, 'utf16le')
      const { Provider } = eventIn(chunk).System as JsonObject
      expect(Provider).toEqual({
        '#attributes': { Name: name === 'amp' ? 'Test & "Provider"' : 'Test &map; "Provider"' },
      })
    }
  })

  test('the same name, or none, a thousand times costs no more than other names', () => {
    const many = (name: string) =>
      readEvtxChunk(firstChunk([anEvent(Array.from({ length: 1_500 }, (_, n) => [name, text(`${n}`)]))]))
    const named = many('X').events[0]?.Event as JsonObject
    expect(Object.keys(named.EventData as JsonObject)).toHaveLength(1_500)
    expect(named.EventData).toMatchObject({ X: '0', X_1: '1', X_1499: '1499' })
    const unnamed = many('').events[0]?.Event as { EventData: { Data: { '#text': JsonValue[] } } }
    expect(unnamed.EventData.Data['#text']).toEqual(Array.from({ length: 1_500 }, (_, n) => `${n}`))
  })

  test('twice the same name are two', () => {
    const { EventData } = eventIn(
      firstChunk([
        anEvent([
          ['X', text('1')],
          ['X', text('2')],
          ['X', text('3')],
        ]),
      ]),
    )
    expect(EventData).toEqual({ X: '1', X_1: '2', X_2: '3' })
  })
})

describe('a chunk', () => {
  test('that was never written holds none, and one that is another thing is told', () => {
    expect(readEvtxChunk(Buffer.alloc(EVTX_CHUNK_BYTES))).toEqual({ events: [], damaged: 0 })
    expect(readEvtxChunk(Buffer.alloc(EVTX_CHUNK_BYTES, 'x'))).toEqual({ events: [], damaged: 1 })
    expect(readEvtxChunk(Buffer.from('ElfChnk\0'))).toEqual({ events: [], damaged: 1 })
  })

  test('that is cut off holds what there is, and the rest is told', () => {
    const chunk = firstChunk(Array.from({ length: 50 }, () => anEvent([['X', text('abc')]])))
    const whole = readEvtxChunk(chunk).events
    expect(whole).toHaveLength(50)
    const { events, damaged } = readEvtxChunk(chunk.subarray(0, 4_000))
    expect(damaged).toBe(1)
    expect(events.length).toBeGreaterThan(5)
    expect(events).toEqual(whole.slice(0, events.length))
  })

  test('that is damaged anywhere costs an event or more, and nothing else', () => {
    const written = firstChunk(
      Array.from({ length: 30 }, (_, n) =>
        anEvent([
          ['X', text(`value ${n}`)],
          ['Y', { type: 0x13, bytes: Buffer.alloc(12, 1) }],
        ]),
      ),
    )
    const whole = readEvtxChunk(written).events.map((event) => JSON.stringify(event))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 8, max: 9_000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 20 }),
        (damage) => {
          const chunk = Buffer.from(written)
          for (const [at, byte] of damage) chunk[at] = byte
          const { events, damaged } = readEvtxChunk(chunk)
          expect(damaged).toBeGreaterThanOrEqual(0)
          // One that was not touched, and uses nothing that was, reads as before: the first event brings the template.
          if (damage.every(([at]) => at > 2_000 && at < 30_000)) {
            expect(events.slice(0, 3).map((event) => JSON.stringify(event))).toEqual(whole.slice(0, 3))
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('that says the same thing over and over again is read up to a bound', () => {
    const big = text('x'.repeat(20_000))
    const template = (): TemplateElement => ({ name: 'Event', holds: Array.from({ length: 2_000 }, () => 4) })
    expect(readEvtxChunk(firstChunk([anEvent([['X', big]])], { template }))).toEqual({ events: [], damaged: 1 })
    const deep = (levels: number): TemplateElement => ({
      name: 'Event',
      holds: levels === 0 ? ['x'] : [{ ...deep(levels - 1), name: 'E' }],
    })
    expect(readEvtxChunk(firstChunk([anEvent()], { template: () => deep(20) })).damaged).toBe(0)
    expect(readEvtxChunk(firstChunk([anEvent()], { template: () => deep(40) }))).toEqual({ events: [], damaged: 1 })
  })

  test('whose template names itself ends', () => {
    const chunk = firstChunk([anEvent()])
    // The template's own element becomes an instance of the template.
    const at = chunk.readUInt32LE(chunk.indexOf(Buffer.from([0x0c, 1]), 0x200) + 6)
    chunk.set(Buffer.from([0x0c, 1, 0, 0, 0, 0]), at + 28)
    chunk.writeUInt32LE(at, at + 34)
    expect(readEvtxChunk(chunk)).toEqual({ events: [], damaged: 1 })
  })
})
