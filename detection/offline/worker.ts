import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../platform/base/index.ts'
import type { InputFile } from './input-file.ts'
import type { LogFiles } from './log-files.ts'
import { makeTools, replayUnit, type Unit, type UnitResult, type UnitTask } from './unit.ts'

/** What a worker of `rampart detect` starts with. */
export interface WorkerData extends UnitTask {
  readonly files: readonly InputFile[]
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'result'; readonly result: UnitResult }

/** A worker's side of `rampart detect`: takes units of the files until its parent ends it. */
export function serveDetectWorker({ logFiles }: { readonly logFiles: LogFiles }): void {
  const port = parentPort
  assert(port, 'a worker of rampart detect has a parent')
  const { files, ...task } = workerData as WorkerData
  const tell = (message: FromWorker): void => port.postMessage(message)
  const tools = makeTools(task, { logFiles, onBytes: (bytes) => tell({ kind: 'bytes', bytes }) })

  const work = async (unit: Unit): Promise<void> => {
    const file = files[unit.file]
    assert(file, 'a unit names a file')
    tell({ kind: 'result', result: await replayUnit(unit, file, tools) })
  }

  // One after the other: they share the screen.
  let working = Promise.resolve()
  port.on('message', (unit: Unit) => {
    working = working.then(() => work(unit))
  })

  tell({ kind: 'ready' })
}
