import type { AccountId, AuthzRequest, Clock, Database, Decision } from '../../platform/index.ts'
import type { Layers } from '../decision/decide.ts'
import { type Explanation, explain } from '../decision/explain.ts'
import {
  DECISION_BATCH_MAX,
  DECISION_EXPLANATION_LENGTH_MAX,
  DECISION_QUEUE_MAX,
  DECISION_RETENTION_MS,
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

/** Refusals behind their ids. A decision never waits for it: what it cannot take is counted and lost. */
export class DecisionLog {
  readonly #deps: DecisionLogDeps
  readonly #store: DecisionStore
  #queue: { readonly refused: Refused; readonly at: number }[] = []
  #writing: Promise<void> | undefined
  #untilPrune = 0

  constructor(deps: DecisionLogDeps) {
    this.#deps = deps
    this.#store = new DecisionStore(deps.database)
  }

  /** Takes a refusal, or counts it lost. Never throws and never waits. */
  add(refused: Refused): void {
    if (this.#queue.length >= (this.#deps.queueMax ?? DECISION_QUEUE_MAX)) {
      this.#deps.onLost(1)
      return
    }
    this.#queue.push({ refused, at: this.#deps.clock.now() })
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** A refusal of the account's, with those that were under way when this was called. */
  async find(account: AccountId, id: string): Promise<LoggedDecision | undefined> {
    await this.#writing
    const row = await this.#store.find(account, id)
    return (
      row && {
        ...row,
        explanation: row.explanation === null ? undefined : (JSON.parse(row.explanation) as Explanation),
      }
    )
  }

  /** Resolves when everything taken is written or counted. */
  async close(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    // The decision that brought us here is answered first.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, DECISION_BATCH_MAX)
      this.#queue = this.#queue.slice(DECISION_BATCH_MAX)
      try {
        await this.#store.insert(batch.map(rowOf))
        await this.#prune(batch.length)
      } catch (error) {
        this.#deps.onLost(batch.length)
        this.#deps.log.error({ err: error, count: batch.length }, 'refusals could not be written to the decision log')
      }
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

function rowOf({ refused: { request, decision, seen }, at }: { refused: Refused; at: number }): DecisionRow {
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
