import type { AccountId } from '../../platform/index.ts'
import type { Directory } from '../directory.ts'
import { type PolicyKind, parsePolicy } from '../policy/document.ts'
import { type CompiledPolicy, compilePolicy } from '../policy/statement.ts'
import type { IamStore } from '../store.ts'
import type { Holder, Role } from '../types.ts'
import { type EscalationDeps, escalationPaths } from './escalation.ts'
import { bySeverity, type Finding } from './findings.ts'
import { findingsAcross, findingsOf } from './policy-findings.ts'
import { type HeldPolicy, type UnusedDeps, unusedFindings } from './unused.ts'

export interface AnalyzeDeps extends EscalationDeps, UnusedDeps {
  readonly store: IamStore
}

export interface AnalysisReport {
  /** The worst first. */
  readonly findings: readonly Finding[]
  /** Since when uses are counted; before 90 days of it nothing is called unused. */
  readonly watchedSince: number | undefined
  /** False where there was more than is looked at. */
  readonly complete: boolean
}

/** What policies in files show by themselves and of each other. @throws iam.policy.malformed */
export function analyzeTexts(
  documents: readonly { readonly id: string; readonly text: string }[],
  kind: PolicyKind = 'identity',
): Finding[] {
  const policies = documents.map(({ id, text }) => compilePolicy(id, parsePolicy(text, kind)))
  return [...policies.flatMap((policy) => findingsOf(policy)), ...findingsAcross(policies, 'whoever holds this')].sort(
    bySeverity,
  )
}

/** Everything of an account that somebody should look at. Policies that have not changed are not looked at again. */
export async function analyze(deps: AnalyzeDeps, account: AccountId, now: number): Promise<AnalysisReport> {
  const { directory, store } = deps
  const findings: Finding[] = []
  for (const policy of ownPolicies(directory, account)) findings.push(...findingsOf(policy, account))
  for (const [holder, policies] of holders(directory, account)) findings.push(...findingsAcross(policies, holder))
  const since = await store.defaultVersionsSince(account)
  const held: HeldPolicy[] = [...heldPolicies(directory, account)].map(({ policy, createdAt }) => ({
    policy,
    since: since.get(policy.id) ?? createdAt,
  }))
  const { findings: unused, watchedSince } = await unusedFindings(deps, account, { held, now })
  const escalation = escalationPaths(deps, account)
  return {
    findings: [...findings, ...unused, ...escalation.findings].sort(bySeverity),
    watchedSince,
    complete: escalation.complete,
  }
}

function* ownPolicies(directory: Directory, account: AccountId): Generator<CompiledPolicy> {
  const state = directory.stateOf(account)
  for (const { compiled } of state?.policies.values() ?? []) if (compiled) yield compiled
  for (const holder of inlineHolders(directory, account)) {
    for (const { compiled } of holder.inline.values()) if (compiled) yield compiled
  }
  for (const { compiledTrust, builtin } of state?.roles.values() ?? [])
    if (compiledTrust && !builtin) yield compiledTrust
}

/** Holders of inline policies: groups, roles that are not the platform's, and of the users only those that have some. */
function* inlineHolders(
  directory: Directory,
  account: AccountId,
): Generator<Pick<Holder, 'arn' | 'attached' | 'inline' | 'createdAt'>> {
  const state = directory.stateOf(account)
  if (!state) return
  yield* state.groups.values()
  for (const role of state.roles.values()) if (!role.builtin) yield role
  const wanted = {
    groups: [],
    policies: [],
    holds: (own: { inline: ReadonlyMap<string, unknown> }) => own.inline.size > 0,
  }
  for (const name of state.users.holdersOf(wanted)) {
    const user = state.users.get(name)
    if (user) yield user
  }
}

/** Who holds several policies, each with them; the same policies once. */
function* holders(directory: Directory, account: AccountId): Generator<[string, CompiledPolicy[]]> {
  const state = directory.stateOf(account)
  const seen = new Set<string>()
  const roles: readonly Role[] = [...(state?.roles.values() ?? [])]
  for (const { arn, attached, inline } of [
    ...(state?.groups.values() ?? []),
    ...roles,
    ...(state?.users.values() ?? []),
  ]) {
    if (attached.length + inline.size < 2) continue
    const key = [...attached].sort().join()
    if (inline.size === 0 && seen.has(key)) continue
    seen.add(key)
    const managed = attached.flatMap((policy) => directory.findPolicy(account, policy)?.compiled ?? [])
    yield [arn, [...managed, ...[...inline.values()].flatMap(({ compiled }) => compiled ?? [])]]
  }
}

function* heldPolicies(directory: Directory, account: AccountId) {
  const state = directory.stateOf(account)
  for (const { compiled, createdAt } of state?.policies.values() ?? [])
    if (compiled) yield { policy: compiled, createdAt }
  for (const { inline, createdAt } of inlineHolders(directory, account)) {
    for (const { compiled } of inline.values()) if (compiled) yield { policy: compiled, createdAt }
  }
}
