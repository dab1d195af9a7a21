import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zstdDecompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createParser } from '../../../collectors/index.ts'
import type { Event, JsonObject, RecordFormat } from '../../../pipeline/index.ts'
import { hasEngine, sharedData } from '../../support/requirements.ts'
import { samples } from './samples.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = findPython()
const logs = sharedData('attack-logs')

interface Verdict {
  readonly checked: number
  readonly valid: number
  readonly problems: readonly { readonly class_uid: number; readonly path: string; readonly message: string }[]
}

/** A Python with the packages that carry the compiled schema and check JSON against it; made at the first run. */
function findPython(): string | undefined {
  const venv = fileURLToPath(new URL('../../../.engines/ocsf', import.meta.url))
  const program = join(venv, 'bin/python')
  const packages = ['ocsf-json-schema==1.2.0', 'jsonschema==4.25.1']
  const works = () =>
    existsSync(program) && spawnSync(program, ['-c', 'import ocsf_json_schema, jsonschema']).status === 0
  if (!works() && spawnSync('python3', ['-m', 'venv', venv]).status === 0) {
    spawnSync(program, ['-m', 'pip', 'install', '--quiet', ...packages], { timeout: 120_000 })
  }
  return hasEngine('python3', works()) ? program : undefined
}

function judge(events: readonly Event[]): Verdict {
  const input = events.map(({ ocsf }) => JSON.stringify(ocsf)).join('\n')
  const run = spawnSync(python ?? '', [join(here, 'check.py')], {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  expect(run.stderr).toBe('')
  return JSON.parse(run.stdout) as Verdict
}

const parser = createParser()
function parse(text: string, format: RecordFormat = 'auto'): Event {
  return parser.parse({
    offset: 0,
    receivedAt: Date.UTC(2026, 2, 1, 12),
    source: 'syslog/udp 192.0.2.7',
    format,
    headers: {},
    payload: Buffer.from(text),
  })
}

describe.skipIf(!python)('events against the schema of OCSF 1.8.0 (needs python3, ocsf-json-schema)', () => {
  it('finds what is wrong, so that its silence means something', () => {
    const event = parse(samples[0] ?? '')
    const wrong: JsonObject = { ...event.ocsf, type_uid: 1, user: { nme: 'x' }, severity_id: 99, severity: '' }
    const verdict = judge([event, { ...event, ocsf: wrong }])
    expect(verdict).toMatchObject({ checked: 2, valid: 1 })
    expect(verdict.problems.map(({ path }) => path).sort()).toEqual(
      expect.arrayContaining(['severity_id', 'type_uid', 'user']),
    )
  })

  it('every kind of message is valid', () => {
    const verdict = judge(samples.map((text) => parse(text)))
    expect(verdict.problems).toEqual([])
    expect(verdict.valid).toBe(samples.length)
  })

  it('a source that says next to nothing still gives a valid event of its class, labelled', () => {
    const sysmon = (eventId: number) => `{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":${eventId}}`
    const security = (eventId: number) => `{"Channel":"Security","EventID":${eventId}}`
    const texts = [
      ...Array.from({ length: 29 }, (_, i) => sysmon(i + 1)),
      ...Array.from({ length: 6000 }, (_, i) => security(i + 1)),
      ...[104, 7036, 7040, 7045].map((eventId) => `{"Channel":"System","EventID":${eventId}}`),
      ...[4103, 4104].map((id) => `{"Channel":"Microsoft-Windows-PowerShell/Operational","EventID":${id}}`),
      '{"eventSource":"s3.amazonaws.com","eventName":"X"}',
      '{"eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin"}',
    ]
    const events = texts.map((text) => parse(text)).filter(({ ocsf }) => ocsf.class_uid !== 0)
    expect(events.length).toBeGreaterThan(80)
    expect(judge(events).problems).toEqual([])
    const bare = events.find(({ ocsf }) => ocsf.class_uid === 1007)
    expect(((bare?.ocsf.metadata ?? {}) as JsonObject).labels).toContain('missing:actor')
  })

  it.skipIf(!logs)(
    'every kind of event in the recorded attacks is valid (needs ../shared/data)',
    { timeout: 300_000 },
    () => {
      const perKind = 3
      const seen = new Map<string, number>()
      const chosen: Event[] = []
      let total = 0
      for (const file of readdirSync(logs ?? '')) {
        if (!file.endsWith('.zst')) continue
        for (const line of zstdDecompressSync(readFileSync(join(logs ?? '', file)))
          .toString()
          .split('\n')) {
          if (line === '') continue
          total += 1
          const event = parse(line, 'json')
          expect(event.parseError).toBeUndefined()
          const { log_name: log, event_code: code } = event.ocsf.metadata as JsonObject
          const kind = `${file.split('-')[0]} ${log} ${code}`
          const count = (seen.get(kind) ?? 0) + 1
          seen.set(kind, count)
          if (count <= perKind) chosen.push(event)
        }
      }
      expect(judge(chosen).problems).toEqual([])
      console.log(`${total} records of ${seen.size} kinds parsed, ${chosen.length} events checked against OCSF 1.8.0`)
    },
  )
})
