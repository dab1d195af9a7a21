import type { CompiledPolicy, CompiledStatement } from '../policy/statement.ts'

/** Statements that could match an action, by effect. */
export interface Candidates {
  readonly denies: readonly CompiledStatement[]
  readonly allows: readonly CompiledStatement[]
}

const NONE: Candidates = { denies: [], allows: [] }

/** The statements of one layer, indexed by the service of an action. Immutable. */
export class StatementList {
  readonly statements: readonly CompiledStatement[]
  #byService: ReadonlyMap<string, Candidates> | undefined
  /** For services that no statement names. */
  #open: Candidates = NONE

  constructor(policies: readonly Pick<CompiledPolicy, 'statements'>[]) {
    this.statements = policies.flatMap((policy) => policy.statements)
  }

  /** Those whose Action leaves room for an action of this service. */
  candidates(service: string): Candidates {
    const byService = this.#byService ?? this.#index()
    return byService.get(service) ?? this.#open
  }

  #index(): ReadonlyMap<string, Candidates> {
    const open: CompiledStatement[] = []
    const named = new Set<string>()
    for (const statement of this.statements) {
      if (statement.actions.services === undefined) open.push(statement)
      else for (const service of statement.actions.services) named.add(service)
    }
    const byService = new Map<string, Candidates>()
    for (const service of named) {
      byService.set(
        service,
        split(
          this.statements.filter(({ actions }) => actions.services === undefined || actions.services.includes(service)),
        ),
      )
    }
    this.#open = split(open)
    this.#byService = byService
    return byService
  }
}

function split(statements: readonly CompiledStatement[]): Candidates {
  return {
    denies: statements.filter((statement) => statement.effect === 'Deny'),
    allows: statements.filter((statement) => statement.effect === 'Allow'),
  }
}
