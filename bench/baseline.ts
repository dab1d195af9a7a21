import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluate } from '../detection/baselines/testing/twin.ts'
import { twins } from '../detection/baselines/testing/twins.ts'
import { judgeZeek } from '../detection/baselines/testing/zeek.ts'
import { findSeries, replayInto, seriesModels } from '../detection/offline/index.ts'
import { sharedData } from '../test/support/requirements.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

/** What NAB publishes of others, by the same scorer and data.   @see https://github.com/numenta/NAB#scoreboard */
const PUBLISHED: Readonly<Record<string, readonly [standard: number, lowFp: number, lowFn: number]>> = {
  ARTime: [74.9, 65.1, 80.4],
  'Numenta HTM': [70.5, 62.6, 75.2],
  'CAD OSE': [69.9, 67.0, 73.2],
  'earthgecko Skyline': [58.2, 46.2, 63.9],
  'KNN CAD': [58.0, 43.4, 64.8],
  'Relative Entropy': [54.6, 47.6, 58.8],
  'Random Cut Forest': [51.7, 38.4, 59.7],
  'Twitter ADVec': [47.1, 33.6, 53.5],
  'Windowed Gaussian': [39.6, 20.9, 47.4],
  Random: [11.0, 1.2, 19.5],
}
const PROFILES = ['standard', 'reward_low_FP_rate', 'reward_low_FN_rate'] as const

/** Series models by NAB's own scorer, with what they cost; entity baselines by what they find of attacks planted in
 * generated twins of real streams, five populations a strength, and by where they list the real command and control of two days
 * of Zeek logs. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  await scoreSeries(report, quick)
  findPlanted(report, quick ? 1 : 5)
  rankChannels(report)
}

async function scoreSeries(report: Report, quick: boolean): Promise<void> {
  const data = sharedData('nab')
  if (!data || spawnSync('python3', ['--version']).status !== 0) {
    report({ case: 'NAB: left out, ../shared/data/nab or python3 is absent', value: 0, unit: '' })
    return
  }
  for (const [name, scores] of Object.entries(quick ? {} : PUBLISHED))
    for (const [i, profile] of PROFILES.entries())
      report({ case: `NAB, published: ${name}, ${profile}`, value: scores[i] ?? 0, unit: 'of 100' })
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

/** At which place the pairs that are command and control stand, and how many others before them. */
function rankChannels(report: Report): void {
  const zeek = sharedData('zeek')
  if (!zeek) {
    report({ case: 'Zeek: left out, ../shared/data/zeek is absent', value: 0, unit: '' })
    return
  }
  for (const day of ['apt29-day1', 'apt29-day2']) {
    for (const { detector, pairs, channels, falseBefore } of judgeZeek(join(zeek, `${day}.ndjson.zst`)).rankings) {
      const title = `Zeek ${day}, ${detector}`
      report({ case: `${title}: pairs listed`, value: pairs.length, unit: '' })
      for (const { pair, rank } of channels) report({ case: `${title}: place of ${pair}`, value: rank, unit: '' })
      report({ case: `${title}: false pairs before the first channel`, value: falseBefore, unit: '' })
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
      report({ case: `${title}, false alerts a day`, value: mean(runs.map((run) => run.falseADay)), unit: '' })
      if (name !== twin.strengths.at(-1)?.name) continue
      report({ case: `${twin.detector}: names known`, value: mean(runs.map((run) => run.entities)), unit: '' })
      const observations = runs.reduce((sum, run) => sum + run.observations, 0)
      report({
        case: `${twin.detector}: with the making of its twin`,
        value: (observations * 1e6) / (used.user + used.system),
        unit: 'observations/s',
      })
    }
  }
}
