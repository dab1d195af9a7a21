import type { AccountId } from '../../platform/index.ts'
import type { UseStore } from '../decision-log/use-store.ts'
import type { Directory } from '../directory.ts'
import { actionOf } from '../policy/action-set.ts'
import { type CompiledPolicy, labelOf, placesOf } from '../policy/statement.ts'
import type { PolicyViews } from '../policy-views.ts'
import type { Finding } from './findings.ts'
import { IDLE_DAYS } from './limits.ts'

const DAY_MS = 86_400_000

export interface UnusedDeps {
  readonly directory: Directory
  readonly views: PolicyViews
  readonly uses: UseStore
}

/** A policy in force, and since when it says what it says. */
export interface HeldPolicy {
  readonly policy: CompiledPolicy
  readonly since: number
}

/** Statements, keys, passwords and roles that nobody has used for 90 days, and grants wider than what was used of them. What
 * has been watched for a shorter time is not judged. */
export async function unusedFindings(
  { directory, views, uses }: UnusedDeps,
  account: AccountId,
  { held, now }: { readonly held: readonly HeldPolicy[]; readonly now: number },
): Promise<{ readonly findings: Finding[]; readonly watchedSince: number | undefined }> {
  const watchedSince = await uses.since(account)
  const idle = now - IDLE_DAYS * DAY_MS
  const findings: Finding[] = []
  for (const { id, userName, enabled, createdAt, lastUsedAt } of accessKeys(directory, account)) {
    if (!enabled || (lastUsedAt ?? createdAt) >= idle) continue
    findings.push({
      code: 'access-key-unused',
      severity: 'medium',
      subject: `arn:rampart:iam::${account}:user/${userName}`,
      message: `access key ${id} was ${lastUsedAt === undefined ? 'never used' : `last used ${days(now - lastUsedAt)} ago`}`,
      advice: 'disable it, and delete it when nobody misses it',
    })
  }
  if (watchedSince === undefined || watchedSince >= idle) return { findings, watchedSince }
  const byPrincipal = await uses.principalUses(account)
  const lastUse = (arn: string, auth?: string) =>
    Math.max(
      Number.NEGATIVE_INFINITY,
      ...byPrincipal
        .filter((use) => use.principal === arn && (auth === undefined || use.auth === auth))
        .map(({ last_at }) => last_at),
    )
  const state = directory.stateOf(account)
  for (const user of state?.users.values() ?? []) {
    if (!user.hasPassword || !user.enabled || user.breakGlass) continue
    if (Math.max(watchedSince, user.createdAt, lastUse(user.arn, 'password')) >= idle) continue
    findings.push({
      code: 'password-unused',
      severity: 'medium',
      subject: user.arn,
      message: `nobody has signed in with the password for ${IDLE_DAYS} days`,
      advice: 'disable the user, or take the password away',
    })
  }
  for (const role of state?.roles.values() ?? []) {
    if (role.builtin || Math.max(watchedSince, role.createdAt, lastUse(role.arn)) >= idle) continue
    findings.push({
      code: 'role-unused',
      severity: 'medium',
      subject: role.arn,
      message: `nothing was done as this role for ${IDLE_DAYS} days`,
      advice: 'delete it, or trust nobody until it is needed',
    })
  }
  const statements = await uses.statementUses(account)
  const used = await actionsByStatement({ directory, views, uses }, account, Math.floor(idle / DAY_MS))
  for (const { policy, since } of held) {
    for (const statement of policy.statements) {
      if (statement.effect !== 'Allow') continue
      const label = labelOf(statement)
      const last = statements.get(label)
      const place = () => {
        const { line, column } = placesOf(policy, statement.index).start
        return { subject: policy.id, statement: label, line, column }
      }
      if (Math.max(watchedSince, since, last?.at ?? Number.NEGATIVE_INFINITY) < idle) {
        findings.push({
          code: 'statement-unused',
          severity: 'medium',
          ...place(),
          message: last
            ? `allowed nothing for ${days(now - last.at)}; ${last.count} times before`
            : `allowed nothing since ${days(now - watchedSince)}`,
          advice: 'remove it, or make it access that is asked for when it is needed',
        })
        continue
      }
      const actions = used.get(label)
      if (!actions || !statement.actions.texts.some((text) => text.includes('*'))) continue
      const wide = statement.actions.negated ? 'every action but a few' : statement.actions.texts.join(', ')
      const list = [...actions].sort()
      findings.push({
        code: 'grant-wider-than-use',
        severity: 'low',
        ...place(),
        message: `allows ${wide}; used of it in ${IDLE_DAYS} days: ${list.slice(0, 10).join(', ')}${list.length > 10 ? `, and ${list.length - 10} more` : ''}`,
        advice: 'allow what is used',
      })
    }
  }
  return { findings, watchedSince }
}

function* accessKeys(directory: Directory, account: AccountId) {
  for (const userName of directory.stateOf(account)?.keysOfUser.keys() ?? []) {
    yield* directory.accessKeysOf(account, userName)
  }
}

/** Actions that were allowed since a day, by the statements that allow them to those who did them. */
async function actionsByStatement(
  { directory, views, uses }: UnusedDeps,
  account: AccountId,
  fromDay: number,
): Promise<Map<string, Set<string>>> {
  const used = new Map<string, Set<string>>()
  for (const { principal, name, action } of await uses.actionsUsed(account, fromDay)) {
    const isUser = principal === `arn:rampart:iam::${account}:user/${name}`
    const kind = isUser ? 'user' : 'role'
    const holder = isUser ? directory.findUser(account, name) : directory.findRole(account, name)
    const view = holder && views.find({ kind, account, arn: holder.arn, name, auth: 'internal' })
    for (const statement of view?.identity.candidates(actionOf(action)).allows ?? []) {
      const label = labelOf(statement)
      used.set(label, (used.get(label) ?? new Set()).add(action))
    }
  }
  return used
}

function days(ms: number): string {
  return `${Math.floor(ms / DAY_MS)} days`
}
