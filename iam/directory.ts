import { type AccountId, type Clock, iamArn, unreachable } from '../platform/index.ts'
import { accessByUser } from './access/user-access.ts'
import { ApplicationWorld } from './applications/world.ts'
import { platformPolicies } from './builtin.ts'
import { StatementIndex } from './memory/statement-index.ts'
import { parseTags, type UserEntry, UserTable } from './memory/user-table.ts'
import { Organization, type Place } from './organization/organization.ts'
import { type PolicyKind, parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import { DEFAULT_PROJECT } from './projects/scope.ts'
import type { Change, IamStore, Which } from './store.ts'
import type { IamTables } from './tables.ts'
import type {
  AccessKey,
  Account,
  Device,
  Group,
  Holder,
  HolderKind,
  InlinePolicy,
  LoadedPolicy,
  Log,
  ManagedPolicy,
  Project,
  Role,
  User,
} from './types.ts'

/** What of an account is in memory. */
export interface AccountState {
  readonly account: AccountId
  readonly users: UserTable
  readonly groups: Map<string, Group>
  readonly roles: Map<string, Role>
  /** By ARN. */
  readonly policies: Map<string, ManagedPolicy>
  /** Over `policies`. */
  readonly statements: StatementIndex
  readonly applications: Map<string, ApplicationWorld>
  readonly projects: Map<string, Project>
  /** Resource to its enterprise project, where it is not the default one. */
  readonly projectOf: Map<string, string>
  readonly keysOfUser: Map<string, readonly string[]>
  readonly devices: Map<string, Device>
  /** Changes whenever anything above does; what was derived from another generation is stale. */
  generation: number
}

interface MarkedSession {
  readonly expiresAt: number
  readonly isRevoked: boolean
  readonly device: string | undefined
}

/** Sessions in memory before those that are over are looked for. */
const SESSIONS_CLEARED_ABOVE = 1_024

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
  /** By id: those that are revoked or on a device. After its end a session is refused anyway. */
  readonly #sessions = new Map<string, MarkedSession>()
  #sessionsClearedAbove = SESSIONS_CLEARED_ABOVE
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
    const { store } = this.#deps
    this.#revision = await store.revision()
    const run = (apply: Apply) => apply()
    run(await this.#readAccounts())
    await this.#readUsers('all', run)
    run(await this.#readGroups('all'))
    run(await this.#readRoles('all'))
    await this.#readPolicies('all', run)
    run(await this.#readApplications('all'))
    await this.#readAccessKeys('all', run)
    for (const { account, id } of await store.projectIds()) {
      run(await this.#readProject({ account: account as AccountId, name: id }))
    }
    for (const id of await store.organizationIds()) run(await this.#readOrganization(id))
    run(await this.#readSessions('all'))
    run(await this.#readDevices('all'))
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
    const ids = this.#states.get(account)?.keysOfUser.get(userName) ?? []
    return ids.flatMap((id) => this.#accessKeys.get(id) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  isRevoked(sessionId: string): boolean {
    return this.#sessions.get(sessionId)?.isRevoked ?? false
  }

  findDevice(account: AccountId, id: string): Device | undefined {
    return this.#states.get(account)?.devices.get(id)
  }

  /** What a session is on, as far as somebody said and the device is still known. */
  deviceOf(account: AccountId, sessionId: string): Device | undefined {
    const id = this.#sessions.get(sessionId)?.device
    return id === undefined ? undefined : this.findDevice(account, id)
  }

  /** Everything is read first and put in place at once, so that no decision sees half of a change. */
  async #apply(): Promise<void> {
    const changes = await this.#deps.store.changesAfter(this.#revision)
    const last = changes.at(-1)
    if (!last) return
    await this.readAgain(changes)
    this.#revision = last.number
  }

  /** Puts what changes name in place as the store has it, and touches nothing else. */
  async readAgain(changes: readonly Change[]): Promise<void> {
    const applies: Apply[] = []
    const distinct = new Map(changes.map((change) => [`${change.noun}/${change.account}/${change.name}`, change]))
    for (const change of distinct.values()) await this.#read(change, (apply) => applies.push(apply))
    for (const apply of applies) apply()
  }

  async #read({ account, noun, name }: Change, later: (apply: Apply) => void): Promise<void> {
    const which = { account, name }
    switch (noun) {
      case 'account':
        return later(await this.#readAccounts())
      case 'user':
        return this.#readUsers(which, later)
      case 'group':
        return later(await this.#readGroups(which))
      case 'role':
        return later(await this.#readRoles(which))
      case 'policy':
        return this.#readPolicies(which, later)
      case 'application':
        return later(await this.#readApplications(which))
      case 'project':
        return later(await this.#readProject(which))
      case 'organization':
        return later(await this.#readOrganization(name))
      case 'accessKey':
        return this.#readAccessKeys(which, later)
      case 'session':
        return later(await this.#readSessions(which))
      case 'device':
        return later(await this.#readDevices(which))
      default:
        return unreachable(noun)
    }
  }

  #state(account: AccountId): AccountState {
    const found = this.#states.get(account)
    if (found) return found
    const made: AccountState = {
      account,
      users: new UserTable(account),
      groups: new Map(),
      roles: new Map(),
      policies: new Map(),
      statements: new StatementIndex(),
      applications: new Map(),
      projects: new Map(),
      projectOf: new Map(),
      keysOfUser: new Map(),
      devices: new Map(),
      generation: ++this.#generations,
    }
    this.#states.set(account, made)
    return made
  }

  #changed(which: Which): void {
    if (which !== 'all') this.#state(which.account).generation = ++this.#generations
  }

  async #readAccounts(): Promise<Apply> {
    const rows = await this.#deps.store.accounts()
    return () => {
      for (const row of rows) {
        const id = row.account as AccountId
        this.#accounts.set(id, { id, name: row.name, createdAt: row.created_at })
        this.#state(id)
      }
    }
  }

  async #readUsers(which: Which, put: (apply: Apply) => void): Promise<void> {
    const { store } = this.#deps
    const usersOf = (account: string) => this.#state(account as AccountId).users
    let found = false
    for await (const page of store.users(which)) {
      found ||= page.length > 0
      put(() => {
        for (const row of page) usersOf(row.account).put(this.#userEntry(row))
      })
    }
    if (which !== 'all' && !found) put(() => usersOf(which.account).delete(which.name))
    await eachRun(store.memberships(which), ofOneUser, (rows, { account, user_name }) => {
      const groups = rows.map((row) => row.group_name)
      put(() => usersOf(account).setGroups(user_name, groups))
    })
    await eachRun(store.attachments('user', which), ofOneHolder, (rows, { account, holder }) => {
      const policies = rows.map((row) => row.policy_arn)
      put(() => usersOf(account).setAttached(holder, policies))
    })
    await eachRun(store.inlinePolicies('user', which), ofOneHolder, (rows, { account, holder }) => {
      const inline = this.#inline(iamArn(account as AccountId, 'user', holder), rows)
      put(() => usersOf(account).setOwn(holder, { inline }))
    })
    for (const rows of groupBy(await store.grants('user', which), keyOf).values()) {
      const [first] = rows
      if (first) put(() => usersOf(first.account).setOwn(first.holder, { grants: rows.map(grantOf) }))
    }
    for (const { account, name, id, ...own } of accessByUser(await store.userAccess(which, this.#deps.clock.now()))) {
      put(() => {
        // By id: one made again under a name starts with nothing.
        if (usersOf(account).get(name)?.id === id) usersOf(account).setOwn(name, own)
      })
    }
    put(() => this.#changed(which))
  }

  #userEntry(row: IamTables['iam_user']): UserEntry {
    // Conditions look at tags: whoever has some that cannot be read is let in nowhere, and may nothing.
    const readable = this.#areTags(row.tags, iamArn(row.account as AccountId, 'user', row.name))
    return {
      name: row.name,
      id: row.id,
      createdAt: row.created_at,
      enabled: row.enabled === 1 && readable,
      hasPassword: row.password_hash !== null,
      tokensValidAfter: row.tokens_valid_after,
      boundary: readable ? (row.boundary ?? undefined) : UNREADABLE,
      tags: readable ? row.tags : '{}',
    }
  }

  #areTags(text: string, arn: string): boolean {
    try {
      parseTags(text)
      return true
    } catch (error) {
      this.#deps.log.error({ err: error, principal: arn }, 'stored tags cannot be read; their holder is let in nowhere')
      return false
    }
  }

  async #readGroups(which: Which): Promise<Apply> {
    const policies = await this.#policiesHeld('group', which)
    const rows = await this.#deps.store.groups(which)
    const groups = rows.map((row) => this.#holder('group', row, policies))
    return () => {
      for (const group of groups) this.#state(group.account).groups.set(group.name, group)
      if (which !== 'all' && groups.length === 0) this.#state(which.account).groups.delete(which.name)
      this.#changed(which)
    }
  }

  async #readRoles(which: Which): Promise<Apply> {
    const policies = await this.#policiesHeld('role', which)
    const rows = await this.#deps.store.roles(which)
    // As with users: a role whose tags cannot be read is nobody's to assume.
    const readable = rows.filter((row) => this.#areTags(row.tags, iamArn(row.account as AccountId, 'role', row.name)))
    const roles = readable.map((row) => ({
      ...this.#holder('role', row, policies),
      description: row.description,
      trust: row.trust,
      compiledTrust: this.#compile(`role/${row.name}#trust`, row.trust, 'trust'),
      sessionSecMax: row.session_sec_max,
      sessionsValidAfter: row.sessions_valid_after,
      boundary: row.boundary ?? undefined,
      tags: parseTags(row.tags),
      builtin: row.builtin === 1,
    }))
    return () => {
      for (const role of roles) this.#state(role.account).roles.set(role.name, role)
      if (which !== 'all' && roles.length === 0) this.#state(which.account).roles.delete(which.name)
      this.#changed(which)
    }
  }

  async #readPolicies(which: Which, put: (apply: Apply) => void): Promise<void> {
    let found = false
    for await (const page of this.#deps.store.policies(which)) {
      found ||= page.length > 0
      const policies = page.map((row): ManagedPolicy => {
        const account = row.account as AccountId
        const arn = iamArn(account, 'policy', row.name)
        return {
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
        }
      })
      put(() => {
        for (const policy of policies) this.#putPolicy(policy.account as AccountId, policy.arn, policy)
      })
    }
    if (which !== 'all' && !found) {
      put(() => this.#putPolicy(which.account, iamArn(which.account, 'policy', which.name), undefined))
    }
    put(() => this.#changed(which))
  }

  #putPolicy(account: AccountId, arn: string, policy: ManagedPolicy | undefined): void {
    const { policies, statements } = this.#state(account)
    const old = policies.get(arn)?.compiled
    if (old) statements.remove(old)
    if (policy?.compiled) statements.add(policy.compiled)
    if (policy) policies.set(arn, policy)
    else policies.delete(arn)
  }

  async #readApplications(which: Which): Promise<Apply> {
    const rows = await this.#deps.store.applications(which)
    const worlds = rows.flatMap((row): ApplicationWorld[] => {
      try {
        return [new ApplicationWorld(row.account as AccountId, row.name, JSON.parse(row.document))]
      } catch (error) {
        // Without it every decision it would make is refused.
        this.#deps.log.error({ err: error, application: row.name }, 'a stored application cannot be read')
        return []
      }
    })
    return () => {
      if (which !== 'all') this.#state(which.account).applications.delete(which.name)
      for (const world of worlds) this.#state(world.account).applications.set(world.name, world)
    }
  }

  async #readProject({ account, name: id }: { account: AccountId; name: string }): Promise<Apply> {
    const { project, resources } = await this.#deps.store.project(account, id)
    return () => {
      const { projects, projectOf } = this.#state(account)
      for (const [resource, at] of projectOf) if (at === id) projectOf.delete(resource)
      for (const resource of resources) projectOf.set(resource, id)
      if (!project) {
        projects.delete(id)
        return
      }
      const { name, description, enabled, created_at } = project
      projects.set(id, { id, name, description, enabled: enabled === 1, createdAt: created_at })
    }
  }

  async #readOrganization(id: string): Promise<Apply> {
    const rows = await this.#deps.store.organization(id)
    const compile = (name: string, document: string) => this.#compile(`${id}/${name}`, document, 'guardrail')
    const organization = rows && new Organization(rows, compile)
    return () => {
      for (const account of this.#organizations.get(id)?.members.keys() ?? []) this.#memberships.delete(account)
      this.#organizations.delete(id)
      if (!organization) return
      this.#organizations.set(id, organization)
      for (const account of organization.members.keys()) this.#memberships.set(account, organization)
    }
  }

  async #readAccessKeys(which: Which, put: (apply: Apply) => void): Promise<void> {
    if (which !== 'all') put(() => this.#forgetAccessKey(which.name))
    for await (const page of this.#deps.store.accessKeys(which)) {
      put(() => {
        for (const row of page) this.#putAccessKey(row)
      })
    }
  }

  #forgetAccessKey(id: string): void {
    const old = this.#accessKeys.get(id)
    if (!old) return
    const { keysOfUser } = this.#state(old.account)
    const left = keysOfUser.get(old.userName)?.filter((one) => one !== id) ?? []
    if (left.length > 0) keysOfUser.set(old.userName, left)
    else keysOfUser.delete(old.userName)
    this.#accessKeys.delete(id)
  }

  #putAccessKey(row: IamTables['iam_access_key']): void {
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
    keysOfUser.set(row.user_name, [...(keysOfUser.get(row.user_name) ?? []), row.id])
  }

  async #readSessions(which: Which): Promise<Apply> {
    const now = this.#deps.clock.now()
    const rows = await this.#deps.store.markedSessions(which, now)
    return () => {
      if (which !== 'all') this.#sessions.delete(which.name)
      for (const { id, expires_at: expiresAt, revoked_at, device } of rows) {
        this.#sessions.set(id, { expiresAt, isRevoked: revoked_at !== null, device: device ?? undefined })
      }
      if (this.#sessions.size < this.#sessionsClearedAbove) return
      for (const [id, { expiresAt }] of this.#sessions) if (expiresAt <= now) this.#sessions.delete(id)
      this.#sessionsClearedAbove = Math.max(SESSIONS_CLEARED_ABOVE, 2 * this.#sessions.size)
    }
  }

  async #readDevices(which: Which): Promise<Apply> {
    const rows = await this.#deps.store.devices(which)
    return () => {
      if (which !== 'all') this.#state(which.account).devices.delete(which.name)
      for (const row of rows) {
        this.#state(row.account as AccountId).devices.set(row.id, {
          id: row.id,
          name: row.name,
          managed: row.managed === 1,
          posture: row.posture,
          ...(row.user_id === null ? {} : { userId: row.user_id }),
          createdAt: row.created_at,
          updatedAt: row.updated_at,
        })
      }
    }
  }

  async #policiesHeld(kind: HolderKind, which: Which): Promise<PoliciesHeld> {
    const { store } = this.#deps
    return {
      attached: groupBy(await all(store.attachments(kind, which)), keyOf),
      inline: groupBy(await all(store.inlinePolicies(kind, which)), keyOf),
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
    return {
      account,
      name: row.name,
      id: row.id,
      arn,
      createdAt: row.created_at,
      attached: held.attached.get(key)?.map((attachment) => attachment.policy_arn) ?? [],
      inline: this.#inline(arn, held.inline.get(key) ?? []),
      grants: held.grants.get(key)?.map(grantOf) ?? [],
    }
  }

  #inline(arn: string, rows: readonly IamTables['iam_inline_policy'][]): ReadonlyMap<string, InlinePolicy> {
    return new Map(
      rows.map(({ name, document }) => [
        name,
        { document, compiled: this.#compile(`${arn}#${name}`, document, 'identity') },
      ]),
    )
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

/** A boundary that no policy has: who has it may nothing. */
const UNREADABLE = 'unreadable'

/** Puts what was read in its place. */
type Apply = () => void

const keyOf = (row: { readonly account: string; readonly holder: string }) => `${row.account}/${row.holder}`

const grantOf = ({ policy_arn, scope }: IamTables['iam_project_grant']) => ({ policy: policy_arn, scope })

type Held = { readonly account: string; readonly holder: string }
const ofOneHolder = (a: Held, b: Held) => a.holder === b.holder && a.account === b.account

type Membership = IamTables['iam_membership']
const ofOneUser = (a: Membership, b: Membership) => a.user_name === b.user_name && a.account === b.account

/** Gives each run of rows that belong together, with one of them. */
async function eachRun<T>(
  pages: AsyncIterable<readonly T[]>,
  together: (a: T, b: T) => boolean,
  take: (rows: readonly T[], one: T) => void,
): Promise<void> {
  let run: T[] = []
  for await (const page of pages) {
    for (const row of page) {
      const [one] = run
      if (one !== undefined && !together(one, row)) {
        take(run, one)
        run = []
      }
      run.push(row)
    }
  }
  const [one] = run
  if (one !== undefined) take(run, one)
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = []
  for await (const page of pages) rows.push(...page)
  return rows
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
