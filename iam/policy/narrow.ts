import { assert, formatInstant } from '../../platform/index.ts'
import { type Condition, compileCondition } from './condition.ts'
import type { CompiledPolicy } from './statement.ts'

/** A policy with further conditions inside each statement, so that decisions and explanations see nothing else. */
export function narrowedPolicy(policy: CompiledPolicy, added: readonly Condition[]): CompiledPolicy {
  const statements = policy.statements.map((statement) => ({
    ...statement,
    conditions: [...statement.conditions, ...added],
  }))
  return { ...policy, statements }
}

/** A policy that says nothing from an instant on, neither Allow nor Deny. */
export function policyUntil(policy: CompiledPolicy, expiresAt: number): CompiledPolicy {
  return narrowedPolicy(policy, [conditionOf('DateLessThan', 'g:CurrentTime', formatInstant(expiresAt))])
}

/** One condition of one value that is known to be well formed. */
export function conditionOf(operator: string, key: string, value: string): Condition {
  const condition = compileCondition(operator, key, [value])
  assert(typeof condition === 'object' && 'holds' in condition, 'a condition of the platform compiles')
  return condition
}
