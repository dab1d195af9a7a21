import { readdirSync, readFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createParser } from '../../collectors/index.ts'
import { RuleMatcher } from '../../detection/match/rule-matcher.ts'
import { readRuleTree } from '../../detection/offline/index.ts'
import { shapeEvent } from '../../detection/sources/event-shape.ts'
import type { JsonObject } from '../../pipeline/index.ts'
import { sharedData } from '../support/requirements.ts'

const attackLogs = sharedData('attack-logs')
const sigma = sharedData('sigma')

type Truth = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>

/** Every event of the recorded attacks that some rule matches, and those rules. */
function* matched(): Iterable<{
  readonly line: string
  readonly event: JsonObject
  readonly rules: readonly string[]
}> {
  const truth = JSON.parse(readFileSync(`${attackLogs}/truth.json`, 'utf8')) as Truth
  for (const file of readdirSync(attackLogs!).filter((name) => Object.hasOwn(truth, name))) {
    const lines = zstdDecompressSync(readFileSync(`${attackLogs}/${file}`))
      .toString('utf8')
      .split('\n')
    const rulesAt = new Map<number, string[]>()
    for (const [rule, at] of Object.entries(truth[file] ?? {})) {
      for (const line of at) rulesAt.set(line, [...(rulesAt.get(line) ?? []), rule])
    }
    for (const [at, rules] of rulesAt) {
      const line = lines[at] ?? ''
      yield { line, event: JSON.parse(line) as JsonObject, rules }
    }
  }
}

const systemMembers = new Set([
  'Channel',
  'EventID',
  'Computer',
  'EventRecordID',
  'Task',
  'Level',
  'Keywords',
  'Version',
])

/** The event as the nested JSON of EVTX tools; undefined for what is none of Windows. */
function nested(event: JsonObject): JsonObject | undefined {
  const { root, windows } = shapeEvent(event, {})
  if (!windows || !Object.hasOwn(root, 'Channel')) return undefined
  const system: Record<string, unknown> = {}
  const data: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(root)) {
    if (name === 'Provider_Name') system.Provider = { '#attributes': { Name: value } }
    else if (systemMembers.has(name)) system[name] = value
    else data[name] = value
  }
  return { Event: { System: system, EventData: data } } as unknown as JsonObject
}

describe.skipIf(!attackLogs || !sigma)(
  'the same rules fire, whatever form an event has (needs ../shared/data):',
  () => {
    const rules = sigma ? readRuleTree(sigma).ruleSet.rules : []
    const matcher = new RuleMatcher(rules)
    const idsOf = (event: JsonObject) => matcher.match(event, {}).map((number) => rules[number]?.head.id ?? '')
    const categoryOf = new Map(
      rules.map(({ head, logsource: { product, category, service } }) => [
        head.id,
        `${product ?? ''} ${category ?? service ?? ''}`.trim(),
      ]),
    )

    test.each([
      ['flat', (event: JsonObject) => ({ ...shapeEvent(event, {}).root })],
      ['nested', nested],
    ])('%s', { timeout: 120_000 }, (_, form) => {
      let events = 0
      const differ: unknown[] = []
      for (const { event, rules: wanted } of matched()) {
        const other = form(event)
        if (!other) continue
        events++
        const found = idsOf(other)
        if ([...found].sort().join() !== [...wanted].sort().join()) differ.push({ other, found, wanted })
      }
      expect(differ.slice(0, 3)).toEqual([])
      expect(events).toBeGreaterThan(1_000)
    })

    /** Of the matches of each category, how many the same event has in OCSF form; and rules that fire there alone. */
    function shares(form: (ocsf: JsonObject, original: JsonObject) => JsonObject) {
      const parser = createParser()
      const byCategory = new Map<string, { fired: number; of: number }>()
      const missing = new Map<string, number>()
      const extra = new Map<string, number>()
      for (const { line, rules: wanted } of matched()) {
        const record = { receivedAt: 0, offset: 0, source: 'file', format: 'json' as const, headers: {} }
        const { ocsf, original } = parser.parse({ ...record, payload: Buffer.from(line) })
        const found = new Set(idsOf(form(JSON.parse(JSON.stringify(ocsf)) as JsonObject, original)))
        for (const rule of wanted) {
          const category = categoryOf.get(rule) ?? ''
          const share = byCategory.get(category) ?? { fired: 0, of: 0 }
          byCategory.set(category, share)
          share.of++
          if (found.has(rule)) share.fired++
          else missing.set(rule, (missing.get(rule) ?? 0) + 1)
        }
        for (const rule of found) if (!wanted.includes(rule)) extra.set(rule, (extra.get(rule) ?? 0) + 1)
      }
      return { byCategory, missing: [...missing], extra: [...extra] }
    }

    test('OCSF, with what OCSF has no place for in `unmapped`', { timeout: 120_000 }, () => {
      const { byCategory, missing, extra } = shares((ocsf, original) => {
        // Only what the mapping back does not give, so that the mapping itself is looked at.
        const mapped = shapeEvent(ocsf, {}).root
        const flat = shapeEvent(original, {}).root
        const unmapped = Object.entries(flat).filter(([name]) => !Object.hasOwn(mapped, name))
        return { ...ocsf, unmapped: Object.fromEntries(unmapped) } as JsonObject
      })
      expect(missing).toEqual([])
      expect([...byCategory.values()].reduce((sum, { fired }) => sum + fired, 0)).toBeGreaterThan(3_000)
      // Where Windows writes `-`, OCSF has nothing, and what excludes `-` no longer does.
      expect(extra.length).toBeLessThan(4)
    })

    test('OCSF alone, as far as OCSF has a place for what rules ask', { timeout: 120_000 }, () => {
      const { byCategory } = shares((ocsf) => ocsf)
      const told = [...byCategory].map(([category, { fired, of }]) => `${category}: ${fired} of ${of}`).sort()
      console.log(`matches that fire on the OCSF form alone:\n${told.join('\n')}`)
      // Why not all: docs/decisions/0015-sigma-as-it-is-read.md.
      const floors: Readonly<Record<string, number>> = {
        'windows security': 0.5,
        'windows process_access': 0.1,
        'windows image_load': 0.7,
        'windows application': 0.8,
        'windows wmi': 0,
      }
      const below = [...byCategory].filter(([category, { fired, of }]) => fired / of < (floors[category] ?? 0.98))
      expect(below).toEqual([])
    })
  },
)
