import { Worker } from 'node:worker_threads'
import { assert } from '../../platform/index.ts'
import {
  EVALUATION_CPU_MS_MAX,
  EVALUATION_HEAP_MB_MAX,
  EVALUATION_WALL_MS_MAX,
  EVALUATIONS_QUEUED_MAX,
} from '../limits.ts'
import type { JsonMap } from '../types.ts'
import type { Answer, Job, Outcome } from './protocol.ts'
import type { Scope } from './value-type.ts'

const SCOPES_KEPT_MAX = 1000

/** A question to the evaluator: expressions of one step, in one scope, at one instant. */
export interface Evaluation {
  /** Accounts take turns, so that slow expressions of one do not hold up the others. */
  readonly account: string
  /** Names the scope for ever: the same key always comes with the same types. */
  readonly scopeKey: string
  readonly scope: Scope
  readonly bindings: JsonMap
  readonly now: number
  readonly expressions: readonly string[]
}

interface Waiting {
  readonly evaluation: Evaluation
  resolve(outcomes: readonly Outcome[]): void
  reject(error: Error): void
}

/** Nobody could evaluate now; it says nothing about the expressions, and asking later will. */
export class EvaluatorUnavailable extends Error {}

/** Evaluates expressions in a thread of its own that is killed when one takes more processor time or memory than
 * it may: neither can be bounded inside the library. One question at a time. */
export class Evaluator {
  readonly #queues = new Map<string, Waiting[]>()
  #queued = 0
  #worker: ExpressionThread | undefined
  #current: Waiting | undefined
  /** The account that had the last turn. */
  #served: string | undefined
  #closed = false
  readonly #onKilled: () => void

  constructor(onKilled: () => void = () => {}) {
    this.#onKilled = onKilled
  }

  /** The outcome of each expression, in order; what is wrong with one is its outcome.
   * @throws EvaluatorUnavailable */
  evaluate(evaluation: Evaluation): Promise<readonly Outcome[]> {
    if (evaluation.expressions.length === 0) return Promise.resolve([])
    if (this.#closed) return Promise.reject(new EvaluatorUnavailable('the service is stopping'))
    if (this.#queued >= EVALUATIONS_QUEUED_MAX) {
      return Promise.reject(new EvaluatorUnavailable('too many expressions wait to be evaluated'))
    }
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(evaluation.account)
      if (queue) queue.push({ evaluation, resolve, reject })
      else this.#queues.set(evaluation.account, [{ evaluation, resolve, reject }])
      this.#queued += 1
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const queue of this.#queues.values()) {
      for (const { reject } of queue) reject(new EvaluatorUnavailable('the service is stopping'))
    }
    this.#queues.clear()
    await this.#worker?.stop()
  }

  #next(): void {
    if (this.#current) return
    const accounts = [...this.#queues.keys()]
    const account = accounts.find((candidate) => candidate !== this.#served) ?? accounts[0]
    const queue = account === undefined ? undefined : this.#queues.get(account)
    if (account === undefined || !queue) return
    this.#served = account
    const waiting = queue.shift()
    assert(waiting, 'an empty queue is dropped')
    // A Map keeps its order of insertion: putting the account back at the end is the taking of turns.
    this.#queues.delete(account)
    if (queue.length > 0) this.#queues.set(account, queue)
    this.#queued -= 1
    this.#current = waiting
    this.#worker ??= new ExpressionThread()
    const worker = this.#worker
    void worker
      .run(waiting.evaluation)
      .then(waiting.resolve, waiting.reject)
      .finally(() => {
        if (worker.ended) {
          this.#worker = undefined
          this.#onKilled()
        }
        this.#current = undefined
        this.#next()
      })
  }
}

class ExpressionThread {
  readonly #worker: Worker
  readonly #known = new Set<string>()
  #nextId = 1
  /** Processor time of the thread when it last said something. */
  #cpuUsBefore = 0
  #ready: Promise<void>
  #answer: ((answer: Answer & { kind: 'done' }) => void) | undefined
  #died: ((reason: string) => void) | undefined
  #outOfMemory = false
  ended = false

  constructor() {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'playbook expressions',
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: EVALUATION_HEAP_MB_MAX, maxYoungGenerationSizeMb: 16 },
    })
    this.#worker.unref()
    this.#ready = new Promise((resolve) => {
      this.#worker.on('message', (answer: Answer) => {
        this.#cpuUsBefore = answer.cpuUs
        if (answer.kind === 'ready') resolve()
        else this.#answer?.(answer)
      })
    })
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      this.#outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      const text = 'the expressions need more memory than they may'
      this.#end(this.#outOfMemory ? text : `evaluation broke: ${error.message}`)
    })
    this.#worker.on('exit', () => this.#end('the evaluating thread ended'))
  }

  async run(evaluation: Evaluation): Promise<readonly Outcome[]> {
    // The event loop must not end while somebody waits for an answer.
    this.#worker.ref()
    const died = new Promise<string>((resolve) => {
      this.#died = resolve
      if (this.ended) resolve('the evaluating thread ended')
    })
    try {
      const started = await Promise.race([this.#ready, died])
      if (typeof started === 'string') throw new EvaluatorUnavailable(started)
      const answered = new Promise<Answer & { kind: 'done' }>((resolve) => {
        this.#answer = resolve
      })
      this.#worker.postMessage(this.#job(evaluation))
      const watch = this.#watch()
      const outcome = await Promise.race([answered, died])
      watch.stop()
      if (typeof outcome !== 'string') return outcome.outcomes
      if (watch.fired()) return failAll(evaluation, 'timeout', outcome)
      if (this.#outOfMemory) return failAll(evaluation, 'too_large', outcome)
      throw new EvaluatorUnavailable(outcome)
    } finally {
      this.#answer = undefined
      this.#died = undefined
      this.#worker.unref()
    }
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #job(evaluation: Evaluation): Job {
    const { scopeKey, scope, bindings, now, expressions } = evaluation
    const job = { id: this.#nextId, scopeKey, bindings, now, expressions }
    this.#nextId += 1
    if (this.#known.has(scopeKey)) return job
    const [oldest] = this.#known
    if (this.#known.size >= SCOPES_KEPT_MAX && oldest !== undefined) {
      this.#known.delete(oldest)
      this.#worker.postMessage({ forget: oldest })
    }
    this.#known.add(scopeKey)
    return { ...job, scope }
  }

  /** Kills the thread once the question has used up its processor time. The wall only says when to look: on a busy
   * machine an honest expression may wait long for its turn. */
  #watch(): { stop(): void; fired(): boolean } {
    const before = this.#cpuUsBefore
    let fired = false
    let stopped = false
    let waitedMs = 0
    let timer: NodeJS.Timeout
    const look = async () => {
      const usage = await this.#worker.cpuUsage().catch(() => undefined)
      // What arrived while this process itself was busy is read before the thread is judged.
      await new Promise((resolve) => setImmediate(resolve))
      if (stopped || this.ended) return
      const usedMs = usage ? (usage.user + usage.system - before) / 1000 : 0
      if (usedMs >= EVALUATION_CPU_MS_MAX || waitedMs >= EVALUATION_WALL_MS_MAX) {
        fired = true
        this.#end(`the expressions take longer than ${EVALUATION_CPU_MS_MAX} ms of processor time`)
        await this.#worker.terminate()
        return
      }
      arm(Math.max(10, Math.ceil(EVALUATION_CPU_MS_MAX - usedMs)))
    }
    const arm = (ms: number) => {
      waitedMs += ms
      timer = setTimeout(() => void look(), ms)
    }
    arm(EVALUATION_CPU_MS_MAX)
    return {
      stop: () => {
        stopped = true
        clearTimeout(timer)
      },
      fired: () => fired,
    }
  }

  #end(reason: string): void {
    this.ended = true
    this.#died?.(reason)
  }
}

function failAll(evaluation: Evaluation, code: 'timeout' | 'too_large', message: string) {
  return evaluation.expressions.map((): Outcome => ({ ok: false, code, message }))
}
