import type { AccountId, AuthzRequest, Clock, Database, Decision } from '../../platform/index.ts'
import type { Layers } from '../decision/decide.ts'
import { type Explanation, explain } from '../decision/explain.ts'
import {
  DECISION_BATCH_MAX,
  DECISION_EXPLANATION_LENGTH_MAX,
  DECISION_QUEUE_MAX,
  DECISION_RETENTION_MS,
  DECISION_WRITE_EVERY_MS,
  DECISIONS_EXPLAINED_AT_ONCE,
  DECISIONS_KEPT_MAX,
  DECISIONS_PER_PRUNE,
} from '../limits.ts'
import type { Question } from '../policy/statement.ts'
import type { Log } from '../types.ts'
import { type DecisionRow, DecisionStore } from './store.ts'

/** What a refusal looked at; what it holds does not change, so that it can be explained a moment later. */
export interface Refused {
  readonly request: AuthzRequest
  readonly decision: Decision
  readonly seen: { readonly layers: Layers; readonly question: Question } | undefined
  /** Somebody asked what another may do. */
  readonly asked?: boolean
}

export interface LoggedDecision {
  readonly id: string
  readonly at: number
  readonly principal: string
  readonly action: string
  readonly resource: string
  readonly reason: string
  readonly explanation: Explanation | undefined
}

export interface DecisionLogDeps {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Counts refusals that could not be kept. */
  readonly onLost: (count: number) => void
  readonly queueMax?: number
  readonly keptMax?: number
}

interface Taken {
  readonly refused: Refused
  readonly at: number
}

/** Refusals behind their ids. A decision never waits for it: what it cannot take is counted and lost. It is written once a
 * second and so much at most, so that however much is refused, deciding stays fast. */
export class DecisionLog {
  readonly #deps: DecisionLogDeps
  readonly #store: DecisionStore
  #queue: Taken[] = []
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #untilPrune = 0
  /** Not told yet; there are some only while the queue is full, so writing it tells. */
  #lost = 0

  constructor(deps: DecisionLogDeps) {
    this.#deps = deps
    this.#store = new DecisionStore(deps.database)
  }

  /** Takes a refusal, or counts it lost. Never throws and never waits. */
  add(refused: Refused): void {
    const queueMax = this.#deps.queueMax ?? DECISION_QUEUE_MAX
    // Who asks about others can ask a lot; what was refused here keeps its room.
    if (this.#queue.length >= (refused.asked ? queueMax / 2 : queueMax)) {
      this.#lost += 1
      return
    }
    this.#queue.push({ refused, at: this.#deps.clock.now() })
    this.#arm()
  }

  /** A refusal of the account's, also one that is not written yet. */
  async find(account: AccountId, id: string): Promise<LoggedDecision | undefined> {
    const waiting = this.#queue.find(
      ({ refused: { decision, request } }) => decision.id === id && request.principal.account === account,
    )
    await this.#writing
    const row = waiting ? rowOf(waiting) : await this.#store.find(account, id)
    return (
      row && {
        ...row,
        explanation: row.explanation === null ? undefined : (JSON.parse(row.explanation) as Explanation),
      }
    )
  }

  /** Resolves when everything taken is written or counted. */
  async close(): Promise<void> {
    while (this.#queue.length > 0 || this.#writing) await this.#write()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    if (this.#timer || this.#writing) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#write()
    }, DECISION_WRITE_EVERY_MS).unref()
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeBatch().finally(() => {
      this.#writing = undefined
      if (this.#queue.length > 0) this.#arm()
    })
    return this.#writing
  }

  async #writeBatch(): Promise<void> {
    if (this.#lost > 0) this.#deps.onLost(this.#lost)
    this.#lost = 0
    const batch = this.#queue.slice(0, DECISION_BATCH_MAX)
    this.#queue = this.#queue.slice(DECISION_BATCH_MAX)
    if (batch.length === 0) return
    try {
      const rows: DecisionRow[] = []
      for (const [index, taken] of batch.entries()) {
        // Explaining takes longer than deciding: others get their turn between.
        if (index % DECISIONS_EXPLAINED_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve))
        rows.push(rowOf(taken))
      }
      await this.#store.insert(rows)
      await this.#prune(batch.length)
    } catch (error) {
      this.#deps.onLost(batch.length)
      this.#deps.log.error({ err: error, count: batch.length }, 'refusals could not be written to the decision log')
    }
  }

  async #prune(written: number): Promise<void> {
    this.#untilPrune -= written
    if (this.#untilPrune > 0) return
    const countMax = this.#deps.keptMax ?? DECISIONS_KEPT_MAX
    this.#untilPrune = Math.min(DECISIONS_PER_PRUNE, countMax)
    await this.#store.prune({ before: this.#deps.clock.now() - DECISION_RETENTION_MS, countMax })
  }
}

function rowOf({ refused: { request, decision, seen }, at }: Taken): DecisionRow {
  const explanation = seen && JSON.stringify(explain(seen.layers, seen.question))
  return {
    account: request.principal.account,
    id: decision.id,
    at,
    principal: request.principal.arn,
    action: request.action.slice(0, 512),
    resource: request.resource.slice(0, 2_048),
    reason: decision.reason,
    explanation: explanation === undefined || explanation.length > DECISION_EXPLANATION_LENGTH_MAX ? null : explanation,
  }
}
