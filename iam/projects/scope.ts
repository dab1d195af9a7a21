import { type AccountId, assert } from '../../platform/index.ts'
import { StatementList } from '../decision/statement-list.ts'
import { type Condition, compileCondition } from '../policy/condition.ts'
import { parsePolicy } from '../policy/document.ts'
import { type CompiledPolicy, compilePolicy } from '../policy/statement.ts'

/** The project of resources that are in no other. */
export const DEFAULT_PROJECT = '0'

/** What a grant is good for: the resources of a project, or one resource. */
export type Scope = { readonly kind: 'project' | 'resource'; readonly id: string }

export function formatScope({ kind, id }: Scope): string {
  return `${kind}/${id}`
}

/** A policy with its scope inside each statement, Deny statements too, so that decisions and explanations see nothing
 * else. */
export function scopedPolicy(
  policy: CompiledPolicy,
  { account, scope }: { account: AccountId; scope: string },
): CompiledPolicy {
  const slash = scope.indexOf('/')
  const key = scope.slice(0, slash) === 'project' ? 'g:EnterpriseProjectId' : 'g:ResourceArn'
  // Every account has a default project of the same id.
  const added = [equals(key, scope.slice(slash + 1)), equals('g:ResourceAccount', account)]
  const statements = policy.statements.map((statement) => ({
    ...statement,
    conditions: [...statement.conditions, ...added],
  }))
  return { ...policy, statements }
}

function equals(key: string, value: string): Condition {
  const condition = compileCondition('StringEquals', key, [value])
  assert(typeof condition === 'object' && 'holds' in condition, 'the condition of a scope compiles')
  return condition
}

/** What may be done with the resources of a disabled project. */
export const readsOnly = new StatementList([
  compilePolicy(
    'disabled-project',
    parsePolicy(
      JSON.stringify({
        Version: '5.0',
        Statement: {
          Sid: 'Read',
          Effect: 'Allow',
          Action: ['*:*:get*', '*:*:list*', '*:*:describe*', '*:*:search*', '*:*:read*'],
        },
      }),
      'guardrail',
    ),
  ),
])
