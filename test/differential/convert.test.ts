import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createParser } from '../../collectors/index.ts'
import { ruleToPpl } from '../../detection/convert/rule-to-ppl.ts'
import { readRuleTree } from '../../detection/offline/index.ts'
import type { SigmaRule } from '../../detection/sigma/rule.ts'
import { openDuckDbStore } from '../../pipeline/engines/duckdb/store.ts'
import { parseAccountId, systemClock } from '../../platform/index.ts'
import { sharedData } from '../support/requirements.ts'

const attackLogs = sharedData('attack-logs')
const sigma = sharedData('sigma')
const vectors = sharedData('sigma-vectors')
const account = parseAccountId('000000000001')

/** File, then rule, then the lines that match. */
type Truth = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>

const linesOf = (text: string): readonly string[] => text.trimEnd().split('\n')
const truthOf = (folder: string): Truth => JSON.parse(readFileSync(`${folder}/truth.json`, 'utf8'))

/** Stores the lines as they would be collected, and says how to find the offsets of a search's rows. */
async function stored(lines: readonly string[]): Promise<(query: string) => Promise<readonly number[]>> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-convert-'))
  const store = await openDuckDbStore({ dir, clock: systemClock, limits: { memoryBytesMax: 1024 ** 3 } })
  onTestFinished(async () => {
    await store.close()
    await rm(dir, { recursive: true })
  })
  const parser = createParser()
  const shard = { account, workspace: 'default', dataspace: 'default', pipe: 'logs', shard: 0 }
  for (let from = 0; from < lines.length; from += 1_000) {
    const events = lines.slice(from, from + 1_000).map((line, index) => {
      const record = { receivedAt: 0, source: 'file', format: 'json' as const, headers: {} }
      return parser.parse({ ...record, payload: Buffer.from(line), offset: from + index })
    })
    await store.append({ shard, events, nextOffset: from + events.length })
  }
  return async (query) => {
    const request = { account, workspace: 'default', query: `${query} | fields _offset`, limit: 10_000 }
    const { rows } = await store.search(request)
    return rows.map(([offset]) => Number(offset)).sort((left, right) => left - right)
  }
}

/** Rules whose searches find other events than they match, and how many were held against each other. */
async function compare(
  rules: readonly SigmaRule[],
  wanted: ReadonlyMap<string, readonly number[]>,
  search: (query: string) => Promise<readonly number[]>,
) {
  const differ: string[] = []
  const seen = { matching: 0, others: 0, rows: 0, refused: 0 }
  for (const rule of rules) {
    const expected = wanted.get(rule.head.id) ?? []
    const converted = ruleToPpl(rule, 'logs')
    if (!converted.ok) {
      seen.refused++
      continue
    }
    const found = await search(converted.value)
    if (expected.length > 0) seen.matching++
    else seen.others++
    seen.rows += found.length
    if (found.join() === expected.join()) continue
    differ.push(
      `${rule.head.id}: ${found.slice(0, 5)}; wanted ${expected.slice(0, 5)}; ${converted.value.slice(0, 500)}`,
    )
  }
  console.log(JSON.stringify(seen))
  return { differ, seen }
}

describe.skipIf(!attackLogs || !sigma)('a public rule as a PPL search finds the events it matches in', () => {
  // Searches ask for the names that rules use, as flat Windows events and CloudTrail records have them.
  test.each([
    ['Windows events', /^otrf-/, (rule: SigmaRule) => rule.logsource.product === 'windows'],
    ['CloudTrail records', /^cloudtrail-/, (rule: SigmaRule) => rule.logsource.service === 'cloudtrail'],
  ])('%s (needs ../shared/data)', { timeout: 600_000 }, async (_, names, isMeant) => {
    const lines: string[] = []
    const wanted = new Map<string, number[]>()
    const truth = truthOf(attackLogs!)
    for (const file of readdirSync(attackLogs!).filter((name) => names.test(name))) {
      const here = linesOf(zstdDecompressSync(readFileSync(`${attackLogs}/${file}`)).toString('utf8'))
      if (here.length > 1_000) continue
      for (const [rule, at] of Object.entries(truth[file] ?? {})) {
        wanted.set(rule, [...(wanted.get(rule) ?? []), ...at.map((line) => lines.length + line)])
      }
      lines.push(...here)
    }
    const rules = readRuleTree(sigma!).ruleSet.rules.filter(isMeant)
    // All that match, and some of those that do not.
    const some = rules.filter(({ head }, index) => wanted.has(head.id) || index % 20 === 0)
    const { differ, seen } = await compare(some, wanted, await stored(lines))
    expect(differ).toEqual([])
    expect(seen.matching).toBeGreaterThan(5)
  })
})

describe.skipIf(!vectors)('rules that walk through modifiers, values and conditions', () => {
  test('find the same as PPL searches, all but keywords (needs ../shared/data)', { timeout: 600_000 }, async () => {
    const wanted = new Map(Object.values(truthOf(vectors!)).flatMap((rules) => Object.entries(rules)))
    const search = await stored(linesOf(readFileSync(`${vectors}/events.ndjson`, 'utf8')))
    const { differ, seen } = await compare(readRuleTree(`${vectors}/rules`).ruleSet.rules, wanted, search)
    expect(differ).toEqual([])
    expect(seen.matching).toBeGreaterThan(50)
  })
})
