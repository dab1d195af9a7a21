import { type AccountId, iamArn, type Principal } from '../../platform/index.ts'
import type { IamAuthorizer } from '../authorizer.ts'
import { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import type { ResourcePolicies } from '../resource-policies.ts'
import type { Change, Review } from '../store.ts'
import type { User } from '../types.ts'
import type { CompareDeps } from './compare-changes.ts'
import { KEEPERS_LOOKED_AT_MAX, KEEPERS_REMEMBERED } from './limits.ts'
import { Preview } from './preview.ts'
import { judge, whoCan } from './who-can.ts'

/** What somebody must be able to do who gets an account back: give a user a policy. */
const KEEP = 'iam:user:attachPolicy'

interface LockOutDeps extends CompareDeps {
  readonly authorizer: IamAuthorizer
  readonly resourcePolicies: ResourcePolicies
}

/** Refuses changes after which nobody in the account could give anybody anything: a user who can, perhaps under
 * conditions such as MFA, must be left. Where there was none before, there is nothing to keep. Break-glass users do not
 * count: they are for when this was not enough.
 * @see AWS KMS API, BypassPolicyLockoutSafetyCheck */
export function lockOutGuard(deps: LockOutDeps): Review {
  const { directory, clock, log } = deps
  const remembered = new Map<AccountId, readonly string[]>()
  const asked = (account: AccountId) => ({ action: KEEP, resource: iamArn(account, 'user', '*'), context: new Map() })

  const isKeeper = (by: IamAuthorizer, account: AccountId, user: User | undefined): boolean => {
    if (!user?.enabled || user.breakGlass) return false
    const principal: Principal = { kind: 'user', account, arn: user.arn, name: user.name, auth: 'internal' }
    return judge(by, principal, asked(account)) !== undefined
  }
  const isKeeperNow = (account: AccountId, name: string) =>
    isKeeper(deps.authorizer, account, directory.findUser(account, name))

  const findKeepers = async (account: AccountId, limit: number): Promise<string[]> => {
    const prefix = iamArn(account, 'user', '')
    const { items } = await whoCan(deps, account, { ...asked(account), limit })
    return items
      .filter(({ principal }) => principal.startsWith(prefix))
      .map(({ principal }) => principal.slice(prefix.length))
      .filter((name) => isKeeperNow(account, name))
  }

  return async (account, inside) => {
    const others = await inside.changesAfter(directory.revision)
    return async (touched) => {
      if (!touched.some(({ noun }) => TAKING.has(noun))) return
      const known = (remembered.get(account) ?? []).filter((name) => isKeeperNow(account, name))
      const keepers = known.length > 0 ? known : await findKeepers(account, KEEPERS_REMEMBERED)
      remembered.set(account, keepers)
      if (keepers.length === 0) return
      const changes = [...others, ...touched]
      if (keepers.some((name) => !concerns(changes, directory.findUser(account, name)))) return
      const changed = new Directory({ store: inside, clock, log })
      await changed.readAgain(changes)
      const after = new Preview(directory, changed, changes)
      const afterwards = deps.authorizerFor(after)
      const isLeft = (name: string) => isKeeper(afterwards, account, after.findUser(account, name))
      if (keepers.some(isLeft) || (await findKeepers(account, KEEPERS_LOOKED_AT_MAX)).some(isLeft)) return
      throw iamError(
        'iam.change.locksOut',
        'after this nobody in the account could give a user a policy; let another user do so first, or send `X-Rampart-Allow-Lock-Out: true` where it is meant',
      )
    }
  }
}

/** Nouns by which somebody can lose what they may do. */
const TAKING: ReadonlySet<string> = new Set(['user', 'group', 'policy', 'organization'])

/** Whether changes touch what a user's rights come from. */
function concerns(changes: readonly Change[], user: User | undefined): boolean {
  if (!user) return true
  const policies = new Set([...user.attached, user.boundary].map((arn) => arn?.slice(arn.indexOf('/') + 1)))
  return changes.some(({ noun, name, account }) => {
    if (noun === 'organization') return true
    if (account !== user.account) return false
    if (noun === 'user') return name === user.name
    if (noun === 'group') return user.groups.includes(name)
    // A policy may come by a group as well.
    return noun === 'policy' && (policies.has(name) || user.groups.length > 0)
  })
}
