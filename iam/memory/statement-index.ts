import type { Action, ActionSet } from '../policy/action-set.ts'
import type { ResourceName } from '../policy/arn-pattern.ts'
import { type CompiledPolicy, type CompiledStatement, mayMatchResource } from '../policy/statement.ts'

/** For statements that leave the service open; no service is called so. */
const ANY_SERVICE = ''

/** Allow statements by the services they name and by their Action, which many share: what asks who can do something looks
 * only at those that name the action. */
export class StatementIndex {
  readonly #byService = new Map<string, Map<ActionSet, Set<CompiledStatement>>>()

  add({ statements }: Pick<CompiledPolicy, 'statements'>): void {
    for (const statement of statements) {
      if (statement.effect !== 'Allow') continue
      for (const service of statement.actions.services ?? [ANY_SERVICE]) {
        const sets = this.#byService.get(service) ?? new Map<ActionSet, Set<CompiledStatement>>()
        this.#byService.set(service, sets)
        const found = sets.get(statement.actions)
        if (found) found.add(statement)
        else sets.set(statement.actions, new Set([statement]))
      }
    }
  }

  remove({ statements }: Pick<CompiledPolicy, 'statements'>): void {
    for (const statement of statements) {
      for (const service of statement.actions.services ?? [ANY_SERVICE]) {
        const sets = this.#byService.get(service)
        const found = sets?.get(statement.actions)
        found?.delete(statement)
        if (found?.size === 0) sets?.delete(statement.actions)
        if (sets?.size === 0) this.#byService.delete(service)
      }
    }
  }

  /** Ids of policies with an Allow whose Action matches and whose Resource does or, where variables are in it, may. */
  policiesAllowing(action: Action, resource: ResourceName | undefined): Set<string> {
    const policies = new Set<string>()
    for (const service of [action.service, ANY_SERVICE]) {
      for (const [actions, statements] of this.#byService.get(service) ?? []) {
        if (!actions.has(action)) continue
        for (const statement of statements) {
          if (!policies.has(statement.policy) && mayMatchResource(statement, resource)) policies.add(statement.policy)
        }
      }
    }
    return policies
  }
}
