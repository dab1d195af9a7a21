import { describe, expect, it } from 'vitest'
import { PARSE_LIMITS } from '../limits.ts'
import { classes } from './classes.ts'
import { finishEvent, startEvent } from './event.ts'
import { endpoint, fingerprints, integerOf, ipOf, user } from './objects.ts'

const frame = () => ({ time: 5, receivedAt: 9, labels: [] as string[] })

describe('an event', () => {
  it('carries the ids and names of its class and activity', () => {
    expect(startEvent(3002, 7)).toEqual({
      class_uid: 3002,
      class_name: 'Authentication',
      category_uid: 3,
      activity_id: 7,
      activity_name: 'Account Switch',
      type_uid: 300207,
    })
    expect(startEvent(201004, 1)).toMatchObject({ category_uid: 1, type_uid: 20100401 })
  })

  it('of an activity that the class does not know is Other, in the words of its source', () => {
    expect(startEvent(1006, 55, 'Frobnicate')).toMatchObject({
      activity_id: 99,
      activity_name: 'Frobnicate',
      type_uid: 100699,
    })
  })

  it('that lacks what its class demands says so, and is not changed by the next', () => {
    const first = startEvent(1007, 1)
    finishEvent(first, frame())
    expect(first).toMatchObject({
      time: 5,
      severity_id: 1,
      metadata: { version: '1.8.0', logged_time: 9, labels: ['missing:actor', 'missing:device', 'missing:process'] },
      process: { pid: 0 },
    })
    const second = startEvent(1007, 1)
    finishEvent(second, frame())
    expect(second).toEqual(first)
  })

  it('keeps the labels and product of its reader', () => {
    const event = startEvent(0, 0)
    event.metadata = { product: { name: 'p' }, labels: ['a'] }
    finishEvent(event, { ...frame(), labels: ['a', 'b'] })
    expect(event.metadata).toMatchObject({ product: { name: 'p' }, labels: ['a', 'b'] })
  })

  it('of every class has the activities Unknown and Other', () => {
    for (const entry of Object.values(classes)) expect(entry.activities).toMatchObject({ 0: 'Unknown', 99: 'Other' })
  })
})

describe('observables', () => {
  it('are the values that indicators are about', () => {
    const event = startEvent(1001, 1)
    event.device = { type_id: 0, hostname: 'h' }
    event.actor = { user: { name: 'u' }, process: { pid: 1, name: 'p', cmd_line: 'p -x' } }
    event.file = { name: 'f', path: '/f', type_id: 1, hashes: [{ algorithm: 'MD5', algorithm_id: 1, value: 'AA' }] }
    finishEvent(event, frame())
    const seen = (event.observables as { name: string; type_id: number; value: string }[]).map((each) => [
      each.name,
      each.type_id,
      each.value,
    ])
    expect(seen).toEqual([
      ['actor.user.name', 4, 'u'],
      ['actor.process.name', 9, 'p'],
      ['actor.process.cmd_line', 13, 'p -x'],
      ['file.name', 7, 'f'],
      ['file.path', 45, '/f'],
      ['device.hostname', 1, 'h'],
      ['file.hashes.value', 8, 'AA'],
    ])
  })

  it('are bounded in number and length', () => {
    const event = startEvent(6003, 1)
    event.resources = Array.from({ length: 500 }, (_, i) => ({ uid: `${i}${'x'.repeat(10_000)}` }))
    finishEvent(event, frame())
    const list = event.observables as { value: string }[]
    expect(list.length).toBe(PARSE_LIMITS.observablesMax)
    expect(Math.max(...list.map(({ value }) => value.length))).toBe(PARSE_LIMITS.observableCharsMax)
  })
})

describe('objects', () => {
  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8::1', '2001:DB8::1'],
    ['10.0.0.256', undefined],
    ['host', undefined],
    ['-', undefined],
    [7, undefined],
  ])('the address in %s is %s', (value, expected) => {
    expect(ipOf(value)).toBe(expected)
  })

  it.each([
    ['0x1A4', 420],
    ['420', 420],
    [420, 420],
    ['0x', undefined],
    ['', undefined],
    ['1e3', undefined],
    [' 1', undefined],
    ['99999999999999999', undefined],
    [1.5, undefined],
    [null, undefined],
  ])('the whole number in %s is %s', (value, expected) => {
    expect(integerOf(value)).toBe(expected)
  })

  it('take a domain off a user name, and know no port above 65535', () => {
    expect(user({ name: 'CORP\\ann' })).toEqual({ name: 'ann', domain: 'CORP' })
    expect(user({ name: '\\ann' })).toEqual({ name: '\\ann' })
    expect(user({ name: '-', uid: '' })).toBeUndefined()
    expect(endpoint({ address: '10.0.0.1', port: 70_000 })).toEqual({ ip: '10.0.0.1' })
    expect(endpoint({ address: 'h.example' })).toEqual({ hostname: 'h.example' })
  })

  it('take hashes apart, and leave what is none', () => {
    expect(fingerprints('SHA1=AA,__proto__=BB,junk,=x,MD5=')).toEqual([
      { algorithm: 'SHA-1', algorithm_id: 2, value: 'AA' },
      { algorithm: '__PROTO__', algorithm_id: 99, value: 'BB' },
    ])
    expect(fingerprints('-')).toBeUndefined()
  })
})
