import { parentPort } from 'node:worker_threads'
import { assert } from '../../platform/base/index.ts'
import type { InputFile } from './input-file.ts'
import type { LogFiles } from './log-files.ts'
import { makeTools, replayUnit, type Unit, type UnitResult, type UnitTask, type UnitTools } from './unit.ts'

/** What all units of a run have in common. */
export interface WorkerTask extends UnitTask {
  readonly files: readonly InputFile[]
}

/** The task comes first, once. */
export type ToWorker =
  | { readonly kind: 'task'; readonly task: WorkerTask }
  | { readonly kind: 'unit'; readonly unit: Unit }

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'result'; readonly result: UnitResult }

/** A worker's side of `rampart detect`: takes units of the files until its parent ends it. */
export function serveDetectWorker({ logFiles }: { readonly logFiles: LogFiles }): void {
  const port = parentPort
  assert(port, 'a worker of rampart detect has a parent')
  const tell = (message: FromWorker): void => port.postMessage(message)
  let files: readonly InputFile[] = []
  let tools: UnitTools | undefined

  const begin = ({ files: all, ...task }: WorkerTask): void => {
    files = all
    tools = makeTools(task, { logFiles, onBytes: (bytes) => tell({ kind: 'bytes', bytes }) })
    tell({ kind: 'ready' })
  }

  const work = async (unit: Unit): Promise<void> => {
    const file = files[unit.file]
    assert(file && tools, 'a unit names a file of the task')
    tell({ kind: 'result', result: await replayUnit(unit, file, tools) })
  }

  // One after the other: they share the screen.
  let working = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'task') begin(message.task)
    else working = working.then(() => work(message.unit))
  })
}
