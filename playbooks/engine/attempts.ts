import {
  type AccountId,
  type AuditOutcome,
  type AuditSink,
  type Authorizer,
  type Clock,
  RampartError,
  REGION,
  uuidv7,
} from '../../platform/index.ts'
import { type Action, type ActionResult, failed } from '../actions/action.ts'
import { ATTEMPTS_AT_ONCE_MAX } from '../limits.ts'
import type { JsonMap, Log, RunAs } from '../types.ts'
import type { LoadedPlaybook } from './advance.ts'
import type { EngineCounts } from './counts.ts'
import type { Signal, StoredResult } from './driver.ts'
import { keyOf } from './key.ts'
import type { Payloads } from './payload.ts'
import { sessionPolicy } from './session-policy.ts'
import type { LeasedTask, RunRow, RunStore, TaskRow } from './store.ts'

/** Attempts of one account at once: it cannot take all the places there are. */
const PER_ACCOUNT_MAX = ATTEMPTS_AT_ONCE_MAX / 2

export interface AttemptsDeps {
  readonly store: RunStore
  readonly payloads: Payloads
  readonly actions: ReadonlyMap<string, Action>
  readonly authorizer: Authorizer
  /** Every attempt is audited before its result counts. */
  readonly audit: AuditSink
  readonly runAs: RunAs
  readonly clock: Clock
  readonly log: Log
  readonly counts: Pick<EngineCounts, 'attempts' | 'resultsLate'>
  load(account: AccountId, workspace: string, playbookId: string, revision: string): Promise<LoadedPlaybook>
  /** True while this process may advance another run. */
  mayDrive(): boolean
  /** An attempt has ended; its run is this process's to advance where it is given. */
  onResult(run: RunRow | undefined): void
}

interface InFlight {
  readonly task: TaskRow
  readonly controller: AbortController
}

/** Makes the attempts that are due. Each: (a) commit that it started, with its row in the ledger of effects; (b) call,
 * with the step's key; (c) commit the result.   @see operations reference 3.2 (3) */
export class Attempts {
  readonly #deps: AttemptsDeps
  readonly #inFlight = new Map<string, InFlight>()
  readonly #ended = new Set<Promise<void>>()
  /** Places taken for attempts that are about to be committed, by account. */
  readonly #reserved = new Map<string, number>()
  #stopping = false

  constructor(deps: AttemptsDeps) {
    this.#deps = deps
  }

  get taskIds(): readonly string[] {
    return [...this.#inFlight.keys()]
  }

  /** Begins what is due and there is room for. */
  async begin(now: number): Promise<void> {
    const room = this.#room()
    if (room <= 0) return
    for (const leased of await this.#deps.store.leaseTasks(now, room, this.#busyAccounts())) this.#begin(leased)
  }

  reservePlace(account: AccountId): boolean {
    if (this.#stopping || this.#room() <= 0 || this.#countOf(account) >= PER_ACCOUNT_MAX) return false
    this.#reserved.set(account, (this.#reserved.get(account) ?? 0) + 1)
    return true
  }

  releasePlaces(account: AccountId, count: number): void {
    const left = (this.#reserved.get(account) ?? 0) - count
    if (left > 0) this.#reserved.set(account, left)
    else this.#reserved.delete(account)
  }

  /** Makes attempts whose places are reserved. */
  beginReserved(tasks: readonly LeasedTask[]): void {
    for (const leased of tasks) {
      this.releasePlaces(leased.task.account, 1)
      this.#begin(leased)
    }
  }

  #begin({ task, done }: LeasedTask): void {
    const controller = new AbortController()
    this.#inFlight.set(task.id, { task, controller })
    const running = this.#make(task, done, controller).then((claimed) => {
      this.#inFlight.delete(task.id)
      this.#ended.delete(running)
      this.#deps.onResult(claimed)
    })
    this.#ended.add(running)
  }

  #room(): number {
    let reserved = 0
    for (const count of this.#reserved.values()) reserved += count
    return ATTEMPTS_AT_ONCE_MAX - this.#inFlight.size - reserved
  }

  #countOf(account: string): number {
    let count = this.#reserved.get(account) ?? 0
    for (const { task } of this.#inFlight.values()) if (task.account === account) count += 1
    return count
  }

  /** Ends an attempt early because its run was ended. */
  abort(taskId: string): void {
    this.#inFlight.get(taskId)?.controller.abort(new Cancelled())
  }

  /** Ends an attempt that is no longer this process's: its result is nobody's. */
  drop(taskId: string): void {
    this.#inFlight.get(taskId)?.controller.abort(new Dropped())
  }

  abortRun(runId: string): void {
    for (const { task, controller } of this.#inFlight.values()) {
      if (task.run_id === runId) controller.abort(new Cancelled())
    }
  }

  /** Resolves when every attempt under way has ended, of itself or because `deadline` aborted. */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#stopping = true
    const giveUp = () => {
      for (const { controller } of this.#inFlight.values()) controller.abort(new Dropped())
    }
    deadline.addEventListener('abort', giveUp)
    if (deadline.aborted) giveUp()
    while (this.#ended.size > 0) await Promise.allSettled(this.#ended)
    deadline.removeEventListener('abort', giveUp)
  }

  #busyAccounts(): readonly string[] {
    const accounts = new Set([...this.#inFlight.values()].map(({ task }) => task.account))
    return [...accounts].filter((account) => this.#countOf(account) >= PER_ACCOUNT_MAX)
  }

  /** @returns the run, where its result was kept and the run claimed with it */
  async #make(task: TaskRow, done: Uint8Array | undefined, controller: AbortController): Promise<RunRow | undefined> {
    const { store, payloads, clock, log } = this.#deps
    const key = keyOf(task.run_id, task.step)
    try {
      const result = await this.#resultOf(task, key, done, controller)
      if (!result) return undefined
      const stored: StoredResult = { result }
      const sealed = await payloads.seal(stored, `effect/${key}`)
      this.#deps.counts.attempts.add({ action: task.action, outcome: result.ok ? 'ok' : result.error.code })
      const claims = this.#deps.mayDrive()
      const { kept, claimed } = await store.completeTask(task, sealed, result.ok, clock.now(), claims)
      if (kept) return claimed
      log.warn({ runId: task.run_id, step: task.step, attempt: task.attempt }, 'a result came after its lease was lost')
      this.#deps.counts.resultsLate.add({})
      await this.#noteLateResult(task, result)
    } catch (error) {
      log.error(
        { err: error, runId: task.run_id, step: task.step },
        'the result of an attempt could not be kept; it will be repeated',
      )
    }
    return undefined
  }

  async #noteLateResult(task: TaskRow, result: ActionResult): Promise<void> {
    const { store, payloads, clock } = this.#deps
    const id = uuidv7(clock)
    const note: Signal = {
      kind: 'note',
      step: task.step,
      text: `late result of attempt ${task.attempt}: ${sayResult(result)}`,
    }
    const payload = await payloads.seal(note, `signal/${task.run_id}/${id}`)
    await store.write((tx) => store.signal(tx, task.account, task.run_id, id, payload, clock.now()))
  }

  /** The result; undefined when it is left to whoever has the attempt next. */
  async #resultOf(
    task: TaskRow,
    key: string,
    done: Uint8Array | undefined,
    controller: AbortController,
  ): Promise<ActionResult | undefined> {
    if (task.aborted) return failed({ code: 'cancelled', message: 'the run was ended before this began' })
    if (done) return ((await this.#deps.payloads.open(done, `effect/${key}`)) as StoredResult).result
    try {
      return await this.#call(task, key, controller)
    } catch (error) {
      const reason: unknown = controller.signal.reason
      if (reason instanceof Dropped) return undefined
      if (reason instanceof Cancelled)
        return failed({ code: 'cancelled', message: 'aborted because the run was ended' })
      if (reason instanceof TimedOut) return failed({ code: 'timeout', message: reason.message })
      this.#deps.log.error({ err: error, runId: task.run_id, step: task.step, action: task.action }, 'an action broke')
      return failed({ code: 'internal', message: 'the action broke; the service log says why' })
    }
  }

  async #call(task: TaskRow, key: string, controller: AbortController): Promise<ActionResult> {
    const { payloads, actions, load, clock, runAs, authorizer, audit } = this.#deps
    const action = actions.get(task.action)
    if (!action) return failed({ code: 'invalid', message: `no action is called \`${task.action}\` any more` })
    const loaded = await load(task.account, task.workspace, task.playbook_id, task.revision)
    const step = loaded.playbook.steps.find((candidate) => candidate.id === task.step)
    const input = (await payloads.open(task.input, `task/${task.id}`)) as JsonMap
    // Asked anew for every attempt: a role that was removed or narrowed since takes effect now.
    const policy = sessionPolicy(task.account, task.workspace, loaded.playbook.permissions)
    const principal = await runAs(task.account, loaded.playbook.runAs, [policy]).catch((error: unknown) => {
      if (error instanceof RampartError && error.status === 404) return undefined
      throw error
    })
    if (!principal) {
      return failed({ code: 'forbidden', message: `there is no role \`${loaded.playbook.runAs}\` to run as` })
    }
    const resource = `arn:rampart:soar:${REGION}:${task.account}:connection/default/${task.action}`
    const decide = (operation: string, on: string) =>
      authorizer.authorize({ principal, action: operation, resource: on })
    const mayDo = async (operation: string, on: string) => (await decide(operation, on)).allowed
    const audited = (outcome: AuditOutcome, errorCode?: string) =>
      audit.record({
        account: task.account,
        at: clock.now(),
        principal: principal.arn,
        action: 'soar:action:invoke',
        resources: [resource],
        outcome,
        status: auditStatus[outcome],
        requestId: `${key}/${task.attempt}`,
        count: 1,
        ...(errorCode === undefined ? {} : { errorCode }),
      })
    const decision = await decide('soar:action:invoke', resource)
    if (!decision.allowed) {
      await audited('refused', 'forbidden')
      // That nobody could decide says nothing of the role, and may be otherwise soon.
      const code = decision.reason === 'error' ? 'unavailable' : 'forbidden'
      return failed({ code, message: `the role may not do soar:action:invoke on ${resource}` })
    }
    const timeoutMs = step?.timeoutMs ?? 0
    const timer = setTimeout(() => controller.abort(new TimedOut(`no result within ${timeoutMs} ms`)), timeoutMs)
    let result: ActionResult
    try {
      result = await untilAborted(
        action.run(input, {
          account: task.account,
          workspace: task.workspace,
          playbookId: task.playbook_id,
          runId: task.run_id,
          stepId: task.step,
          attempt: task.attempt,
          key,
          principal,
          now: clock.now(),
          signal: controller.signal,
          mayDo,
        }),
        controller.signal,
      )
    } catch (error) {
      await audited('failure', 'interrupted')
      throw error
    } finally {
      clearTimeout(timer)
    }
    // Durable before the result is: what an action did is never without its trace.
    if (result.ok) await audited('success')
    else await audited('failure', result.error.code)
    return result
  }
}

/** What a caller over HTTP would have seen. */
const auditStatus: Readonly<Record<AuditOutcome, number>> = { success: 200, refused: 403, failure: 502 }

class Cancelled extends Error {}
/** The process stops, or its lease ran out: whoever has the attempt next repeats it with the same key. */
class Dropped extends Error {}
class TimedOut extends Error {}

/** An action that does not listen to its signal does not hold its place for ever. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function sayResult(result: ActionResult): string {
  return result.ok ? 'succeeded' : `${result.error.code}: ${result.error.message}`
}
