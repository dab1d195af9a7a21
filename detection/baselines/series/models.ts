import { nearest } from '../../../platform/base/index.ts'
import { baselineError } from '../errors.ts'
import type { SeriesModelKind } from '../types.ts'
import { changePoint } from './change-point.ts'
import { halfSpace } from './half-space.ts'
import { seasonalZ } from './seasonal-z.ts'
import { surprise } from './surprise.ts'

/** The models a series can be scored with; the first is the default. */
export const seriesModels: readonly SeriesModelKind[] = [surprise, seasonalZ, changePoint, halfSpace]

/** @throws detection.baseline.unknownModel naming the nearest */
export function getSeriesModel(name: string): SeriesModelKind {
  const kind = seriesModels.find((candidate) => candidate.name === name)
  if (kind) return kind
  const names = seriesModels.map((candidate) => candidate.name)
  const near = nearest(name, names)
  const hint = near ? `did you mean \`${near}\`?` : `there are: ${names.join(', ')}`
  throw baselineError('detection.baseline.unknownModel', `no model is called \`${name}\`; ${hint}`)
}
