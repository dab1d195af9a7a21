import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Arguments } from './command.ts'
import { detectCommand } from './detect.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampart-explain-'))
  writeFileSync(join(folder, 'rules.yml'), rules)
  writeFileSync(join(folder, 'log.ndjson'), events.map((event) => JSON.stringify(event)).join('\n'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const rules = `title: A tool
id: tool
level: high
tags: [attack.t1003]
logsource: {product: windows, category: process_creation}
detection:
  by_name: {Image|endswith: ['\\\\whoami.exe', '\\\\net.exe']}
  by_text: {CommandLine|re: 'a+b'}
  filter: {User: system}
  condition: 1 of by_* and not filter
---
title: Words
id: words
logsource: {product: windows}
detection:
  words: [needle]
  lists: {Hashes|contains: MD5=7, EventID: 1}
  condition: words or lists
---
title: Twice
id: twice
correlation: {type: event_count, rules: [tool], group-by: [Computer], timespan: 1h, condition: {gte: 2}}
`
const sysmon = 'Microsoft-Windows-Sysmon/Operational'
const events = [
  {
    Channel: sysmon,
    EventID: 1,
    UtcTime: '2026-01-01 00:00:00',
    Computer: 'a',
    Image: 'C:\\WhoAmI.exe',
    CommandLine: 'aab',
  },
  { Channel: 'Security', EventID: 4688, UtcTime: '2026-01-01 00:00:10', Computer: 'a', NewProcessName: 'c:\\net.EXE' },
  { Channel: sysmon, EventID: 1, Hashes: ['SHA1=1', 'MD5=7'], Image: 'x' },
  { Channel: 'Other', EventID: 9, Text: 'a Needle there' },
]

async function detect(values: Arguments['values']) {
  let stdout = ''
  const out = new Writable({
    write(chunk, _, done) {
      stdout += String(chunk)
      done()
    },
  })
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const io = { stdin: Readable.from([]), stdout: out, stderr: nowhere, env: { XDG_CACHE_HOME: folder } }
  const positionals = [join(folder, 'log.ndjson')]
  const code = await detectCommand.run({ positionals, values: { rules: join(folder, 'rules.yml'), ...values } }, io)
  expect(code).toBe(0)
  return stdout
}

describe('rampart detect --explain', () => {
  test('says which selection matched, on which field and value, and which events a correlation counted', async () => {
    const lines = (await detect({ explain: true, correlations: true })).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        ...{ file: 'log.ndjson', line: 0, rule: 'tool' },
        because: [
          { selection: 'by_name', field: 'Image', value: 'C:\\WhoAmI.exe', asks: 'endswith: \\whoami.exe' },
          { selection: 'by_text', field: 'CommandLine', value: 'aab', asks: 're: a+b' },
        ],
      },
      {
        ...{ file: 'log.ndjson', line: 1, rule: 'tool' },
        because: [
          // As that event calls it.
          { selection: 'by_name', field: 'NewProcessName', value: 'c:\\net.EXE', asks: 'endswith: \\net.exe' },
        ],
      },
      {
        ...{ file: 'log.ndjson', line: 2, rule: 'words' },
        because: [
          { selection: 'lists', field: 'Hashes', value: ['SHA1=1', 'MD5=7'], asks: 'contains: MD5=7' },
          { selection: 'lists', field: 'EventID', value: 1, asks: '1' },
        ],
      },
      {
        ...{ file: 'log.ndjson', line: 3, rule: 'words' },
        because: [{ selection: 'words', field: '*', value: 'a Needle there', asks: 'contains: needle' }],
      },
      {
        ...{ file: 'log.ndjson', line: 1, rule: 'twice', group: { Computer: 'a' } },
        because: [
          { file: 'log.ndjson', line: 0 },
          { file: 'log.ndjson', line: 1 },
        ],
      },
    ])
  })

  test('tells the same from several threads', async () => {
    expect(await detect({ explain: true, jobs: '2' })).toBe(await detect({ explain: true }))
  })
})

describe('rampart detect --events', () => {
  test('tells with each match its rule, its time and its event, from any number of threads', async () => {
    const text = await detect({ events: true, correlations: true })
    const matches = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const tool = { rule: 'tool', title: 'A tool', level: 'high' }
    const words = { rule: 'words', title: 'Words', level: 'informational' }
    expect(matches).toEqual([
      { file: 'log.ndjson', line: 0, ...tool, time: '2026-01-01T00:00:00.000Z', event: events[0] },
      { file: 'log.ndjson', line: 1, ...tool, time: '2026-01-01T00:00:10.000Z', event: events[1] },
      { file: 'log.ndjson', line: 2, ...words, event: events[2] },
      { file: 'log.ndjson', line: 3, ...words, event: events[3] },
      {
        ...{ file: 'log.ndjson', line: 1, rule: 'twice', title: 'Twice', level: 'informational' },
        ...{ group: { Computer: 'a' }, time: '2026-01-01T00:00:10.000Z' },
      },
    ])
    expect(await detect({ events: true, correlations: true, jobs: '2' })).toBe(text)
  })

  test('is of NDJSON alone', async () => {
    await expect(detect({ events: true, format: 'table' })).rejects.toThrow('`--events` goes with `--format ndjson`')
  })
})

describe('rampart detect --format', () => {
  test('summary is one SARIF log: results with rules and lines from 1', async () => {
    const { version, runs } = JSON.parse(await detect({ format: 'summary' }))
    expect(version).toBe('2.1.0')
    expect(runs[0].results).toHaveLength(4)
    expect(runs[0].results[0]).toEqual({
      ...{ ruleId: 'tool', ruleIndex: 0, level: 'error', message: { text: 'A tool' } },
      locations: [{ physicalLocation: { artifactLocation: { uri: 'log.ndjson' }, region: { startLine: 1 } } }],
    })
    const { rules: told } = runs[0].tool.driver
    expect(told.map(({ id }: { id: string }) => id)).toEqual(['tool', 'words'])
    expect(told[0].properties).toEqual({ severity: 'high', tags: ['T1003'] })
  })

  test('summary without matches is a SARIF log still', async () => {
    writeFileSync(join(folder, 'none.yml'), rules.split('---')[0]?.replaceAll('windows', 'nothing') ?? '')
    const { runs } = JSON.parse(await detect({ format: 'summary', rules: join(folder, 'none.yml') }))
    expect(runs[0].results).toEqual([])
  })

  test('table has a row a rule, the worst first', async () => {
    const rows = (await detect({ format: 'table', correlations: true })).split('\n')
    expect(rows[2]).toMatch(/^high +2 +1 +A tool +log\.ndjson:0$/)
    expect(rows.slice(3).filter(Boolean)).toHaveLength(2)
  })
})
