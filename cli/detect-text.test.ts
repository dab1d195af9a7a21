import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Arguments } from './command.ts'
import { detectCommand } from './detect.ts'
import { runCommand } from './testing/run-command.ts'

let folder: string
let rules: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampart-text-'))
  rules = join(folder, 'rules.yml')
  writeFileSync(rules, ruleText)
})
afterAll(() => rmSync(folder, { recursive: true }))

const ruleText = `title: Words
id: words
logsource: {product: linux}
detection: {words: [needle, 'Failed password'], condition: words}
---
title: Root
id: root
logsource: {product: linux, service: sshd}
detection: {s: {user: root}, condition: s}
---
title: Request
id: web
logsource: {category: webserver}
detection: {s: {cs-uri-query|contains: whoami}, condition: s}
---
title: Process
id: process
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}
---
title: Many
id: many
correlation: {type: event_count, rules: [root], group-by: [src_ip], timespan: 1m, condition: {gte: 3}}
`

async function run(positionals: readonly string[], values: Arguments['values'] = {}, stdin: Iterable<unknown> = []) {
  const args = { positionals, values: { rules, 'no-cache': true, ...values } }
  const { code, stderr, lines } = await runCommand(detectCommand, args, { stdin })
  return { code, stderr, matches: lines }
}

const places = (matches: readonly { file: string; line: number; rule: string }[]) =>
  matches.map(({ file, line, rule }) => `${file}:${line} ${rule}`)

function folderOf(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = join(folder, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
  return path
}

const failed = (second: number, ip = '192.0.2.1') =>
  `Nov 28 10:00:${String(second).padStart(2, '0')} web1 sshd[7]: Failed password for root from ${ip} port 9 ssh2`
const request = '192.0.2.7 - - [28/Nov/2026:10:00:00 +0000] "GET /x.php?cmd=whoami HTTP/1.1" 200 5 "-" "curl/8"'
const sysmon = (image: string) => ({ Channel: 'Microsoft-Windows-Sysmon/Operational', EventID: 1, Image: image })
const whoami = sysmon('C:\\Windows\\System32\\whoami.exe')

describe('rampart detect on text', () => {
  test('reads what a folder holds, each file by its form, and tells what it left out', async () => {
    const logs = folderOf('mixed', {
      'access.log.1.gz': gzipSync(`${request}\n`),
      'array.json': JSON.stringify([{ a: 1 }, whoami], null, 2),
      'cloud.json': JSON.stringify({ Records: [{ a: 1 }, { a: 2 }, whoami] }, null, 4),
      'events.csv':
        'Channel,EventID,Image,Note\nSecurity,1,,"a\nb"\nMicrosoft-Windows-Sysmon/Operational,1,C:\\whoami.exe,\n',
      'iis.log':
        '#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Fields: date time cs-uri-stem cs-uri-query\r\n2026-11-28 10:00:00 /a whoami\r\n',
      'marked.ndjson': `\ufeff${JSON.stringify(whoami)}\n`,
      messages: ['just words', 'a needle', '', '{"broken":', failed(1)].join('\n'),
      'photo.png': Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1'),
      'unmarked.log': Buffer.from(`${failed(1)}\n`, 'utf16le'),
      'wide.csv': Buffer.from(
        '\ufeffChannel,EventID,Image\r\nSecurity,1,\r\nMicrosoft-Windows-Sysmon/Operational,1,C:\\whoami.exe\r\n',
        'utf16le',
      ),
      'wide.log.gz': gzipSync(Buffer.from(`\ufeff${failed(1)}\n${failed(2)} \u{1f600}`, 'utf16le').swap16()),
    })
    const one = await run([logs])
    expect(one.code).toBe(0)
    expect(places(one.matches)).toEqual([
      'access.log.1.gz:0 web',
      'array.json:1 process',
      'cloud.json:2 process',
      'events.csv:3 process',
      'iis.log:3 web',
      'marked.ndjson:0 process',
      'messages:1 words',
      'messages:4 words',
      'messages:4 root',
      'wide.csv:2 process',
      'wide.log.gz:0 words',
      'wide.log.gz:0 root',
      'wide.log.gz:1 words',
      'wide.log.gz:1 root',
    ])
    expect(one.stderr).toContain('skipped photo.png: a PNG picture\n')
    expect(one.stderr).toContain('skipped unmarked.log: UTF-16 text without a mark')
    expect(one.stderr).toContain('\n1 lines of broken JSON\n2 lines of text whose form is not known\n2 files skipped')
    const two = await run([logs], { jobs: '2' })
    expect(two.matches).toEqual(one.matches)
  })

  test('reads a large file of UTF-16 as the same in UTF-8', async () => {
    // Of one, two, three and four bytes in UTF-8, so that pieces end anywhere.
    const text = Array.from(
      { length: 60_000 },
      (_, n) => `Nov 28 10:00:00 h app[${n}]: hay é日\u{1f600}${n % 1000 === 7 ? ' needle' : ''}`,
    ).join('\r\n')
    const logs = folderOf('wide', { 'a.log': text, 'b.log': Buffer.from(`\ufeff${text}`, 'utf16le') })
    const { matches, stderr } = await run([logs], { jobs: '2' })
    const [narrow, wide] = ['a.log', 'b.log'].map((name) => matches.filter(({ file }) => file === name))
    expect(narrow).toHaveLength(60)
    expect(wide).toEqual(narrow?.map((match) => ({ ...match, file: 'b.log' })))
    expect(stderr).toContain('120,000 events in 120,000 lines of 2 files')
  })

  test('cuts large text files between threads, and not those that have a head', async () => {
    const line = (n: number) =>
      `Nov 28 10:00:00 h app[${n}]: ${n % 1000 === 7 ? 'needle' : 'hay'} ${'x'.repeat(n % 200)}`
    const text = Array.from({ length: 90_000 }, (_, n) => line(n)).join('\n')
    const rows = Array.from({ length: 200_000 }, (_, n) => `${n},C:\\${n % 5000 === 9 ? 'whoami' : 'x'}.exe,"${n}\n-"`)
    const csv = `Channel,EventID,n,Image,pad\n${rows.map((row) => `Microsoft-Windows-Sysmon/Operational,1,${row}`).join('\n')}\n`
    expect(Math.min(text.length, csv.length)).toBeGreaterThan(9 * 1024 * 1024)
    const logs = folderOf('large', { 'a.csv': csv, 'b.log': text })
    const { matches, stderr } = await run([logs], { jobs: '2' })
    expect(places(matches)).toEqual([
      ...Array.from({ length: 40 }, (_, n) => `a.csv:${1 + 2 * (5000 * n + 9)} process`),
      ...Array.from({ length: 90 }, (_, n) => `b.log:${1000 * n + 7} words`),
    ])
    expect(stderr).toContain('290,000 events in 490,001 lines of 2 files')
  })

  test('takes a pipe for a file, as `<(…)` of a shell gives it', async () => {
    const pipe = join(folderOf('pipes', { 'a.log': `${failed(1)}\n${'x\n'.repeat(100_000)}${failed(2)}\n` }), 'pipe')
    execFileSync('mkfifo', [pipe])
    const writer = spawn('sh', ['-c', 'cat a.log > pipe'], { cwd: dirname(pipe) })
    const { matches, stderr } = await run([pipe, join(dirname(pipe), 'a.log')], { jobs: '2' })
    expect(places(matches).filter((place) => place.endsWith('root'))).toEqual([
      ...['pipe:0 root', 'pipe:100001 root'],
      ...['a.log:0 root', 'a.log:100001 root'],
    ])
    expect(stderr).toContain('200,004 events in 200,004 lines of 2 files')
    expect(writer.exitCode ?? (await once(writer, 'exit'))[0]).toBe(0)
  })

  test('takes standard input for `-`, by itself', async () => {
    const entry = (message: string) => ({
      ...{ __REALTIME_TIMESTAMP: '1772355660000000', _HOSTNAME: 'web1', SYSLOG_IDENTIFIER: 'sshd' },
      MESSAGE: message,
    })
    const journal = [entry('Server listening'), entry('Failed password for root from 192.0.2.1 port 9 ssh2')]
    const lines = `${journal.map((one) => JSON.stringify(one)).join('\n')}\n`
    const expected = [
      { file: '-', line: 1, rule: 'words' },
      { file: '-', line: 1, rule: 'root' },
    ]
    expect((await run(['-'], {}, [lines])).matches).toEqual(expected)
    expect((await run(['-'], { jobs: '4' }, [Buffer.from(lines.slice(0, 20)), lines.slice(20)])).matches).toEqual(
      expected,
    )
    const pretty = journal.map((one) => JSON.stringify(one, null, '\t')).join('\n')
    expect((await run(['-'], {}, pretty.match(/[\s\S]{1,7}/g) ?? [])).matches).toEqual(expected)
    expect((await run(['-'], {}, [])).code).toBe(0)
    await expect(run(['-', folder])).rejects.toThrow('stands alone')
  })

  test('says why a line of text matches, and where a correlation holds over lines', async () => {
    const logs = folderOf('correlated', {
      'auth.log': [failed(1), failed(2, '192.0.2.9'), failed(40), 'Failed password at no time', failed(55)].join('\n'),
    })
    // A year later: the lines are of when the file was written.
    utimesSync(join(logs, 'auth.log'), new Date('2025-12-01'), new Date('2025-12-01'))
    const { matches } = await run([logs], { correlations: true, explain: true })
    expect(matches.filter(({ group }) => group)).toEqual([
      {
        ...{ file: 'auth.log', line: 4, rule: 'many', group: { src_ip: '192.0.2.1' } },
        because: [0, 2, 4].map((line) => ({ file: 'auth.log', line })),
      },
    ])
    expect(matches[1]).toEqual({
      ...{ file: 'auth.log', line: 0, rule: 'root' },
      because: [{ selection: 's', field: 'user', value: 'root', asks: 'root' }],
    })
  })

  test('goes on where JSON is broken off, and names what it cannot read', async () => {
    const logs = folderOf('torn', {
      'a.json': `[${JSON.stringify(whoami)},\n{"b":`,
      'b.json': `{"a": [\n${JSON.stringify(whoami)}\n`,
      'c.json': `[${JSON.stringify(whoami)},\n${`{"pad":"${'x'.repeat(1_000_000)}"},\n`.repeat(68)}{}]`,
    })
    const { code, matches, stderr } = await run([logs])
    expect(code).toBe(1)
    expect(places(matches)).toEqual(['a.json:0 process', 'b.json:1 process'])
    expect(stderr).toMatch(/cannot read \S*a\.json: broken JSON: an element does not end at byte \d+\n/)
    expect(stderr).toMatch(/cannot read \S*c\.json: JSON that has not an event a line is read up to 64 MiB; .*jq/)
  })

  test('is not brought down by lines, heads and bytes that are made for it', async () => {
    const noise = Buffer.concat(Array.from({ length: 4000 }, (_, n) => createHash('sha256').update(`${n}`).digest()))
    const logs = folderOf('hostile', {
      'bytes.log': Buffer.concat([
        Buffer.from(`${failed(1)}\n`),
        Buffer.from([0, 0xff, 0xfe, 0x80, 10]),
        Buffer.from('needle'),
      ]),
      'head.csv': `${Array.from({ length: 100_000 }, (_, n) => `c${n}`).join(',')}\nneedle,2\n`,
      'long.log': `${'x'.repeat(20 * 1024 * 1024)}needle\n${'y'.repeat(2 * 1024 * 1024)} needle\nneedle\n`,
      'nested.json': `[${'['.repeat(200_000)}\n`,
      'noise\x1b[2J.bin': noise,
      'quotes.csv': `a,b\n${'"'.repeat(300_000)}\nneedle,1\n`,
      'zeek.log': `#fields\t${'f\t'.repeat(40_000)}\nneedle\n`,
    })
    const { code, matches, stderr } = await run([logs])
    expect(code).toBe(0)
    expect(places(matches).filter((place) => place.endsWith('words'))).toEqual([
      'bytes.log:0 words',
      'bytes.log:2 words',
      'head.csv:1 words',
      'long.log:1 words',
      'long.log:2 words',
      expect.stringMatching(/^quotes\.csv:[12] words$/),
      'zeek.log:1 words',
    ])
    expect(stderr).toContain('1 lines too long')
    expect(stderr).toContain('skipped noise\\u001b[2J.bin: no text')
  })
})
