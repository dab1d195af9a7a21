import type { AccountId, Principal } from '../../platform/index.ts'
import { type AuthorizerDeps, IamAuthorizer } from '../authorizer.ts'
import type { Uses } from '../decision-log/uses.ts'
import type { Directory } from '../directory.ts'
import { PolicyViews } from '../policy-views.ts'
import type { IamStore } from '../store.ts'
import { type AnalysisReport, analyze } from './analyze.ts'
import { type CompareDeps, compareChange } from './compare-changes.ts'
import type { AccessDifference } from './compare-policies.ts'
import { type DryRun, dryRun } from './dry-run.ts'
import { lockOutGuard } from './lock-out-guard.ts'
import { newAccessGate } from './new-access-gate.ts'
import { Preview } from './preview.ts'
import { type GuardrailChange, type ProposedChange, type TryDeps, tryChange } from './try-change.ts'
import { type WhatCanInput, whatCan } from './what-can.ts'

export interface AnalysisDeps extends Omit<TryDeps, keyof CompareDeps> {
  readonly directory: Directory
  readonly store: IamStore
  readonly authorizer: IamAuthorizer
  readonly uses: Uses
  /** What the authorizer is made of. */
  readonly parts: AuthorizerDeps
}

/** What policies add up to: what a principal can do, what a change would grant and take. */
export class Analysis {
  readonly #deps: AnalysisDeps
  readonly #compare: CompareDeps

  constructor(deps: AnalysisDeps) {
    this.#deps = deps
    const { directory, parts } = deps
    this.#compare = {
      directory,
      clock: parts.clock,
      log: parts.log,
      authorizerFor: (preview: Preview) =>
        new IamAuthorizer({ ...parts, directory: preview, views: new PolicyViews(preview) }),
    }
    deps.changes.guard(newAccessGate(this.#compare))
    deps.changes.protect(
      lockOutGuard({ ...this.#compare, authorizer: deps.authorizer, resourcePolicies: parts.resourcePolicies }),
    )
  }

  /** What a principal can do, in rows of patterns. */
  whatCan(principal: Principal, input: WhatCanInput): ReturnType<typeof whatCan> {
    const { authorizer, parts } = this.#deps
    return whatCan({ authorizer, resourcePolicies: parts.resourcePolicies }, principal, input)
  }

  /** What a change would grant and take, and whom; it is not made. @throws what refuses the change itself */
  async diff(account: AccountId, change: ProposedChange): Promise<AccessDifference> {
    const seen = await tryChange({ ...this.#deps, ...this.#compare }, account, change)
    return seen ? compareChange(this.#compare, seen) : { gains: [], loses: [], complete: true }
  }

  /** What a change of guardrails would break, by the allowed requests of the last days; it is not made.
   * @throws what refuses the change itself */
  async dryRun(account: AccountId, change: GuardrailChange, days: number): Promise<DryRun> {
    const { uses, parts } = this.#deps
    await uses.flush()
    const seen = await tryChange({ ...this.#deps, ...this.#compare }, account, change)
    const nothing = { before: new Preview(this.#deps.directory, this.#deps.directory, []), touched: [] }
    const deps = { ...this.#compare, uses: uses.store, resourcePolicies: parts.resourcePolicies }
    return dryRun(deps, seen ?? { ...nothing, after: nothing.before }, days)
  }

  /** Everything of the account that somebody should look at. */
  async analyze(account: AccountId): Promise<AnalysisReport> {
    const { directory, store, authorizer, uses, parts } = this.#deps
    await uses.flush()
    return analyze({ directory, store, authorizer, uses: uses.store, views: parts.views }, account, parts.clock.now())
  }

  /** Whether changes that give new access have to be acknowledged. */
  refusesNewAccess(account: AccountId): Promise<boolean> {
    return this.#deps.store.refusesNewAccess(account)
  }

  setRefusesNewAccess(account: AccountId, refuses: boolean): Promise<void> {
    return this.#deps.changes.run(account, (write) => write.setRefusesNewAccess(refuses))
  }
}
