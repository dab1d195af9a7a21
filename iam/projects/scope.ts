import type { AccountId } from '../../platform/index.ts'
import { StatementList } from '../decision/statement-list.ts'
import { parsePolicy } from '../policy/document.ts'
import { conditionOf, narrowedPolicy } from '../policy/narrow.ts'
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
  const added = [
    conditionOf('StringEquals', key, scope.slice(slash + 1)),
    conditionOf('StringEquals', 'g:ResourceAccount', account),
  ]
  return narrowedPolicy(policy, added)
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
