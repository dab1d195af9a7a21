import { ACTIONS_PER_LIST_MAX } from '../limits.ts'
import type { Action } from '../policy/action-set.ts'
import type { CompiledPolicy, CompiledStatement } from '../policy/statement.ts'

/** Statements whose Action matches, by effect. */
export interface Candidates {
  readonly denies: readonly CompiledStatement[]
  readonly allows: readonly CompiledStatement[]
}

const NONE: readonly CompiledStatement[] = []

/** The statements of one layer, indexed by action. What it says never changes. */
export class StatementList {
  readonly statements: readonly CompiledStatement[]
  /** By the service of an action; made when first asked. */
  #byService: ReadonlyMap<string, readonly CompiledStatement[]> | undefined
  /** For services that no statement names. */
  #open = NONE
  /** By action, for those met before. A principal does the same few things over and over. */
  readonly #byAction = new Map<string, Candidates>()

  constructor(policies: readonly Pick<CompiledPolicy, 'statements'>[]) {
    this.statements = policies.flatMap((policy) => policy.statements)
  }

  candidates(action: Action): Candidates {
    const known = this.#byAction.get(action.name)
    if (known) return known
    const found = this.#find(action)
    if (action.isCommon) {
      if (this.#byAction.size >= ACTIONS_PER_LIST_MAX) this.#byAction.clear()
      this.#byAction.set(action.name, found)
    }
    return found
  }

  #find(action: Action): Candidates {
    const byService = this.#byService ?? this.#index()
    const matching = (byService.get(action.service) ?? this.#open).filter(({ actions }) => actions.has(action))
    const denies = matching.filter((statement) => statement.effect === 'Deny')
    // Order has no influence on what is decided: the first Allow that matches ends the search, so the cheap ones go first.
    const allows = matching.filter((statement) => statement.effect === 'Allow').sort((a, b) => costOf(a) - costOf(b))
    return { denies: denies.length > 0 ? denies : NONE, allows: allows.length > 0 ? allows : NONE }
  }

  #index(): ReadonlyMap<string, readonly CompiledStatement[]> {
    const named = new Set<string>()
    for (const { actions } of this.statements) for (const service of actions.services ?? []) named.add(service)
    const byService = new Map<string, readonly CompiledStatement[]>()
    for (const service of named) {
      byService.set(
        service,
        this.statements.filter(({ actions }) => actions.services === undefined || actions.services.includes(service)),
      )
    }
    this.#open = this.statements.filter(({ actions }) => actions.services === undefined)
    this.#byService = byService
    return byService
  }
}

/** Looks that matching a statement may take. */
function costOf({ resources, conditions, principals }: CompiledStatement): number {
  const patterns = resources?.patterns.length ?? 0
  return patterns + 3 * conditions.length + (principals ? 3 : 0)
}
