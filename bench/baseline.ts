import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluate } from '../detection/baselines/testing/twin.ts'
import { twins } from '../detection/baselines/testing/twins.ts'
import { findSeries, replayInto, seriesModels } from '../detection/index.ts'
import { sharedData } from '../test/support/requirements.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

/** Series models by NAB's own scorer, with what they cost; entity baselines by what they find of attacks planted in
 * generated twins of real streams, five populations a strength. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  await scoreSeries(report, quick)
  findPlanted(report, quick ? 1 : 5)
}

async function scoreSeries(report: Report, quick: boolean): Promise<void> {
  const data = sharedData('nab')
  if (!data || spawnSync('python3', ['--version']).status !== 0) {
    report({ case: 'NAB: left out, ../shared/data/nab or python3 is absent', value: 0, unit: '' })
    return
  }
  const series = findSeries([join(data, 'data')])
  const bytes = series.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  for (const kind of quick ? seriesModels.slice(0, 1) : seriesModels) {
    const out = mkdtempSync(join(tmpdir(), 'rampart-bench-'))
    try {
      const startedAt = process.cpuUsage()
      for (const file of series) await replayInto(out, file, kind, () => undefined)
      const used = process.cpuUsage(startedAt)
      for (const line of execFileSync('python3', [join(data, 'score.py'), out], { encoding: 'utf8' })
        .trim()
        .split('\n')) {
        const { profile, score } = JSON.parse(line) as { profile: string; score: number }
        report({ case: `NAB, ${kind.name}, ${profile}`, value: score, unit: 'of 100' })
      }
      report({ case: `NAB, ${kind.name}`, value: bytes / (used.user + used.system), unit: 'MB/s' })
    } finally {
      rmSync(out, { recursive: true })
    }
  }
}

function findPlanted(report: Report, populations: number): void {
  for (const twin of twins) {
    for (const { name, make } of twin.strengths) {
      const startedAt = process.cpuUsage()
      const runs = Array.from({ length: populations }, (_, i) => evaluate(twin, make, 100 + i))
      const used = process.cpuUsage(startedAt)
      const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length
      const title = `${twin.detector}: ${name}`
      const precisions = runs.flatMap((run) => run.precision ?? [])
      if (precisions.length > 0) report({ case: `${title}, precision`, value: 100 * mean(precisions), unit: '%' })
      report({ case: `${title}, recall`, value: 100 * mean(runs.map((run) => run.recall)), unit: '%' })
      const minutes = runs.flatMap((run) => run.minutesToDetect ?? [])
      if (minutes.length > 0) report({ case: `${title}, time to detect`, value: mean(minutes), unit: 'min' })
      if (name !== twin.strengths.at(-1)?.name) continue
      const observations = runs.reduce((sum, run) => sum + run.observations, 0)
      report({
        case: `${twin.detector}: with the making of its twin`,
        value: (observations * 1e6) / (used.user + used.system),
        unit: 'observations/s',
      })
    }
  }
}
