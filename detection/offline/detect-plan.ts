import { UNIT_BYTES } from '../limits.ts'
import { type InputFile, readFront } from './input-file.ts'
import type { FileForm, LogFiles } from './log-files.ts'
import { Threads } from './threads.ts'
import type { Unit } from './unit.ts'

/** What a run of `rampart detect` has to do, and who does it. */
export interface DetectPlan {
  readonly files: readonly InputFile[]
  readonly logFiles: LogFiles
  readonly units: readonly Unit[]
  readonly threads: Threads
}

/** Cuts the files into units and starts the threads that there is work for: they come up while the rules are read.
 * @param options worker: the entry of threads beside this one, a composition root that calls `serveDetectWorker` */
export function planDetect(
  files: readonly InputFile[],
  { jobs, logFiles, worker }: { readonly jobs: number; readonly logFiles: LogFiles; readonly worker: URL },
): DetectPlan {
  const units = cutIntoUnits(files, logFiles)
  return { files, logFiles, units, threads: new Threads(worker, Math.max(0, Math.min(jobs, units.length) - 1)) }
}

/** Compressed files are read from their beginning, so they are one unit each; plain ones are cut where each line is a record
 * by itself, or each chunk. */
function cutIntoUnits(files: readonly InputFile[], logFiles: LogFiles): readonly Unit[] {
  const units: Unit[] = []
  for (const [number, file] of files.entries()) {
    const { compression, sizeBytes } = file
    const form = compression === 'none' && sizeBytes > UNIT_BYTES ? formToCut(file, logFiles) : undefined
    if (!form) {
      units.push({ number: units.length, file: number })
      continue
    }
    for (let from = 0; from < sizeBytes; from += UNIT_BYTES) {
      const range = { from, to: Math.min(sizeBytes, from + UNIT_BYTES) }
      units.push({ number: units.length, file: number, range, form })
    }
  }
  return units
}

/** What a file is that can be cut; undefined also where it cannot be read, which is told when its turn comes. */
function formToCut({ path, name }: InputFile, logFiles: LogFiles): FileForm | undefined {
  try {
    const form = logFiles.formOf(readFront(path), name, false)
    return form.kind === 'lines' || form.kind === 'chunks' ? form : undefined
  } catch {
    return undefined
  }
}

/** So that no thread is left alone with a large one at the end. */
export function largestFirst(units: readonly Unit[], files: readonly InputFile[]): Unit[] {
  const size = ({ file, range }: Unit) => (range ? range.to - range.from : (files[file]?.sizeBytes ?? 0) * 8)
  return [...units].sort((left, right) => size(right) - size(left))
}
