import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { baselineError } from '../errors.ts'
import { SERIES_DEPTH_MAX, SERIES_FILES_MAX } from '../limits.ts'

/** A file to replay. */
export interface SeriesPath {
  readonly path: string
  /** What its answer is called below the folder that takes it. */
  readonly name: string
  readonly sizeBytes: number
}

/** The files named, and every `.csv` file of the folders named, each folder in order of its names; links are not
 * followed.
 * @throws detection.baseline.seriesUnreadable for what is not there, for too many, and where two have one name */
export function findSeries(paths: readonly string[]): readonly SeriesPath[] {
  const found: SeriesPath[] = []
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (!stat) throw baselineError('detection.baseline.seriesUnreadable', `there is no \`${path}\``)
    if (stat.isDirectory()) walk(path, '', 0, found)
    else found.push({ path, name: basename(path), sizeBytes: stat.size })
  }
  const byName = new Map<string, SeriesPath>()
  for (const file of found) {
    const other = byName.get(file.name)
    if (other)
      throw baselineError(
        'detection.baseline.seriesUnreadable',
        `\`${other.path}\` and \`${file.path}\` would both be answered in \`${file.name}\`; replay them one after the other`,
      )
    byName.set(file.name, file)
  }
  return found
}

function walk(root: string, below: string, depth: number, found: SeriesPath[]): void {
  if (depth > SERIES_DEPTH_MAX)
    throw baselineError(
      'detection.baseline.seriesUnreadable',
      `folders below \`${root}\` are nested deeper than ${SERIES_DEPTH_MAX}`,
    )
  const entries = readdirSync(join(root, below), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) walk(root, name, depth + 1, found)
    if (!entry.isFile() || !entry.name.endsWith('.csv')) continue
    if (found.length >= SERIES_FILES_MAX)
      throw baselineError('detection.baseline.seriesUnreadable', `there are more than ${SERIES_FILES_MAX} files`)
    const path = join(root, name)
    found.push({ path, name, sizeBytes: statSync(path).size })
  }
}
