import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSyslogHeader, type SyslogHeader } from './header.ts'

const NOW = Date.UTC(2026, 2, 1, 12, 0, 0)
const read = (text: string, receivedAt = NOW) => parseSyslogHeader(text, receivedAt)
const at = (iso: string) => Date.parse(iso)

describe('RFC 5424', () => {
  it('reads example 1 of section 6.5', () => {
    expect(
      read(
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \uFEFF'su root' failed for lonvick on /dev/pts/8",
      ),
    ).toEqual({
      rfc: '5424',
      facility: 4,
      severity: 2,
      time: at('2003-10-11T22:14:15.003Z'),
      timestamp: '2003-10-11T22:14:15.003Z',
      hostname: 'mymachine.example.com',
      appname: 'su',
      msgid: 'ID47',
      message: "'su root' failed for lonvick on /dev/pts/8",
    })
  })

  it('reads example 4 of section 6.5: structured data and no message', () => {
    const header = read(
      '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]',
    )
    expect(header.structuredData).toEqual({
      'exampleSDID@32473': { iut: '3', eventSource: 'Application', eventID: '1011' },
      'examplePriority@32473': { class: 'high' },
    })
    expect(header.message).toBe('')
  })

  it.each<[string, string, unknown, string]>([
    ['escapes', '[a x="\\"q\\" \\\\ \\] \\n"]', { a: { x: '"q" \\ ] \\n' } }, 'm'],
    ['a repeated name', '[a ip="1" ip="2" ip="3"]', { a: { ip: ['1', '2', '3'] } }, 'm'],
    ['an element without parameters', '[a]', { a: {} }, 'm'],
    [
      'names of the prototype',
      '[__proto__ __proto__="x" constructor="y"]',
      { '[__proto__]': { '[__proto__]': 'x', constructor: 'y' } },
      'm',
    ],
  ])('structured data: %s', (_, text, structuredData, message) => {
    const header = read(`<14>1 - h a - - ${text} ${message}`)
    expect(header.structuredData).toEqual(structuredData)
    expect(header.message).toBe(message)
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  it('keeps malformed structured data as part of the message', () => {
    const header = read('<14>1 - h a - - [a x="never closed message')
    expect(header.structuredData).toBeUndefined()
    expect(header.message).toBe('[a x="never closed message')
  })

  it('takes more fraction digits and lower case than the RFC allows', () => {
    expect(read('<14>1 2026-03-01T10:00:00.123456789+02:00 h a - - - m').time).toBe(at('2026-03-01T08:00:00.123Z'))
  })

  it('is not what only looks like it', () => {
    expect(read('<14>1 bottle of beer on the wall').rfc).toBe('3164')
    expect(read('<14>1 bottle of beer on the wall').message).toBe('1 bottle of beer on the wall')
  })
})

describe('RFC 3164 and its bends', () => {
  it.each<[string, string, Partial<SyslogHeader>]>([
    [
      'the form',
      '<34>Oct 11 22:14:15 mymachine su: failed',
      {
        facility: 4,
        severity: 2,
        time: at('2025-10-11T22:14:15Z'),
        hostname: 'mymachine',
        appname: 'su',
        message: 'failed',
      },
    ],
    [
      'a day padded by a space',
      '<13>Feb  5 17:32:18 h a[7]: m',
      { time: at('2026-02-05T17:32:18Z'), hostname: 'h', appname: 'a', procid: '7', message: 'm' },
    ],
    [
      'a day not padded',
      '<13>Feb 5 17:32:18 h a: m',
      { hostname: 'h', time: at('2026-02-05T17:32:18Z'), appname: 'a' },
    ],
    ['no priority is user.notice', 'Feb  5 17:32:18 h a: m', { appname: 'a', facility: 1, severity: 5, hostname: 'h' }],
    [
      'an ISO time, as rsyslog forwards',
      '<13>2026-02-05T17:32:18.123456+01:00 h a[7]: m',
      { time: at('2026-02-05T16:32:18.123Z'), hostname: 'h', appname: 'a', procid: '7', message: 'm' },
    ],
    [
      'a year after the time',
      '<13>Feb  5 17:32:18 2024 h a: m',
      { appname: 'a', time: at('2024-02-05T17:32:18Z'), hostname: 'h' },
    ],
    [
      'a year before the time',
      '<13>Feb  5 2024 17:32:18 h a: m',
      { appname: 'a', time: at('2024-02-05T17:32:18Z'), hostname: 'h' },
    ],
    [
      'a fraction',
      '<13>Feb  5 17:32:18.250 h a: m',
      { appname: 'a', time: at('2026-02-05T17:32:18.250Z'), hostname: 'h' },
    ],
    ['no host', '<13>Feb  5 17:32:18 sshd[9]: m', { appname: 'sshd', procid: '9', message: 'm' }],
    ['a tag without colon', '<13>Feb  5 17:32:18 h tag text', { hostname: 'h', message: 'tag text' }],
    [
      'a tag with pid and no colon',
      '<13>Feb  5 17:32:18 h tag[5] text',
      { hostname: 'h', appname: 'tag', procid: '5', message: 'text' },
    ],
    ['nothing but a tag', '<13>sshd[9]: m', { appname: 'sshd', procid: '9', message: 'm' }],
    ['nothing at all', '<13>use the source', { message: 'use the source' }],
    [
      'Cisco IOS',
      '<189>123: rtr1: *Mar  1 18:48:50.483 UTC: %SYS-5-CONFIG_I: Configured',
      {
        facility: 23,
        severity: 5,
        hostname: 'rtr1',
        appname: '%SYS-5-CONFIG_I',
        message: '%SYS-5-CONFIG_I: Configured',
        time: at('2026-03-01T18:48:50.483Z'),
      },
    ],
    [
      'Cisco IOS without its name',
      '<189>123: .Mar  1 10:48:50.483: %LINK-3-UPDOWN: down',
      { appname: '%LINK-3-UPDOWN', time: at('2026-03-01T10:48:50.483Z') },
    ],
    [
      'a repeat notice',
      '<13>Feb  5 17:32:18 h last message repeated 3 times',
      { hostname: 'h', message: 'last message repeated 3 times' },
    ],
    ['trailing NUL and LF', '<13>Feb  5 17:32:18 h a: m\0\n', { appname: 'a', hostname: 'h', message: 'm' }],
    [
      'a path as tag',
      '<13>Feb  5 17:32:18 h /usr/sbin/cron[7]: m',
      { hostname: 'h', appname: '/usr/sbin/cron', procid: '7' },
    ],
    [
      'PAM inside the tag',
      '<13>Feb  5 17:32:18 h sshd(pam_unix)[7]: m',
      { hostname: 'h', appname: 'sshd', procid: '7', message: 'm' },
    ],
    [
      'a priority out of range',
      '<999>Feb  5 17:32:18 h a: m',
      { facility: 1, severity: 5, message: '<999>Feb  5 17:32:18 h a: m' },
    ],
    [
      'a plain line with a colon and no priority',
      'Error: something is wrong',
      { message: 'Error: something is wrong' },
    ],
  ])('%s', (_, text, expected) => {
    const header = read(text)
    expect(header).toMatchObject({ rfc: '3164', ...expected })
    for (const name of ['hostname', 'appname', 'procid'] as const) expect(header[name]).toBe(expected[name])
  })

  it('has the year nearest to the time it came', () => {
    const newYear = Date.UTC(2026, 0, 1, 0, 0, 5)
    expect(read('<13>Dec 31 23:59:59 h a: m', newYear).time).toBe(at('2025-12-31T23:59:59Z'))
    const eve = Date.UTC(2025, 11, 31, 23, 59, 55)
    expect(read('<13>Jan  1 00:00:01 h a: m', eve).time).toBe(at('2026-01-01T00:00:01Z'))
  })

  it('knows 29 February of leap years only', () => {
    expect(read('<13>Feb 29 10:00:00 h a: m', Date.UTC(2024, 2, 1)).time).toBe(at('2024-02-29T10:00:00Z'))
    expect(read('<13>Feb 29 10:00:00 h a: m', Date.UTC(2025, 2, 1)).time).toBe(at('2024-02-29T10:00:00Z'))
    expect(read('<13>Feb 30 10:00:00 h a: m').time).toBeUndefined()
  })
})

describe('any text', () => {
  const prefix = fc.constantFrom(
    '',
    '<13>',
    '<13>1 ',
    '<13>Feb  5 17:32:18 ',
    '<189>12: ',
    'Feb  5 17:32:18 ',
    '<13>1 - h a - - [',
  )
  it('has a reading', () => {
    fc.assert(
      fc.property(prefix, fc.string({ unit: 'binary', maxLength: 200 }), (front, text) => {
        const header = read(front + text)
        expect(typeof header.message).toBe('string')
        expect(header.facility).toBeGreaterThanOrEqual(0)
        expect(header.facility).toBeLessThan(24)
        expect(header.severity).toBeLessThan(8)
      }),
      { numRuns: 2000 },
    )
  })

  it('of RFC 5424 comes back as it was written', () => {
    const name = fc
      .string({ unit: fc.constantFrom(...'abcXYZ019.-_/'), minLength: 1, maxLength: 20 })
      .filter((text) => text !== '-')
    const value = fc.string({ unit: fc.constantFrom(...'ab "\\]=[é'), maxLength: 12 })
    const escaped = (text: string) => text.replaceAll(/["\\\]]/g, '\\$&')
    fc.assert(
      fc.property(
        name,
        name,
        value,
        fc.string({ unit: fc.constantFrom(...'xyz -[]"é'), maxLength: 30 }),
        (host, app, data, message) => {
          const header = read(`<14>1 2026-03-01T10:00:00Z ${host} ${app} - - [id@1 k="${escaped(data)}"] ${message}`)
          expect(header).toMatchObject({
            hostname: host,
            appname: app,
            structuredData: { 'id@1': { k: data } },
            message,
          })
        },
      ),
    )
  })
})
