// Measures on real data: `npm run bench [-- --quick] [name…]`. Each module of bench/ that exports `run` is a group of
// cases; full runs are kept in bench/results/ and shown in docs/bench.md.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readdirSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

/** One measured value, as a line of bench/results/<module>.jsonl. */
export interface BenchResult {
  readonly commit: string
  readonly machine: { readonly cores: number; readonly memGiB: number; readonly node: string }
  readonly case: string
  readonly value: number
  readonly unit: string
  /** RFC 3339. */
  readonly at: string
}

/** What a module of bench/ exports. It reports each value once, and by name what it had to leave out. */
interface BenchModule {
  run(
    report: (row: Pick<BenchResult, 'case' | 'value' | 'unit'>) => void,
    options: { readonly quick: boolean },
  ): Promise<void>
}

const here = import.meta.dirname
const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const names = readdirSync(here)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'run.ts')
  .map((name) => name.slice(0, -'.ts'.length))
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`bench: nothing is called ${unknown.join(', ')}; there are: ${names.join(', ')}`)
  process.exit(2)
}

const machine = {
  cores: availableParallelism(),
  memGiB: Math.round(totalmem() / 2 ** 30),
  node: process.versions.node,
}
let failed = 0
for (const name of positionals.length > 0 ? positionals : names) {
  const module = (await import(pathToFileURL(join(here, `${name}.ts`)).href)) as Partial<BenchModule>
  if (!module.run) continue
  console.log(`\n${name}${values.quick ? ' (quick: not kept)' : ''}`)
  const rows: Pick<BenchResult, 'case' | 'value' | 'unit'>[] = []
  try {
    await module.run(
      (row) => {
        rows.push(row)
        const value = row.value.toLocaleString('en', { maximumSignificantDigits: 4 })
        console.log(`  ${row.case.padEnd(48)} ${value.padStart(12)} ${row.unit}`)
      },
      { quick: values.quick },
    )
    if (!values.quick) keep(name, rows)
  } catch (error) {
    failed += 1
    console.error(`  failed: ${error instanceof Error ? error.stack : String(error)}`)
  }
}
// A module may have left a thread or a socket behind; what it measured is kept.
process.exit(failed === 0 ? 0 : 1)

function keep(name: string, rows: readonly Pick<BenchResult, 'case' | 'value' | 'unit'>[]): void {
  const commit = commitName()
  const at = new Date().toISOString()
  const lines = rows.map((row): string => `${JSON.stringify({ commit, machine, ...row, at } satisfies BenchResult)}\n`)
  mkdirSync(join(here, 'results'), { recursive: true })
  appendFileSync(join(here, 'results', `${name}.jsonl`), lines.join(''))
}

function commitName(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: here, encoding: 'utf8' }).trim()
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', '..', ':!results') !== ''
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`
}
