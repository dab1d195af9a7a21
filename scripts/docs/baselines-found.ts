import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchResult } from '../../bench/run.ts'
import { readResults, shown } from './bench.ts'

const MEASURES = ['precision', 'recall', 'time to detect', 'false alerts a day'] as const
type Measure = (typeof MEASURES)[number]

/** What each detector finds of attacks planted at each strength, a row each, of the last full run of `npm run bench --
 * baseline`. */
export function foundTable(root: string): string {
  const file = join(root, 'bench', 'results', 'baseline.jsonl')
  const results = existsSync(file) ? readResults(file) : []
  const lastAt = results.at(-1)?.at
  const run = results.filter(({ at }) => at === lastAt)
  const found = rowsOf(run)
  if (found.size === 0) return 'Not measured yet.\n'
  const known = new Map(run.flatMap(({ case: what, value }) => namesKnown(what, value)))
  const rows = [...found].map(([title, measured]) => {
    const [detector = '', strength] = split(title)
    const show = (measure: Measure, unit: string) => {
      const value = measured.get(measure)
      return value === undefined ? '–' : `${shown(value)}${unit}`
    }
    const told = `${show('false alerts a day', '')} of ${shown(known.get(detector) ?? 0)}`
    return `| ${detector} | ${strength} | ${show('recall', ' %')} | ${show('precision', ' %')} | ${show('time to detect', ' min')} | ${told} |`
  })
  const head =
    '| detector | attack | found | right | after | false alerts a day |\n| --- | --- | --- | --- | --- | --- |'
  return `${lastAt?.slice(0, 10)}, commit ${run[0]?.commit}.\n\n${head}\n${rows.join('\n')}\n`
}

/** Values of each detector and strength. */
function rowsOf(run: readonly BenchResult[]): Map<string, Map<Measure, number>> {
  const found = new Map<string, Map<Measure, number>>()
  for (const { case: what, value } of run) {
    const measure = MEASURES.find((one) => what.endsWith(`, ${one}`))
    if (!measure) continue
    const title = what.slice(0, -measure.length - 2)
    found.set(title, (found.get(title) ?? new Map<Measure, number>()).set(measure, value))
  }
  return found
}

function namesKnown(what: string, value: number): [string, number][] {
  const [detector = '', rest] = split(what)
  return rest === 'names known' ? [[detector, value]] : []
}

function split(title: string): [detector: string, rest: string] {
  const colon = title.indexOf(': ')
  return [title.slice(0, colon), title.slice(colon + 2)]
}
