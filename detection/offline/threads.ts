import { Worker } from 'node:worker_threads'
import { UNITS_AHEAD } from '../limits.ts'
import type { Unit, UnitResult } from './unit.ts'
import type { FromWorker, ToWorker, WorkerTask } from './worker.ts'

/** Who hears of what threads do. */
interface ThreadListener {
  take(result: UnitResult): Promise<void>
  /** Bytes of files, as they lie on disk, that were read since the last call. */
  onBytes(bytes: number): void
}

/** Threads beside the first, which come up at once and wait for a task. */
export class Threads {
  readonly #workers: readonly Worker[]
  /** Rejects when one of them ends by itself. */
  readonly #lost: Promise<never>

  /** @param entry a composition root that calls `serveDetectWorker` */
  constructor(entry: URL, count: number) {
    this.#workers = Array.from({ length: count }, () => new Worker(entry))
    this.#lost = new Promise((_, reject) => {
      for (const worker of this.#workers) {
        worker.on('error', reject)
        worker.on('exit', (code) => reject(new Error(`a worker of rampart detect ended with code ${code}`)))
      }
    })
    // It is heard where their work is waited for.
    this.#lost.catch(() => {})
  }

  get count(): number {
    return this.#workers.length
  }

  /** Has each take of the waiting units.
   * @returns finish: once nothing waits any more, resolves when what they have in hand was taken, and does not wait for
   * threads that are not ready yet; rejects where one of them ended before */
  work(
    task: WorkerTask,
    waiting: Unit[],
    { take, onBytes }: ThreadListener,
  ): { readonly finish: () => Promise<unknown> } {
    const nexts: (() => void)[] = []
    const done = Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            let taking = Promise.resolve()
            let inHand = 0
            const tell = (message: ToWorker): void => worker.postMessage(message)
            const next = (): void => {
              const unit = waiting.shift()
              if (unit) {
                inHand++
                tell({ kind: 'unit', unit })
              } else if (inHand === 0) taking.then(resolve, () => {})
            }
            nexts.push(next)
            worker.on('message', (message: FromWorker) => {
              if (message.kind === 'bytes') onBytes(message.bytes)
              else if (message.kind === 'ready') for (let ahead = 0; ahead < UNITS_AHEAD; ahead++) next()
              else {
                inHand--
                taking = taking.then(() => take(message.result))
                taking.catch(reject)
                next()
              }
            })
            tell({ kind: 'task', task })
          }),
      ),
    )
    // Without one of its threads the run is lost, so that the others need not go on.
    const all = Promise.race([done, this.#lost])
    all.catch(() => waiting.splice(0))
    const finish = (): Promise<unknown> => {
      for (const next of nexts) next()
      return all
    }
    return { finish }
  }

  stop(): Promise<unknown> {
    return Promise.all(this.#workers.map((worker) => worker.terminate()))
  }
}
