import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { text as evtxText, writeEvtx } from '../collectors/testing/evtx-file.ts'
import type { Arguments, Command } from './command.ts'
import { detectCommand } from './detect.ts'
import { rulesLintCommand, rulesTestCommand } from './rules.ts'
import { runCommand } from './testing/run-command.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampart-detect-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const run = (command: Command, positionals: readonly string[], values: Arguments['values'] = {}) =>
  runCommand(command, { positionals, values }, { env: { XDG_CACHE_HOME: folder } })

const rule = (id: string, detection: string, more = '') =>
  `title: ${id}\nid: ${id}\nlogsource: {product: windows}\ndetection: ${detection}\n${more}`
const event = (n: number, more: object = {}) => JSON.stringify({ Channel: 'Test', EventID: 1, n, ...more })

function rulesFolder(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
  return path
}

describe('rampart detect', () => {
  test('tells file, line and rule in the order of files and lines, whatever their compression', async () => {
    const rules = rulesFolder('order', {
      'a.yml': rule('b', '{s: {n: 2}, condition: s}'),
      'b.yml': rule('a', '{s: {n|lt: 3}, condition: s}'),
    })
    const logs = join(folder, 'order-logs')
    mkdirSync(join(logs, 'sub'), { recursive: true })
    const text = [event(1), '', 'no json', '[1]', event(2), event(3), '{"n":'].join('\n')
    writeFileSync(join(logs, 'b.ndjson'), text)
    writeFileSync(join(logs, 'a.ndjson.zst'), zstdCompressSync(text))
    writeFileSync(join(logs, 'sub', 'c.jsonl.gz'), gzipSync(`${text}\r\n`))
    writeFileSync(join(logs, 'notes.txt'), text)
    for (const jobs of ['1', '3']) {
      const { code, lines, stderr } = await run(detectCommand, [logs], { rules, jobs })
      expect(code).toBe(0)
      expect(lines).toEqual(
        ['a.ndjson.zst', 'b.ndjson', 'notes.txt', 'sub/c.jsonl.gz'].flatMap((file) => [
          { file, line: 0, rule: 'a' },
          { file, line: 4, rule: 'b' },
          { file, line: 4, rule: 'a' },
        ]),
      )
      expect(stderr).toContain('20 events in 28 lines of 4 files')
      expect(stderr).toContain('4 lines of broken JSON')
      expect(stderr).toContain('8 lines of text whose form is not known')
    }
    const { lines } = await run(detectCommand, [join(logs, 'notes.txt'), join(logs, 'b.ndjson')], { rules })
    expect(lines.map(({ file }) => file)).toEqual([
      'notes.txt',
      'notes.txt',
      'notes.txt',
      'b.ndjson',
      'b.ndjson',
      'b.ndjson',
    ])
  })

  test('reads Windows event logs, by one thread or by several, and tells what is damaged', async () => {
    const rules = rulesFolder('evtx', {
      'a.yml': rule('seventh', "{s: {EventID: 4688, n|endswith: '7'}, condition: s}").replace(
        'product: windows',
        'product: windows, service: security',
      ),
    })
    const data = (n: number) =>
      [
        ['n', evtxText(`${n}`)],
        ['pad', evtxText('x'.repeat(500))],
      ] as const
    const events = Array.from({ length: 10_000 }, (_, n) => ({
      ...{ channel: 'Security', eventId: 4688, ticks: 134_401_392_000_000_000n, data: data(n) },
    }))
    const written = writeEvtx(events)
    expect(written.length).toBeGreaterThan(10 * 1024 * 1024)
    const file = join(folder, 'Security.evtx')
    writeFileSync(file, written)
    const sevenths = Array.from({ length: 1_000 }, (_, n) => ({
      file: 'Security.evtx',
      line: 10 * n + 7,
      rule: 'seventh',
    }))
    for (const jobs of ['1', '2']) {
      const { code, lines, stderr } = await run(detectCommand, [file], { rules, jobs })
      expect(lines).toEqual(sevenths)
      expect(stderr).toContain('10,000 events in 10,000 lines')
      expect(code).toBe(0)
    }
    const packed = join(folder, 'Security.evtx.gz')
    writeFileSync(packed, gzipSync(written))
    const inPacked = await run(detectCommand, [packed], { rules })
    expect(inPacked.lines.map(({ line }) => line)).toEqual(sevenths.map(({ line }) => line))

    written.write('XXXX', 4096 + 65_536)
    writeFileSync(file, written)
    const { code, lines, stderr } = await run(detectCommand, [file], { rules, jobs: '2' })
    expect(code).toBe(1)
    expect(stderr).toContain('Security.evtx: 1 damaged events; all others were read')
    expect(lines.length).toBeGreaterThan(980)
  })

  test('cuts large files between threads without losing or doubling a line', async () => {
    const rules = rulesFolder('cut', { 'a.yml': rule('seventh', "{s: {n|re: '7$'}, condition: s}") })
    const file = join(folder, 'large.ndjson')
    const pads = ['x', 'é'.repeat(700), 'y'.repeat(3000)]
    const text = Array.from({ length: 20_000 }, (_, n) => event(n, { pad: pads[n % 3] })).join('\n')
    expect(text.length).toBeGreaterThan(20 * 1024 * 1024)
    writeFileSync(file, text)
    const { lines, stderr } = await run(detectCommand, [file], { rules, jobs: '2' })
    expect(lines.map(({ line }) => line)).toEqual(Array.from({ length: 2000 }, (_, n) => 10 * n + 7))
    expect(stderr).toContain('20,000 events in 20,000 lines')
  })

  test('names refused rules and goes on; fails only for input that cannot be read', async () => {
    const rules = rulesFolder('refused', {
      'good.yml': rule('good', '{s: {n: 1}, condition: s}'),
      'bad.yml': rule('bad', '{s: {n|nope: 1}, condition: s}'),
    })
    const file = join(folder, 'one.ndjson')
    writeFileSync(file, event(1))
    const fine = await run(detectCommand, [file], { rules })
    expect(fine.code).toBe(0)
    expect(fine.stderr).toContain('refused bad (bad.yml): line 4, column 17: unknown modifier `nope`')
    expect(fine.lines).toEqual([{ file: 'one.ndjson', line: 0, rule: 'good' }])
    const missing = await run(detectCommand, [file, join(folder, 'nowhere')], { rules })
    expect([missing.code, missing.lines.length]).toEqual([1, 1])
    const torn = join(folder, 'torn.ndjson.zst')
    writeFileSync(torn, zstdCompressSync(event(1).repeat(1000)).subarray(0, 40))
    expect((await run(detectCommand, [torn], { rules })).code).toBe(1)
    expect((await run(detectCommand, [file], { rules: join(folder, 'nowhere') })).code).toBe(1)
    await expect(run(detectCommand, [file])).rejects.toThrow('--rules DIR')
  })

  test('takes CloudTrail as it is delivered, nested events, and the same from its cache', async () => {
    const rules = rulesFolder('shapes', {
      'a.yml':
        'title: A\nid: root\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {userIdentity.type: Root}, condition: s}\n',
      'b.yml':
        "title: B\nid: proc\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {Image|endswith: '\\cmd.exe'}, condition: s}\n",
    })
    const file = join(folder, 'shapes.ndjson')
    const call = (type: string) => ({ eventVersion: '1', eventSource: 'iam', eventName: 'x', userIdentity: { type } })
    writeFileSync(
      file,
      [
        { Records: [call('IAMUser'), call('Root')] },
        { Event: { System: { Channel: 'Security', EventID: 4688 }, EventData: { NewProcessName: 'C:\\CMD.exe' } } },
        { Channel: 'Microsoft-Windows-Sysmon/Operational', EventID: '1', Image: 'c:\\cmd.exe' },
        { Image: 'c:\\cmd.exe', Channel: 'Application', EventID: 1 },
      ]
        .map((one) => JSON.stringify(one))
        .join('\n'),
    )
    const first = await run(detectCommand, [file], { rules })
    expect(first.lines.map(({ line, rule: id }) => `${line} ${id}`)).toEqual(['0 root', '1 proc', '2 proc'])
    expect((await run(detectCommand, [file], { rules })).stdout).toBe(first.stdout)
  })

  test('tells where correlations hold, over the events of all files in order of time', async () => {
    const rules = rulesFolder('correlate', {
      'a.yml': `${rule('base', '{s: {n|gte: 0}, condition: s}')}---\ntitle: C\nid: twice\ncorrelation: {type: event_count, rules: [base], group-by: [user], timespan: 10s, condition: {gte: 2}}\n`,
    })
    const logs = join(folder, 'correlate-logs')
    mkdirSync(logs)
    const at = (second: number, user?: string) => event(1, { '@timestamp': `2026-03-01T00:00:${second}.5Z`, user })
    writeFileSync(join(logs, 'a.ndjson'), [at(30, 'ann'), at(15, 'bob'), at(31)].join('\n'))
    writeFileSync(join(logs, 'b.ndjson'), [at(21, 'ann'), at(24, 'bob'), event(1)].join('\n'))
    const { lines, stderr } = await run(detectCommand, [logs], { rules, correlations: true })
    expect(lines.filter(({ group }) => group)).toEqual([
      { file: 'a.ndjson', line: 0, rule: 'twice', group: { user: 'ann' } },
      { file: 'b.ndjson', line: 1, rule: 'twice', group: { user: 'bob' } },
    ])
    expect(stderr).toContain('1 events without a time')
  })
})

describe('rampart rules', () => {
  test('test runs what rules carry; lint says what is wrong', async () => {
    const tests =
      'tests:\n  - {name: hit, matches: true, event: {n: 1}}\n  - {name: miss, matches: false, event: {n: 2}}\n'
    const chain = `title: C\nid: chain\ncorrelation: {type: temporal_ordered, rules: [one, two], timespan: 5s}\ntests:\n  - {name: in order, matches: true, events: [{n: 1}, {n: 2}]}\n  - {name: backwards, matches: false, events: [{n: 2}, {n: 1}]}\n`
    const good = rulesFolder('tested', {
      'a.yml': rule('one', '{s: {n: 1}, condition: s}', tests),
      'b.yml': rule('two', '{s: {n: 2}, condition: s}'),
      'c.yml': chain,
    })
    const passed = await run(rulesTestCommand, [good], { 'no-cache': true })
    expect([passed.code, passed.stderr]).toEqual([0, '4 passed, 0 failed; 1 rules without tests, 0 refused\n'])
    const wrong = rulesFolder('wrong', { 'a.yml': rule('one', '{s: {n: 3}, condition: s}', tests) })
    const failed = await run(rulesTestCommand, [wrong], { json: true })
    expect(failed.code).toBe(1)
    expect(failed.lines).toEqual([{ file: 'a.yml', rule: 'one', test: 'hit', expected: 'match' }])
    expect((await run(rulesLintCommand, [good], { json: true })).code).toBe(0)
  })
})
