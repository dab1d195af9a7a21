import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { baselineError } from '../errors.ts'
import type { SeriesModelKind } from '../types.ts'
import { readSeries } from './series-file.ts'
import type { SeriesPath } from './series-paths.ts'

/** Rows that are written at a time. */
const ROWS_A_WRITE = 1_000

/** Scores a series file row by row, as a stream would have brought it: `timestamp,anomaly_score`, a row per row, the
 * timestamp as it was written. The stream is left open.
 * @throws detection.baseline.seriesUnreadable with the line; what was scored up to there has been written */
export async function replayTo(
  out: Writable,
  file: SeriesPath,
  kind: SeriesModelKind,
  onBytes: (count: number) => void,
): Promise<void> {
  await pipeline(Readable.from(scoredLines(file, kind, onBytes)), out, { end: false })
}

/** Scores a series file into `folder`, under its own name; the file is there whole or not at all.
 * @throws detection.baseline.seriesUnreadable with the line, or where the answer would overwrite the series */
export async function replayInto(
  folder: string,
  file: SeriesPath,
  kind: SeriesModelKind,
  onBytes: (count: number) => void,
): Promise<void> {
  const target = join(folder, file.name)
  if (resolve(target) === resolve(file.path))
    throw baselineError(
      'detection.baseline.seriesUnreadable',
      `\`${file.path}\` would be overwritten by its own scores`,
    )
  await mkdir(dirname(target), { recursive: true })
  const part = `${target}.part`
  try {
    await pipeline(Readable.from(scoredLines(file, kind, onBytes)), createWriteStream(part))
    await rename(part, target)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function* scoredLines(file: SeriesPath, kind: SeriesModelKind, onBytes: (count: number) => void) {
  const model = kind.create()
  let lines = 'timestamp,anomaly_score\n'
  let rows = 0
  for await (const { timestamp, at, value } of readSeries(file.path, onBytes)) {
    lines += `${timestamp},${shown(model.next(at, value).score)}\n`
    rows += 1
    if (rows % ROWS_A_WRITE !== 0) continue
    yield lines
    lines = ''
  }
  yield lines
}

const shown = (score: number): string => (score === 0 ? '0' : score.toFixed(6))
