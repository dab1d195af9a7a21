import { type AccountId, assert, type Clock, iamArn, unreachable } from '../platform/index.ts'
import { ApplicationWorld } from './applications/world.ts'
import { platformPolicies } from './builtin.ts'
import { Organization, type Place } from './organization/organization.ts'
import { type PolicyKind, parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import { DEFAULT_PROJECT } from './projects/scope.ts'
import type { Change, IamStore, Which } from './store.ts'
import type { HolderKind, IamTables } from './tables.ts'
import type {
  AccessKey,
  Account,
  Group,
  Holder,
  InlinePolicy,
  LoadedPolicy,
  Log,
  ManagedPolicy,
  Project,
  Role,
  Tags,
  User,
} from './types.ts'

/** What of an account is in memory. */
export interface AccountState {
  readonly users: Map<string, User>
  readonly groups: Map<string, Group>
  readonly roles: Map<string, Role>
  /** By ARN. */
  readonly policies: Map<string, ManagedPolicy>
  readonly applications: Map<string, ApplicationWorld>
  readonly projects: Map<string, Project>
  /** Resource to its enterprise project, where it is not the default one. */
  readonly projectOf: Map<string, string>
  readonly keysOfUser: Map<string, Set<string>>
  /** Changes whenever anything above does; what was derived from another generation is stale. */
  generation: number
}

interface Deps {
  readonly store: IamStore
  readonly clock: Clock
  readonly log: Log
}

/** Identities and policies in memory, as of one revision of the database. Decisions read nothing else, so they are
 * made of one consistent state. Entries are replaced, never changed. */
export class Directory {
  readonly #deps: Deps
  readonly #accounts = new Map<AccountId, Account>()
  readonly #states = new Map<AccountId, AccountState>()
  readonly #accessKeys = new Map<string, AccessKey>()
  readonly #organizations = new Map<string, Organization>()
  /** Account to the organisation it is in. */
  readonly #memberships = new Map<string, Organization>()
  /** Session id to its end, after which it is refused anyway. */
  readonly #revoked = new Map<string, number>()
  #revision = 0
  #generations = 0
  #catchingUp: Promise<void> | undefined
  #waiting: Promise<void> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The revision everything here is at, or newer. */
  get revision(): number {
    return this.#revision
  }

  async load(): Promise<void> {
    this.#revision = await this.#deps.store.revision()
    await this.#readAccounts()
    await this.#readUsers('all')
    await this.#readGroups('all')
    await this.#readRoles('all')
    await this.#readPolicies('all')
    await this.#readApplications('all')
    await this.#readAccessKeys('all')
    for (const { account, id } of await this.#deps.store.projectIds()) {
      await this.#readProject({ account: account as AccountId, name: id })
    }
    for (const id of await this.#deps.store.organizationIds()) await this.#readOrganization(id)
    await this.#readRevokedSessions()
  }

  /** Resolves when everything committed before the call is here. Calls that come while one is under way share the
   * next. */
  catchUp(): Promise<void> {
    if (!this.#catchingUp) {
      this.#catchingUp = this.#apply().finally(() => {
        this.#catchingUp = undefined
      })
      return this.#catchingUp
    }
    this.#waiting ??= this.#catchingUp
      .catch(() => {})
      .then(() => {
        this.#waiting = undefined
        return this.catchUp()
      })
    return this.#waiting
  }

  accounts(): readonly Account[] {
    return [...this.#accounts.values()]
  }

  findAccount(id: AccountId): Account | undefined {
    return this.#accounts.get(id)
  }

  stateOf(account: AccountId): AccountState | undefined {
    return this.#states.get(account)
  }

  findUser(account: AccountId, name: string): User | undefined {
    return this.#states.get(account)?.users.get(name)
  }

  findGroup(account: AccountId, name: string): Group | undefined {
    return this.#states.get(account)?.groups.get(name)
  }

  findRole(account: AccountId, name: string): Role | undefined {
    return this.#states.get(account)?.roles.get(name)
  }

  /** A managed policy of the account or of the platform. */
  findPolicy(account: AccountId, arn: string): ManagedPolicy | undefined {
    return platformPolicies.get(arn) ?? this.#states.get(account)?.policies.get(arn)
  }

  /** The enterprise project of a resource. */
  projectOf(account: string, resource: string): string {
    return this.#states.get(account as AccountId)?.projectOf.get(resource) ?? DEFAULT_PROJECT
  }

  /** Whether what is in the project may be changed. */
  isProjectEnabled(account: string, id: string): boolean {
    return this.#states.get(account as AccountId)?.projects.get(id)?.enabled ?? true
  }

  organizations(): readonly Organization[] {
    return [...this.#organizations.values()]
  }

  organizationOf(account: string): Organization | undefined {
    return this.#memberships.get(account)
  }

  /** Where an account stands in its organisation, and what bounds it there. */
  placeOf(account: string): Place | undefined {
    return this.#memberships.get(account)?.placeOf(account)
  }

  findAccessKey(id: string): AccessKey | undefined {
    return this.#accessKeys.get(id)
  }

  accessKeysOf(account: AccountId, userName: string): AccessKey[] {
    const ids = this.#states.get(account)?.keysOfUser.get(userName) ?? new Set<string>()
    return [...ids].flatMap((id) => this.#accessKeys.get(id) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  isRevoked(sessionId: string): boolean {
    return this.#revoked.has(sessionId)
  }

  async #apply(): Promise<void> {
    const changes = await this.#deps.store.changesAfter(this.#revision)
    for (const change of changes) await this.#read(change)
    const last = changes.at(-1)
    if (last) this.#revision = last.number
  }

  async #read({ account, noun, name }: Change): Promise<void> {
    const which = { account, name }
    switch (noun) {
      case 'account':
        return this.#readAccounts()
      case 'user':
        return this.#readUsers(which)
      case 'group':
        return this.#readGroups(which)
      case 'role':
        return this.#readRoles(which)
      case 'policy':
        return this.#readPolicies(which)
      case 'application':
        return this.#readApplications(which)
      case 'project':
        return this.#readProject(which)
      case 'organization':
        return this.#readOrganization(name)
      case 'accessKey':
        return this.#readAccessKeys(which)
      case 'session':
        return this.#readRevokedSessions()
      default:
        return unreachable(noun)
    }
  }

  #state(account: AccountId): AccountState {
    const found = this.#states.get(account)
    if (found) return found
    const made: AccountState = {
      users: new Map(),
      groups: new Map(),
      roles: new Map(),
      policies: new Map(),
      applications: new Map(),
      projects: new Map(),
      projectOf: new Map(),
      keysOfUser: new Map(),
      generation: ++this.#generations,
    }
    this.#states.set(account, made)
    return made
  }

  #changed(which: Which): void {
    if (which !== 'all') this.#state(which.account).generation = ++this.#generations
  }

  async #readAccounts(): Promise<void> {
    for (const row of await this.#deps.store.accounts()) {
      const id = row.account as AccountId
      this.#accounts.set(id, { id, name: row.name, createdAt: row.created_at })
      this.#state(id)
    }
  }

  async #readUsers(which: Which): Promise<void> {
    const { store } = this.#deps
    const policies = await this.#policiesHeld('user', which)
    const groups = groupBy(await store.memberships(which), (row) => `${row.account}/${row.user_name}`)
    const seen: IamTables['iam_user'][] = []
    for await (const page of store.pages('iam_user', which)) {
      for (const row of page) {
        const account = row.account as AccountId
        this.#state(account).users.set(row.name, {
          ...this.#holder('user', row, policies),
          enabled: row.enabled === 1,
          hasPassword: row.password_hash !== null,
          tokensValidAfter: row.tokens_valid_after,
          boundary: row.boundary ?? undefined,
          tags: parseTags(row.tags),
          groups: groups.get(`${row.account}/${row.name}`)?.map((member) => member.group_name) ?? [],
        })
      }
      if (which !== 'all') seen.push(...page)
    }
    if (which !== 'all' && seen.length === 0) this.#state(which.account).users.delete(which.name)
    this.#changed(which)
  }

  async #readGroups(which: Which): Promise<void> {
    const policies = await this.#policiesHeld('group', which)
    const rows = await this.#deps.store.groups(which)
    for (const row of rows) {
      this.#state(row.account as AccountId).groups.set(row.name, this.#holder('group', row, policies))
    }
    if (which !== 'all' && rows.length === 0) this.#state(which.account).groups.delete(which.name)
    this.#changed(which)
  }

  async #readRoles(which: Which): Promise<void> {
    const policies = await this.#policiesHeld('role', which)
    const rows = await this.#deps.store.roles(which)
    for (const row of rows) {
      this.#state(row.account as AccountId).roles.set(row.name, {
        ...this.#holder('role', row, policies),
        description: row.description,
        trust: row.trust,
        compiledTrust: this.#compile(`role/${row.name}#trust`, row.trust, 'trust'),
        sessionSecMax: row.session_sec_max,
        boundary: row.boundary ?? undefined,
        tags: parseTags(row.tags),
        builtin: row.builtin === 1,
      })
    }
    if (which !== 'all' && rows.length === 0) this.#state(which.account).roles.delete(which.name)
    this.#changed(which)
  }

  async #readPolicies(which: Which): Promise<void> {
    const rows = await this.#deps.store.policies(which)
    for (const row of rows) {
      const account = row.account as AccountId
      const arn = iamArn(account, 'policy', row.name)
      this.#state(account).policies.set(arn, {
        account,
        name: row.name,
        id: row.id,
        arn,
        description: row.description,
        defaultVersion: row.default_version,
        latestVersion: row.latest_version,
        document: row.document,
        compiled: this.#compile(arn, row.document, 'identity'),
        createdAt: row.created_at,
      })
    }
    if (which !== 'all' && rows.length === 0) {
      this.#state(which.account).policies.delete(iamArn(which.account, 'policy', which.name))
    }
    this.#changed(which)
  }

  async #readApplications(which: Which): Promise<void> {
    if (which !== 'all') this.#state(which.account).applications.delete(which.name)
    for (const row of await this.#deps.store.applications(which)) {
      const account = row.account as AccountId
      try {
        const world = new ApplicationWorld(account, row.name, JSON.parse(row.document))
        this.#state(account).applications.set(row.name, world)
      } catch (error) {
        // Without it every decision it would make is refused.
        this.#deps.log.error({ err: error, application: row.name }, 'a stored application cannot be read')
      }
    }
  }

  async #readProject({ account, name: id }: { readonly account: AccountId; readonly name: string }): Promise<void> {
    const { projects, projectOf } = this.#state(account)
    const { project, resources } = await this.#deps.store.project(account, id)
    for (const [resource, at] of projectOf) if (at === id) projectOf.delete(resource)
    for (const resource of resources) projectOf.set(resource, id)
    if (!project) {
      projects.delete(id)
      return
    }
    const { name, description, enabled, created_at } = project
    projects.set(id, { id, name, description, enabled: enabled === 1, createdAt: created_at })
  }

  async #readOrganization(id: string): Promise<void> {
    for (const account of this.#organizations.get(id)?.members.keys() ?? []) this.#memberships.delete(account)
    this.#organizations.delete(id)
    const rows = await this.#deps.store.organization(id)
    if (!rows) return
    const compile = (name: string, document: string) => this.#compile(`${id}/${name}`, document, 'guardrail')
    const organization = new Organization(rows, compile)
    this.#organizations.set(id, organization)
    for (const account of organization.members.keys()) this.#memberships.set(account, organization)
  }

  async #readAccessKeys(which: Which): Promise<void> {
    if (which !== 'all') {
      const old = this.#accessKeys.get(which.name)
      if (old) this.#state(old.account).keysOfUser.get(old.userName)?.delete(old.id)
      this.#accessKeys.delete(which.name)
    }
    for await (const page of this.#deps.store.pages('iam_access_key', which)) {
      for (const row of page) {
        const account = row.account as AccountId
        this.#accessKeys.set(row.id, {
          account,
          id: row.id,
          userName: row.user_name,
          sealedSecret: row.sealed_secret,
          enabled: row.enabled === 1,
          createdAt: row.created_at,
          lastUsedAt: row.last_used_at ?? undefined,
        })
        const { keysOfUser } = this.#state(account)
        const ids = keysOfUser.get(row.user_name) ?? new Set()
        keysOfUser.set(row.user_name, ids.add(row.id))
      }
    }
  }

  async #readRevokedSessions(): Promise<void> {
    const now = this.#deps.clock.now()
    for (const row of await this.#deps.store.revokedSessions(now)) this.#revoked.set(row.id, row.expires_at)
    for (const [id, end] of this.#revoked) if (end <= now) this.#revoked.delete(id)
  }

  async #policiesHeld(kind: HolderKind, which: Which): Promise<PoliciesHeld> {
    const { store } = this.#deps
    const keyOf = (row: { account: string; holder: string }) => `${row.account}/${row.holder}`
    return {
      attached: groupBy(await store.attachments(kind, which), keyOf),
      inline: groupBy(await store.inlinePolicies(kind, which), keyOf),
      grants: groupBy(await store.grants(kind, which), keyOf),
    }
  }

  #holder(
    kind: HolderKind,
    row: { account: string; name: string; id: string; created_at: number },
    held: PoliciesHeld,
  ): Holder {
    const account = row.account as AccountId
    const arn = iamArn(account, kind, row.name)
    const key = `${row.account}/${row.name}`
    const inline = new Map<string, InlinePolicy>()
    for (const { name, document } of held.inline.get(key) ?? []) {
      inline.set(name, { document, compiled: this.#compile(`${arn}#${name}`, document, 'identity') })
    }
    return {
      account,
      name: row.name,
      id: row.id,
      arn,
      createdAt: row.created_at,
      attached: held.attached.get(key)?.map((attachment) => attachment.policy_arn) ?? [],
      inline,
      grants: held.grants.get(key)?.map(({ policy_arn, scope }) => ({ policy: policy_arn, scope })) ?? [],
    }
  }

  /** What is stored was checked when it was written; where it no longer compiles somebody changed the database, and
   * whoever holds it is denied everything until it is mended. */
  #compile(id: string, document: string, kind: PolicyKind): LoadedPolicy {
    try {
      return compilePolicy(id, parsePolicy(document, kind))
    } catch (error) {
      this.#deps.log.error({ err: error, policy: id }, 'a stored policy cannot be read; its holders are denied')
      return undefined
    }
  }
}

interface PoliciesHeld {
  readonly attached: ReadonlyMap<string, readonly IamTables['iam_attachment'][]>
  readonly inline: ReadonlyMap<string, readonly IamTables['iam_inline_policy'][]>
  readonly grants: ReadonlyMap<string, readonly IamTables['iam_project_grant'][]>
}

function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return groups
}

function parseTags(text: string): Tags {
  const tags: unknown = JSON.parse(text)
  assert(typeof tags === 'object' && tags !== null, 'stored tags are an object')
  return Object.assign(Object.create(null), tags) as Tags
}
