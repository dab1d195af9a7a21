import type { AccountId, ContextValue, Principal } from '../../platform/index.ts'
import { judge } from '../analysis/who-can.ts'
import type { IamAuthorizer } from '../authorizer.ts'
import type { Directory } from '../directory.ts'
import { ACCESS_DIFF_DECISIONS_MAX } from '../limits.ts'
import { parsePolicy } from '../policy/document.ts'
import type { CompiledPolicy } from '../policy/statement.ts'
import type { PolicyViews } from '../policy-views.ts'

export interface AccessDiffDeps {
  readonly directory: Directory
  readonly views: PolicyViews
  readonly authorizer: IamAuthorizer
}

export interface AccessChange {
  readonly principal: string
  /** As a policy writes it; may hold wildcards. */
  readonly action: string
  readonly before: 'no' | 'conditionally' | 'now'
  readonly after: 'no' | 'conditionally' | 'now'
}

export interface AccessDiff {
  readonly gains: readonly AccessChange[]
  readonly loses: readonly AccessChange[]
  /** More could change than was decided. */
  readonly truncated: boolean
}

const RANK = { no: 0, conditionally: 1, now: 2 } as const
const PROJECT = 'g:enterpriseprojectid'

/** Who can do more and who less with a resource in another project, decided by the engine that decides requests, for
 * each action that a statement looking at the project names. */
export function accessDiff(
  deps: AccessDiffDeps,
  account: AccountId,
  { resource, from, to }: { readonly resource: string; readonly from: string; readonly to: string },
): AccessDiff {
  const gains: AccessChange[] = []
  const loses: AccessChange[] = []
  let decided = 0
  for (const principal of principalsOf(deps.directory, account)) {
    const view = deps.views.find(principal)
    const policies = [...(view?.policies ?? []), ...(view?.boundaryPolicies ?? [])]
    for (const action of actionsAboutProjects(policies)) {
      decided += 2
      if (decided > ACCESS_DIFF_DECISIONS_MAX) return { gains, loses, truncated: true }
      const can = (project: string) => {
        const context = new Map<string, ContextValue>([['g:EnterpriseProjectId', project]])
        return judge(deps.authorizer, principal, { action, resource, context })?.can ?? 'no'
      }
      const change: AccessChange = { principal: principal.arn, action, before: can(from), after: can(to) }
      if (RANK[change.after] > RANK[change.before]) gains.push(change)
      if (RANK[change.after] < RANK[change.before]) loses.push(change)
    }
  }
  return { gains, loses, truncated: false }
}

function* principalsOf(directory: Directory, account: AccountId): Generator<Principal> {
  const state = directory.stateOf(account)
  for (const { arn, name } of state?.users.values() ?? []) yield { kind: 'user', account, arn, name, auth: 'internal' }
  for (const { arn, name } of state?.roles.values() ?? []) yield { kind: 'role', account, arn, name, auth: 'internal' }
}

function actionsAboutProjects(policies: readonly CompiledPolicy[]): Set<string> {
  const actions = new Set<string>()
  for (const policy of policies) {
    const concerned = policy.statements.filter(({ conditions }) =>
      conditions.some(({ canonicalKey }) => canonicalKey === PROJECT),
    )
    if (concerned.length === 0) continue
    const sources = parsePolicy(policy.text, policy.kind).statements
    for (const { index } of concerned) {
      const named = sources[index]?.actions
      if (named?.negated) actions.add('*')
      else for (const { text } of named?.patterns ?? []) actions.add(text)
    }
  }
  return actions
}
