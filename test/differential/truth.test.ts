import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createLogFiles } from '../../collectors/files/index.ts'
import { detectFiles, findInputFiles, type LineMatch, planDetect, readRuleTree } from '../../detection/offline/index.ts'
import { sharedData } from '../support/requirements.ts'

const attackLogs = sharedData('attack-logs')
const sigma = sharedData('sigma')
const vectors = sharedData('sigma-vectors')
const correlations = sharedData('sigma-correlations')

async function detect(options: { rules: string; logs: string; jobs?: number; correlations?: boolean }) {
  const tree = readRuleTree(options.rules)
  const files = findInputFiles([options.logs], 0).files.filter(({ name }) => name !== 'truth.json')
  const plan = planDetect(files, {
    jobs: options.jobs ?? 1,
    logFiles: createLogFiles(),
    worker: new URL('../../cli/detect-worker.ts', import.meta.url),
  })
  const matches: LineMatch[] = []
  const summary = await detectFiles(tree.ruleSet, plan, {
    correlations: options.correlations ?? false,
    onReady: () => undefined,
    onMatches: async (some) => {
      matches.push(...some)
    },
    onProgress: () => undefined,
  })
  return { tree, matches, summary }
}

/** `file rule line` of every match that the truth knows, of the rules that were accepted. */
function truthOf(folder: string, accepted: ReadonlySet<string>): Set<string> {
  const truth = JSON.parse(readFileSync(`${folder}/truth.json`, 'utf8')) as Record<string, Record<string, number[]>>
  const lines = new Set<string>()
  for (const [file, rules] of Object.entries(truth)) {
    for (const [rule, numbers] of Object.entries(rules)) {
      if (accepted.has(rule)) for (const line of numbers) lines.add(`${file} ${rule} ${line}`)
    }
  }
  return lines
}

const told = (matches: readonly LineMatch[]) =>
  new Set(matches.map(({ file, line, rule }) => `${file} ${rule} ${line}`))

function compare(found: ReadonlySet<string>, truth: ReadonlySet<string>) {
  return {
    missing: [...truth].filter((line) => !found.has(line)),
    extra: [...found].filter((line) => !truth.has(line)),
  }
}

describe.skipIf(!attackLogs || !sigma)('3,754 public rules over recorded attacks (needs ../shared/data)', () => {
  test('every match of the truth is found, and no other', { timeout: 120_000 }, async () => {
    const { tree, matches, summary } = await detect({ rules: sigma!, logs: attackLogs! })
    const truth = truthOf(attackLogs!, new Set(tree.ruleSet.rules.map(({ head }) => head.id)))
    const found = told(matches)
    console.log(
      `rampart detect: ${tree.ruleSet.rules.length} rules accepted, ${tree.refused.length} refused, ${summary.events} events; ` +
        `${found.size} matches, ${[...found].filter((line) => truth.has(line)).length} of ${truth.size} in the truth`,
    )
    expect(compare(found, truth)).toEqual({ missing: [], extra: [] })
    // Both take a placeholder that the specification forbids to ignore.
    expect(tree.refused.flatMap(({ reasons }) => reasons)).toEqual([
      expect.stringContaining('%known_cdcs%'),
      expect.stringContaining('%known_cdcs%'),
    ])
  })

  test('two threads tell the same, in the same order', { timeout: 120_000 }, async () => {
    const one = await detect({ rules: sigma!, logs: attackLogs! })
    const two = await detect({ rules: sigma!, logs: attackLogs!, jobs: 2 })
    expect(two.matches).toEqual(one.matches)
  })
})

describe.skipIf(!vectors)('143 rules that walk through modifiers, values and conditions (needs ../shared/data)', () => {
  test('agree with the truth on every event', async () => {
    const { tree, matches } = await detect({ rules: `${vectors!}/rules`, logs: `${vectors!}/events.ndjson` })
    expect(tree.refused).toEqual([])
    expect(tree.ruleSet.rules).toHaveLength(143)
    expect(compare(told(matches), truthOf(vectors!, new Set(tree.ruleSet.rules.map(({ head }) => head.id))))).toEqual({
      missing: [],
      extra: [],
    })
  })
})

describe.skipIf(!correlations)('38 correlations over 1,200 timed events (needs ../shared/data)', () => {
  test('hold at the events of the truth, for the same groups', async () => {
    const { tree, matches } = await detect({
      rules: `${correlations!}/rules`,
      logs: `${correlations!}/events.ndjson`,
      correlations: true,
    })
    expect(tree.refused).toEqual([])
    const truth = JSON.parse(readFileSync(`${correlations!}/truth.json`, 'utf8')) as Record<
      string,
      [number, Record<string, unknown>][]
    >
    const print = (line: number, rule: string, group: object) =>
      `${rule} ${line} ${JSON.stringify(Object.entries(group).sort())}`
    const wanted = new Set(
      Object.entries(truth).flatMap(([rule, holds]) => holds.map(([line, group]) => print(line, rule, group))),
    )
    const found = new Set(
      matches.flatMap(({ line, rule, group }) => (group === undefined ? [] : [print(line, rule, group)])),
    )
    expect(compare(found, wanted)).toEqual({ missing: [], extra: [] })
    expect(Object.keys(truth)).toHaveLength(38)
  })
})
