import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event, JsonObject, JsonValue, RecordFormat } from '../../pipeline/index.ts'
import { recordFormats } from '../../pipeline/index.ts'
import { sharedData } from '../../test/support/requirements.ts'
import { PARSE_LIMITS } from '../limits.ts'
import { createParser } from './parser.ts'
import { parseProblems } from './problems.ts'

const NOW = Date.UTC(2026, 2, 1, 12)
const parser = createParser()

interface Given {
  readonly format?: RecordFormat
  readonly source?: string
  readonly receivedAt?: number
  readonly headers?: Readonly<Record<string, string>>
}

function parse(payload: string | Uint8Array, given: Given = {}): Event {
  return parser.parse({
    offset: 7,
    receivedAt: NOW,
    source: 'test',
    format: 'auto',
    headers: {},
    ...given,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
  })
}

const metadataOf = (event: Event) => event.ocsf.metadata as JsonObject

describe('what a record is', () => {
  it.each<[string, string, Partial<Given>, JsonObject]>([
    [
      'JSON by its brace',
      '{"marker":"x","Image":"y","nested":{"a":[1]}}',
      {},
      { marker: 'x', Image: 'y', nested: { a: [1] } },
    ],
    ['syslog by its priority', '<13>Mar  1 10:00:00 h app[1]: text', {}, { app_name: 'app', message: 'text' }],
    ['syslog without priority by its time', 'Mar  1 10:00:00 h app[1]: text', {}, { app_name: 'app', message: 'text' }],
    [
      'syslog as it stands in files of rsyslog',
      '2026-03-01T10:00:00.1+00:00 h app[1]: text',
      {},
      { hostname: 'h', message: 'text' },
    ],
    ['CEF by its name', 'CEF:0|V|P|1|7|name|3|act=block', {}, { deviceProduct: 'P', act: 'block' }],
    [
      'an access log by its shape',
      '192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
      {},
      { 'c-ip': '192.0.2.1', 'sc-status': 200 },
    ],
    ['a line else', 'just text', {}, { message: 'just text' }],
    [
      'JSON in syslog, its names first',
      '<13>Mar  1 10:00:00 h app: {"hostname":"inner","n":1}',
      {},
      { hostname: 'inner', n: 1, app_name: 'app', facility: 'user' },
    ],
    ['JSON in syslog behind a cookie', '<13>Mar  1 10:00:00 h app: @cee: {"n":1}', {}, { n: 1 }],
    ['CEF in syslog', '<13>Mar  1 10:00:00 h CEF:0|V|P|1|7|name|3|act=block', {}, { act: 'block', hostname: 'h' }],
    [
      'a row with its header',
      '1,"two ""2""",3',
      { format: 'csv', headers: { columns: 'a,b,c' } },
      { a: '1', b: 'two "2"', c: '3' },
    ],
    ['text that begins with a brace', '{not json', { format: 'text' }, { message: '{not json' }],
    [
      'a message that begins with a brace',
      '<13>Mar  1 10:00:00 h app: {not json',
      {},
      { message: '{not json', app_name: 'app' },
    ],
  ])('%s', (_, payload, given, original) => {
    const event = parse(payload, given)
    expect(event.original).toMatchObject(original)
    expect(event.parseError).toBeUndefined()
    expect(event).toMatchObject({ offset: 7, receivedAt: NOW, raw: payload })
  })

  it('an event that came as OCSF stays as its producer wrote it', () => {
    const sent = {
      class_uid: 6003,
      category_uid: 6,
      type_uid: 600301,
      time: NOW - 5,
      metadata: { version: '1.8.0' },
      actor: { user: { uid: 'u' } },
    }
    const event = parse(JSON.stringify(sent))
    expect(event.original).toEqual(sent)
    expect(event.ocsf).toEqual(sent)
    expect(event.time).toBe(NOW - 5)
  })
})

describe('what cannot be parsed', () => {
  const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const wide = (count: number) => `{${Array.from({ length: count }, (_, i) => `"m${i}":1`).join(',')}}`

  it.each<[string, string, Given, string]>([
    ['JSON cut off', '{"a":1', {}, 'json.malformed'],
    ['text where JSON was promised', 'hello', { format: 'json' }, 'json.malformed'],
    ['a number where an object was promised', '5', { format: 'json' }, 'json.notObject'],
    ['an array', '[{"a":1}]', { format: 'json' }, 'json.notObject'],
    ['too deep', deep(PARSE_LIMITS.depthMax + 1), {}, 'json.tooDeep'],
    ['absurdly deep', deep(100_000), {}, 'json.tooDeep'],
    ['too many members', wide(PARSE_LIMITS.membersMax + 1), {}, 'json.tooManyMembers'],
    ['too many elements', `{"a":[${'1,'.repeat(3000)}1]}`, {}, 'json.tooManyMembers'],
    ['too long', `{"a":"${'x'.repeat(PARSE_LIMITS.recordBytesMax)}"}`, {}, 'record.tooLarge'],
    [
      'a row that does not fit its header',
      '1,2,3',
      { format: 'csv', headers: { columns: 'a,b' } },
      'csv.columnsDiffer',
    ],
    ['a row without header', '1,2,3', { format: 'csv' }, 'csv.noColumns'],
    ['too deep behind a syslog header', `<13>Mar  1 10:00:00 h app: ${deep(60)}`, {}, 'json.tooDeep'],
    ['JSON promised by a cookie', '<13>Mar  1 10:00:00 h app: @cee: {"n":', {}, 'json.malformed'],
  ])('is kept raw and marked: %s', (_, payload, given, code) => {
    const event = parse(payload, given)
    expect(event.parseError).toBe(`${code}: ${parseProblems[code as keyof typeof parseProblems]}`)
    expect(metadataOf(event).labels).toContain(`parse_error:${code}`)
    expect(event.raw).toBe(payload)
    expect(Object.keys(event.original).length).toBeGreaterThan(0)
    expect(event.ocsf.class_uid).toBe(0)
  })

  it('takes what is just within the limits', () => {
    expect(parse(deep(PARSE_LIMITS.depthMax)).parseError).toBeUndefined()
    expect(parse(wide(PARSE_LIMITS.membersMax)).parseError).toBeUndefined()
  })

  it('reads bytes that are not UTF-8 as characters, marks the record and still understands it', () => {
    const line = Buffer.from(
      '<38>Mar  1 10:00:00 h sshd[1]: Failed password for J\xfcrgen from 192.0.2.1 port 9 ssh2',
      'latin1',
    )
    const event = parse(line)
    expect(event.parseError).toMatch(/^record\.notUtf8: /)
    expect(event.original.user).toBe('Jürgen')
    expect(event.ocsf.class_uid).toBe(3002)
    expect(event.raw).toContain('Jürgen')
  })

  it('marks what a collector had to cut, and what came unfinished', () => {
    expect(metadataOf(parse('<13>x', { headers: { cut: 'true' } })).is_truncated).toBe(true)
    expect(metadataOf(parse('<13>x', { headers: { partial: 'true' } })).labels).toContain('partial')
  })
})

describe('hostile JSON', () => {
  it('cannot reach a prototype', () => {
    const event = parse(
      '{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":2}},"constructor":{"prototype":{"polluted":3}}}',
    )
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(event.original)).toBe(Object.prototype)
    expect(event.original).toEqual({
      '[__proto__]': { polluted: 1 },
      a: { '[__proto__]': { polluted: 2 } },
      constructor: { prototype: { polluted: 3 } },
    })
  })

  it('escapes do not hide such a name', () => {
    const event = parse('{"\\u005f_proto__":{"polluted":1}}')
    expect(Object.keys(event.original)).toEqual(['[__proto__]'])
  })

  it('keeps all digits of long numbers, as text', () => {
    const event = parse(
      '{"id":12345678901234567890,"small":9007199254740991,"neg":-9007199254740993,"huge":1e999,"float":1.5,"list":[18446744073709551615]}',
    )
    expect(event.original).toEqual({
      id: '12345678901234567890',
      small: 9007199254740991,
      neg: '-9007199254740993',
      huge: '1e999',
      float: 1.5,
      list: ['18446744073709551615'],
    })
  })

  it('replaces lone surrogates, which no store can keep', () => {
    const event = parse('{"a":"x\\ud800y","b\\udc00":"\\ud83d\\ude00"}')
    expect(event.original).toEqual({ a: 'x\uFFFDy', 'b\uFFFD': '😀' })
  })

  it('names of Object.prototype are names like others in every format', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']
    for (const name of names) {
      const events = [
        parse(`CEF:0|V|P|1|7|n|3|${name}=x ${name}Label=y`),
        parse(`LEEF:1.0|V|P|1|7|${name}=x\t${name}2=y`),
        parse('x', { format: 'csv', headers: { columns: name } }),
        parse(`<13>1 - h ${name} - - [${name} ${name}="x"] m`),
        parse(`<13>Mar  1 10:00:00 h ${name}[1]: m`),
        parse(
          `{"Event":{"System":{"Channel":"${name}","EventID":1,"${name}":"x"},"EventData":{"${name}":{"#text":"x"}}}}`,
        ),
        parse(`{"eventSource":"x.amazonaws.com","eventName":"${name}"}`),
      ]
      for (const event of events) {
        expect(event.parseError).toBeUndefined()
        expect(() => JSON.stringify(event)).not.toThrow()
        expect(Object.getPrototypeOf(event.original)).toBe(Object.prototype)
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

describe('time', () => {
  it.each<[string, string]>([
    ['2026-03-01T10:00:00Z', '{"time":"2026-03-01T10:00:00Z"}'],
    ['2026-03-01T10:00:00.123Z', '{"@timestamp":"2026-03-01T11:00:00.123456+01:00","time":"2026-03-01T01:00:00Z"}'],
    ['2026-03-01T10:00:00Z', '{"timestamp":1772359200}'],
    ['2026-03-01T10:00:00.250Z', '{"timestamp":1772359200.25}'],
    ['2026-03-01T10:00:00.500Z', '{"timestamp":1772359200500}'],
    ['2026-03-01T10:00:00.500Z', '{"timestamp":"1772359200500123"}'],
    ['2026-03-01T10:00:00.500Z', '{"timestamp":1772359200500123456}'],
    ['2026-03-01T10:00:00Z', '{"timestamp":"no time","ts":1772359200}'],
    ['2026-03-01T10:00:00Z', '{"time":"2026-03-01 10:00:00"}'],
    ['2026-03-01T12:00:00Z', '{"time":"soon"}'],
    ['2026-03-01T12:00:00Z', '{"time":5}'],
    ['2026-03-01T12:00:00Z', '{"time":"2026-02-30T10:00:00Z"}'],
    ['2026-03-01T12:00:00Z', 'a line'],
  ])('is %s in %s', (expected, payload) => {
    const event = parse(payload)
    expect(event.time).toBe(Date.parse(expected))
    expect(event.ocsf.time).toBe(event.time)
    expect(metadataOf(event).logged_time).toBe(NOW)
  })

  it.each([
    ['future', '{"time":"2026-03-02T12:00:01Z"}'],
    ['past', '{"time":"1980-01-01T00:00:00Z"}'],
  ])('is the receive time, marked, when the record claims the far %s', (label, payload) => {
    const event = parse(payload)
    expect(event.time).toBe(NOW)
    expect(metadataOf(event).labels).toEqual([`time:${label}`])
  })
})

const EVENT_MEMBERS = ['offset', 'receivedAt', 'time', 'original', 'ocsf', 'logsource', 'raw', 'parseError', 'form']
const OCSF_REQUIRED = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid']

/** What any store may rely on. */
function expectSound(event: Event): void {
  for (const name of OCSF_REQUIRED) expect(event.ocsf[name]).toBeDefined()
  for (const name of Object.keys(event)) expect(EVENT_MEMBERS).toContain(name)
  for (const name of Object.keys(event.logsource)) expect(['product', 'category', 'service']).toContain(name)
  expect(Number.isInteger(event.time)).toBe(true)
  const wholly = (value: JsonValue | undefined): void => {
    if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true)
    else if (typeof value === 'string') expect(value.isWellFormed()).toBe(true)
    else if (Array.isArray(value)) value.forEach(wholly)
    else if (typeof value === 'object' && value !== null) {
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect(Object.hasOwn(value, '__proto__')).toBe(false)
      Object.values(value).forEach(wholly)
    } else expect(value === null || typeof value === 'boolean').toBe(true)
  }
  wholly(event.original)
  wholly(event.ocsf)
  expect(event.raw.isWellFormed()).toBe(true)
  if (event.parseError !== undefined) {
    expect(Object.keys(parseProblems)).toContain(event.parseError.slice(0, event.parseError.indexOf(':')))
    expect(event.parseError).not.toMatch(/^parser\.failed/)
  }
}

describe('any record', () => {
  const format = fc.constantFrom(...recordFormats)
  const headers = fc.constantFrom<Readonly<Record<string, string>>>(
    {},
    { columns: 'a,b,"c' },
    { columns: '__proto__;x', delimiter: ';' },
  )

  it('of any bytes becomes a sound event, the same each time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), format, headers, (payload, asFormat, withHeaders) => {
        const event = parse(payload, { format: asFormat, headers: withHeaders })
        expectSound(event)
        expect(parse(payload, { format: asFormat, headers: withHeaders })).toEqual(event)
      }),
      { numRuns: 2000 },
    )
  })

  it('of any JSON becomes a sound event', () => {
    const hostileKey = fc.constantFrom(
      '__proto__',
      'Event',
      'System',
      'EventData',
      'UserData',
      'Channel',
      'EventID',
      'winlog',
      'event_id',
      'eventSource',
      'eventName',
      'class_uid',
      'category_uid',
      'metadata',
      'userIdentity',
      'time',
      '#text',
      '#attributes',
      'Hashes',
      'constructor',
    )
    const key = fc.oneof(hostileKey, fc.string({ maxLength: 6 }))
    const leaf = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 10 }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('Security', 'x.amazonaws.com', '1', '4624'),
    )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
      object: fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }),
    }))
    const entries = fc.array(fc.tuple(key, value), { maxLength: 8 })
    // Written by hand, so that `__proto__` is a member and not a prototype.
    const write = (node: unknown, isObject: boolean): string => {
      if (isObject)
        return `{${(node as [string, unknown][]).map(([name, each]) => `${JSON.stringify(name)}:${write(each, isEntries(each))}`).join(',')}}`
      if (Array.isArray(node)) return `[${node.map((each) => write(each, isEntries(each))).join(',')}]`
      return JSON.stringify(node) ?? 'null'
    }
    const isEntries = (node: unknown) =>
      Array.isArray(node) &&
      node.length > 0 &&
      node.every((each) => Array.isArray(each) && each.length === 2 && typeof each[0] === 'string')
    fc.assert(
      fc.property(entries, (members) => expectSound(parse(write(members, true)))),
      { numRuns: 2000 },
    )
  })

  const words = fc.constantFrom(
    'Failed',
    'Accepted',
    'password',
    'for',
    'invalid',
    'user',
    'from',
    '10.0.0.1',
    'port',
    '22',
    'ssh2',
    '=',
    'COMMAND=',
    ';',
    ':',
    '(root)',
    'CMD',
    '(',
    ')',
    'pam_unix(sshd:auth):',
    'session opened for user',
    'new user:',
    'name=x,',
    "'a'",
    'to',
    'group',
    '[preauth]',
    '"',
    'message repeated 2 times: [',
    ']',
    '\\',
    '{',
    '|',
    'CEF:0',
    '\u0000',
  )
  const program = fc.constantFrom(
    'sshd',
    'sudo',
    'su',
    'useradd',
    'usermod',
    'cron',
    'CRON',
    'crontab',
    'passwd',
    'login',
    'nginx',
    'x',
  )
  it('of any words of a known program becomes a sound event', () => {
    fc.assert(
      fc.property(program, fc.array(words, { maxLength: 14 }), (name, text) =>
        expectSound(parse(`<38>Mar  1 10:00:00 h ${name}[1]: ${text.join(' ')}`, { format: 'syslog' })),
      ),
      { numRuns: 3000 },
    )
  })
})

// A megabyte of each: anything quadratic would take hours and meet the test's time limit.
describe('a hostile megabyte', () => {
  const MIB = 1024 * 1024 - 200
  const fill = (text: string) => text.repeat(Math.floor(MIB / text.length))
  const sysmon = (members: string) => `{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":22,${members}}`
  const powershell = (info: string) =>
    `{"Channel":"Microsoft-Windows-PowerShell/Operational","EventID":4103,"ContextInfo":"${info}"}`
  it.each<[string, string]>([
    ['structured data of one name', `<13>1 - h a - - ${fill('[a b=""]')}`],
    ['structured data of many parameters', `<13>1 - h a - - [a ${fill('b="" ')}]`],
    ['structured data without end', `<13>1 - h a - - [a b="${fill('\\"')}`],
    ['quotes', fill('"')],
    ['backslashes and quotes', `203.0.113.9 - - [01/Mar/2026:10:00:00 +0000] "${fill('\\"')}`],
    ['spaces', `<38>Mar  1 10:00:00 h sshd[1]: ${fill(' ')}`],
    ['names of users', `<38>Mar  1 10:00:00 h sshd[1]: Failed password for ${fill('x from ')} port 1`],
    ['ports', `<38>Mar  1 10:00:00 h sshd[1]: Connection closed by ${fill('1.1.1.1 port 1 ')}`],
    [
      'key prints',
      `<38>Mar  1 10:00:00 h sshd[1]: Accepted publickey for a from 10.0.0.1 port 1 ssh2${fill(': RSA SHA256:')}`,
    ],
    ['sessions', `<38>Mar  1 10:00:00 h sshd[1]: pam_unix(sshd:session): session opened for user ${fill('(uid=1')}`],
    ['PAM pairs', `<38>Mar  1 10:00:00 h sshd[1]: pam_unix(sshd:auth): authentication failure; ${fill('a= ')}`],
    ['sudo fields', `<38>Mar  1 10:00:00 h sudo: a : ${fill('PWD=a ; ')}COMMAND=x`],
    ['groups', `<38>Mar  1 10:00:00 h usermod[1]: add '${fill("' to group '")}`],
    ['accounts', `<38>Mar  1 10:00:00 h useradd[1]: new user: ${fill('name=a, ')}`],
    ['cron', `<38>Mar  1 10:00:00 h CRON[1]: (root) CMD (${fill('(')})`],
    ['repeats', `<38>Mar  1 10:00:00 h a[1]: message repeated 3 times: [ ${fill('[ ')}`],
    ['CEF members', `CEF:0|V|P|1|7|n|3|${fill('aaaaaaaa=b ')}`],
    ['a CEF name without end', `CEF:0|V|P|1|7|n|3|${fill('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ')}`],
    ['CEF escapes', `CEF:0|V|P|1|7|n|3|a=${fill('\\=')}`],
    ['LEEF members', `LEEF:1.0|V|P|1|7|${fill('a=b\t')}`],
    ['braces', fill('{')],
    ['brackets in JSON', `{"a":${fill('[')}`],
    ['numbers too long', `{"a":[${fill('99999999999999999999,').slice(0, 30_000)}1]}`],
    ['one long number', `{"a":1${fill('0')}}`],
    ['names of hosts', sysmon(`"QueryResults":"${fill('type:  5 a;')}"`)],
    ['hashes', sysmon(`"Hashes":"${fill('MD5=A,')}"`)],
    ['line ends in a context', powershell(fill('\\n'))],
    ['spaces in a context', powershell(fill(' '))],
    ['privileges', `{"Channel":"Security","EventID":4672,"PrivilegeList":"${fill(' ')}"}`],
    ['a task', `{"Channel":"Security","EventID":4698,"TaskContent":"<Command>${fill('&amp;')}</Command>"}`],
  ])('of %s is understood as far as it goes', (_, payload) => {
    expectSound(parse(payload))
    expectSound(parse(payload, { format: 'syslog' }))
    expectSound(parse(payload, { format: 'csv', headers: { columns: payload.slice(0, 8000) } }))
  })
})

const logs = sharedData('attack-logs')
describe.skipIf(!logs)('recorded attacks (needs ../shared/data)', () => {
  it('of every shape are understood, with time and logsource', { timeout: 120_000 }, () => {
    const problems = new Set<string>()
    let count = 0
    for (const file of readdirSync(logs ?? '').filter((name) => name.endsWith('.zst'))) {
      for (const line of zstdDecompressSync(readFileSync(join(logs ?? '', file)))
        .toString()
        .split('\n')) {
        if (line === '') continue
        count += 1
        // After the youngest of them.
        const event = parse(line, { format: 'json', receivedAt: Date.UTC(2027, 0, 1) })
        const product = file.startsWith('cloudtrail') ? 'aws' : 'windows'
        if (event.parseError !== undefined) problems.add(`${file}: ${event.parseError}`)
        if (event.logsource.product !== product) problems.add(`${file}: ${event.logsource.product}`)
        if (event.time === event.receivedAt) problems.add(`${file}: no time`)
      }
    }
    expect(count).toBeGreaterThan(100_000)
    expect([...problems]).toEqual([])
  })
})
