import { type AccountId, type Clock, iamArn, uuidv7 } from '../platform/index.ts'
import { platformPolicies } from './builtin.ts'
import type { Changes } from './changes.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { POLICY_VERSIONS_MAX } from './limits.ts'
import { requireName } from './names.ts'
import { parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import type { IamStore, IamWriter } from './store.ts'
import type { ManagedPolicy } from './types.ts'
import { byName } from './users.ts'

export interface PoliciesDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly store: IamStore
  readonly clock: Clock
}

export interface PolicyVersion {
  readonly version: number
  readonly document: string
  readonly isDefault: boolean
  readonly createdAt: number
}

/** Managed policies of accounts, in versions; the default version decides. */
export class Policies {
  readonly #deps: PoliciesDeps

  constructor(deps: PoliciesDeps) {
    this.#deps = deps
  }

  /** The account's own and the platform's, each sorted by name. */
  list(account: AccountId): ManagedPolicy[] {
    const own = [...(this.#deps.directory.stateOf(account)?.policies.values() ?? [])]
    return [...own.sort(byName), ...[...platformPolicies.values()].sort(byName)]
  }

  /** @throws iam.thing.absent */
  get(account: AccountId, arn: string): ManagedPolicy {
    const policy = this.#deps.directory.findPolicy(account, arn)
    if (!policy) throw absentPolicy(arn)
    return policy
  }

  /** @throws iam.thing.exists, iam.name.malformed, iam.policy.malformed */
  async create(
    account: AccountId,
    input: { readonly name: string; readonly document: string; readonly description?: string },
  ): Promise<ManagedPolicy> {
    requireName('policy', input.name)
    requireIdentityPolicy(input.document)
    const now = this.#deps.clock.now()
    await this.#deps.changes.run(account, async (write) => {
      if (await write.hasPolicy(input.name)) {
        throw iamError('iam.thing.exists', `there is a policy \`${input.name}\` already`)
      }
      await write.insertPolicy({
        name: input.name,
        id: uuidv7(this.#deps.clock),
        description: input.description ?? '',
        default_version: 1,
        latest_version: 1,
        created_at: now,
      })
      await write.insertPolicyVersion({ policy: input.name, version: 1, document: input.document, created_at: now })
    })
    return this.get(account, iamArn(account, 'policy', input.name))
  }

  /** Newest first. @throws iam.thing.absent */
  async versions(account: AccountId, name: string): Promise<PolicyVersion[]> {
    const policy = this.get(account, iamArn(account, 'policy', name))
    const rows = await this.#deps.store.policyVersions(account, name)
    return rows.map((row) => ({
      version: row.version,
      document: row.document,
      isDefault: row.version === policy.defaultVersion,
      createdAt: row.created_at,
    }))
  }

  /** A new version, which decides from now on unless `setDefault` is false. The oldest goes where there are too many.
   * @throws iam.thing.absent, iam.policy.malformed */
  async createVersion(
    account: AccountId,
    name: string,
    input: { readonly document: string; readonly setDefault?: boolean },
  ): Promise<PolicyVersion> {
    requireIdentityPolicy(input.document)
    const isDefault = input.setDefault ?? true
    const createdAt = this.#deps.clock.now()
    const version = await this.#deps.changes.run(account, async (write) => {
      const row = await requireRow(write, account, name)
      const version = row.latest_version + 1
      await write.insertPolicyVersion({ policy: name, version, document: input.document, created_at: createdAt })
      const defaultVersion = isDefault ? version : row.default_version
      await write.updatePolicy(name, { latest_version: version, default_version: defaultVersion })
      const numbers = await write.policyVersionNumbers(name)
      const surplus = numbers.length > POLICY_VERSIONS_MAX ? numbers.find((one) => one !== defaultVersion) : undefined
      if (surplus !== undefined) await write.deletePolicyVersion(name, surplus)
      return version
    })
    return { version, document: input.document, isDefault, createdAt }
  }

  /** Makes an earlier version decide again, or a later one. @throws iam.thing.absent */
  async setDefaultVersion(account: AccountId, name: string, version: number): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      await requireRow(write, account, name)
      await requireVersion(write, name, version)
      await write.updatePolicy(name, { default_version: version })
    })
  }

  /** @throws iam.thing.absent, iam.policy.inUse for the version that decides */
  async deleteVersion(account: AccountId, name: string, version: number): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      const row = await requireRow(write, account, name)
      await requireVersion(write, name, version)
      if (row.default_version === version) {
        throw iamError('iam.policy.inUse', `version ${version} is the one that decides; make another the default first`)
      }
      await write.deletePolicyVersion(name, version)
    })
  }

  /** @throws iam.thing.absent, iam.policy.inUse */
  async delete(account: AccountId, name: string): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      await requireRow(write, account, name)
      const [holder] = await write.holdersOf(iamArn(account, 'policy', name))
      if (holder) {
        throw iamError(
          'iam.policy.inUse',
          `the policy is attached to the ${holder.kind} \`${holder.name}\`; detach it first`,
        )
      }
      await write.deletePolicy(name)
    })
  }
}

async function requireRow(write: IamWriter, account: AccountId, name: string) {
  const row = await write.policyRow(name)
  if (!row) throw absentPolicy(iamArn(account, 'policy', name))
  return row
}

async function requireVersion(write: IamWriter, name: string, version: number): Promise<void> {
  if ((await write.policyVersionNumbers(name)).includes(version)) return
  throw iamError('iam.thing.absent', `the policy \`${name}\` has no version ${version}`)
}

/** @throws iam.policy.malformed */
export function requireIdentityPolicy(document: string): void {
  compilePolicy('policy', parsePolicy(document, 'identity'))
}

function absentPolicy(arn: string) {
  return iamError('iam.thing.absent', `there is no policy \`${arn.slice(0, 200)}\``)
}
