import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventTime, parseEpoch, parseIso, parseTime } from './instants.ts'

describe('ISO times', () => {
  it.each([
    ['2026-03-01T10:00:00Z', '2026-03-01T10:00:00.000Z'],
    ['2026-03-01t10:00:00z', '2026-03-01T10:00:00.000Z'],
    ['2026-03-01 10:00:00', '2026-03-01T10:00:00.000Z'],
    ['2026-03-01 10:00:00.5 UTC', '2026-03-01T10:00:00.500Z'],
    ['2026-03-01 10:00:00.5 +01:00', '2026-03-01T09:00:00.500Z'],
    ['2026-03-01T10:00:00,250+0130', '2026-03-01T08:30:00.250Z'],
    ['2026-03-01T10:00:00.1234567-05:00', '2026-03-01T15:00:00.123Z'],
    ['2026-03-01T10:00:00.999999999Z', '2026-03-01T10:00:00.999Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(new Date(parseIso(text) ?? 0).toISOString()).toBe(expected)
  })

  it.each([
    '2026-03-01',
    '2026-03-01T10:00',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T10:60:00Z',
    '2026-03-01T10:00:61Z',
    '2026-03-01T10:00:00.Z',
    '2026-03-01T10:00:00+25:00',
    '2026-03-01T10:00:00Zx',
    '2026-03-01T10:00:00 CET',
    '2026-03-01T10:00:00UTC',
    '2026-03-01T10:00:00 ',
    'xxxx-03-01T10:00:00Z',
    '+2026-3-1T10:00:00Z',
  ])('%s is none', (text) => {
    expect(parseIso(text)).toBeUndefined()
  })

  it('of any instant are read back', () => {
    const instants = fc.date({ min: new Date(0), max: new Date(Date.UTC(9999, 11, 31)), noInvalidDate: true })
    fc.assert(
      fc.property(instants, (date) => {
        expect(parseIso(date.toISOString())).toBe(date.getTime())
      }),
    )
  })

  it('in any text give an instant or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789-:T .Z+'), maxLength: 40 }), (text) => {
        const ms = parseTime(text)
        expect(ms === undefined || Number.isInteger(ms)).toBe(true)
      }),
    )
  })
})

describe('counts since 1970', () => {
  it.each([
    [1772359200, 1772359200000],
    [1772359200.5, 1772359200500],
    [1772359200500, 1772359200500],
    [1772359200500123, 1772359200500],
    [1772359200500 * 1e6, 1772359200500],
    [0, undefined],
    [-5, undefined],
    [12345, undefined],
    [1e21, undefined],
    [Number.NaN, undefined],
  ])('%d is %s', (value, expected) => {
    expect(parseEpoch(value)).toBe(expected)
  })
})

describe('when a record happened', () => {
  it.each([
    ['its surest member', { time: 'soon', UtcTime: '2026-03-01 10:00:00.5', ts: 1 }, '2026-03-01T10:00:00.500Z'],
    ['the one that reads as a time', { eventTime: 'soon', ts: 1772359200.25 }, '2026-03-01T10:00:00.250Z'],
    [
      'what happened before what was written',
      { timestamp: 1772359201, eventTime: 1772359200 },
      '2026-03-01T10:00:00.000Z',
    ],
  ])('is told by %s', (_, record, expected) => {
    expect(new Date(eventTime(record) ?? 0).toISOString()).toBe(expected)
  })

  it('is not known where no member tells', () => {
    expect(eventTime({ message: '2026-03-01T10:00:00Z', time: { at: 1772359200 } })).toBeUndefined()
  })
})
