import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchResult } from '../../bench/run.ts'

/** What the last run of each module of bench/ measured. */
export function benchTable(root: string): string {
  const folder = join(root, 'bench', 'results')
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : []
  if (files.length === 0) return 'None yet.\n'
  return files
    .sort()
    .map((name) => section(name.replace(/\.jsonl$/, ''), readResults(join(folder, name))))
    .join('\n')
}

/** All lines of a file of results, oldest first. */
export function readResults(file: string): BenchResult[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BenchResult)
}

function section(name: string, results: readonly BenchResult[]): string {
  const newest = results.at(-1)
  const rows = results
    .filter(({ at }) => at === newest?.at)
    .map(({ case: what, value, unit }) => `| ${what} | ${shown(value)} | ${unit} |`)
  const { cores, memGiB, node } = newest?.machine ?? { cores: 0, memGiB: 0, node: '' }
  const where = `${newest?.at.slice(0, 10)}, commit ${newest?.commit}, ${cores} cores, ${memGiB} GiB, Node ${node}.`
  return `## ${name}\n\n${where}\n\n| what | value | unit |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

/** A value as people read it. */
export function shown(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 4, useGrouping: true })
}
