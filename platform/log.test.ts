import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock } from './base/clock.ts'
import { defineErrors } from './base/errors.ts'
import { Secret } from './base/secret.ts'
import { createLog, type Log, lineForPeople } from './log.ts'
import { redact } from './redact.ts'

const HUNTER = 'hunter2-hunter2'

function linesOf(write: (log: Log) => void, isTTY = false): string[] {
  const stream = Object.assign(new PassThrough(), { isTTY })
  write(createLog({ clock: { now: () => 1_790_000_000_000 }, stream }))
  return String(stream.read() ?? '')
    .split('\n')
    .filter((line) => line !== '')
}

const only = (write: (log: Log) => void) => JSON.parse(linesOf(write)[0] ?? '') as Record<string, unknown>

describe('a log line', () => {
  it('is JSON with the clock`s time and the level by name', () => {
    expect(only((log) => log.warn({ count: 3 }, 'three'))).toEqual({
      level: 'warn',
      time: '2026-09-21T14:13:20.000Z',
      count: 3,
      msg: 'three',
    })
  })

  it.each<[string, (log: Log) => void]>([
    ['a Secret', (log) => log.info({ thing: new Secret(HUNTER) })],
    ['a Secret in a list in an object', (log) => log.info({ a: { b: [new Secret(HUNTER)] } })],
    ['a header', (log) => log.info({ req: { headers: { authorization: `x ${HUNTER}`, 'set-cookie': HUNTER } } })],
    [
      'a member by its name',
      (log) => log.info({ a: { newPassword: HUNTER, accessToken: HUNTER, client_secret: HUNTER } }),
    ],
    ['a list under a secret name', (log) => log.info({ tokens: [HUNTER] })],
    ['a map', (log) => log.info({ map: new Map([['password', HUNTER]]) })],
    ['a child`s binding', (log) => log.child({ password: HUNTER }).info('x')],
    ['a grandchild`s binding', (log) => log.child({ a: 1 }).child({ secret: HUNTER }).info('x')],
    ['a URL in a message', (log) => log.info(`cannot reach postgres://u:${HUNTER}@db/x`)],
    ['a header in a message', (log) => log.info(`sent Authorization: Bearer ${HUNTER}`)],
    ['an interpolated message', (log) => log.info('sent %s', `Bearer ${HUNTER}`)],
    ['an error`s message', (log) => log.error(new Error(`postgres://u:${HUNTER}@db/x`))],
    ['an error`s cause', (log) => log.error({ err: new Error('x', { cause: new Error(`Basic ${HUNTER}`) }) })],
    ['an error`s own members', (log) => log.error({ err: Object.assign(new Error('x'), { parameters: [HUNTER] }) })],
    ['bytes', (log) => log.info({ body: Buffer.from(HUNTER) })],
  ])('does not tell %s', (_, write) => {
    const lines = linesOf(write)
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain(HUNTER)
    expect(lines[0]).not.toContain(JSON.stringify([...Buffer.from(HUNTER)]).slice(1, -1))
  })

  it('tells of an error what a reader needs', () => {
    const failure = defineErrors({ 'test.thing.broken': { status: 500, title: 'Broken' } })
    const line = only((log) =>
      log.error({ err: failure('test.thing.broken', 'it broke', { cause: new Error('why') }) }, 'x'),
    )
    expect(line).toMatchObject({ err: { code: 'test.thing.broken', message: 'it broke', cause: { message: 'why' } } })
    expect(JSON.stringify(line)).toContain('log.test.ts')
  })

  it('is bounded whatever it is given', () => {
    const deep: Record<string, unknown> = {}
    deep.self = deep
    const [line = ''] = linesOf((log) =>
      log.info({ deep, wide: Array(1e5).fill('x'), long: 'y'.repeat(1e6) }, 'z'.repeat(1e6)),
    )
    expect(line.length).toBeLessThan(20_000)
  })
})

describe('redact', () => {
  it('takes anything and leaves harmless things as they are', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
        (value) => {
          JSON.stringify(redact(value))
        },
      ),
    )
    const harmless = { rule: 'r1', count: 2, ok: true, none: null, list: ['a', 1], mfaTokenRequired: false }
    expect(redact(harmless)).toEqual(harmless)
  })
})

describe('on a terminal', () => {
  it('a line is for people', () => {
    const [line] = linesOf((log) => log.info({ port: 8080, path: '/a b' }, 'listens'), true)
    expect(line).toBe('14:13:20.000 INFO  listens port=8080 path="/a b"')
  })

  it('nothing a caller sends reaches it as a control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (msg, value) => {
        const line = lineForPeople(
          JSON.stringify({ time: '2026-09-21T14:13:20.000Z', level: 'info', msg, value, [msg]: value }),
        )
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
      }),
    )
    const [line] = linesOf((log) => log.info('\u001b[2J\u001b[31mroot\nINFO forged'), true)
    expect(line).toContain('\\u001b[2J')
  })
})

it('the system clock is used as given', () => {
  const stream = new PassThrough()
  createLog({ clock: systemClock, stream }).info('x')
  expect(String(stream.read())).toMatch(/"time":"20\d\d-/)
})
