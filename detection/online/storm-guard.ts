import { STORM_INTERVAL_MS } from '../limits.ts'

/** How often each rule was told in the interval that runs. */
export type StormState = Readonly<Record<string, readonly [interval: number, told: number]>>

/** Keeps a rule that matches everything from flooding: after so many findings in an interval of receive time, the rest are
 * counted and not told. Receive time is in the log, so a replay is guarded in the same way. */
export class StormGuard {
  readonly #toldMax: number
  readonly #rules = new Map<string, { interval: number; told: number }>()
  /** Findings held back since the start. */
  heldBack = 0

  constructor(toldMax: number) {
    this.#toldMax = toldMax
  }

  /** @returns `last` for the finding after which the rule is held back */
  pass(ruleId: string, receivedAt: number): 'tell' | 'last' | 'hold' {
    const interval = Math.floor(receivedAt / STORM_INTERVAL_MS)
    let rule = this.#rules.get(ruleId)
    if (!rule || interval > rule.interval) {
      rule = { interval, told: 0 }
      this.#rules.set(ruleId, rule)
    }
    rule.told++
    if (rule.told < this.#toldMax) return 'tell'
    if (rule.told === this.#toldMax) return 'last'
    this.heldBack++
    return 'hold'
  }

  save(): StormState {
    return Object.fromEntries([...this.#rules].map(([id, { interval, told }]) => [id, [interval, told] as const]))
  }

  load(state: StormState): void {
    for (const [id, [interval, told]] of Object.entries(state)) this.#rules.set(id, { interval, told })
  }
}
