import type { Kysely, Transaction } from 'kysely'
import { type AccountId, type Database, iamArn } from '../platform/index.ts'
import { AccessWriter, readUserAccess, type UserAccessRows } from './access/store.ts'
import { PASSWORD_HISTORY_MAX } from './limits.ts'
import { removeSecondFactor } from './mfa/store.ts'
import {
  type OrganizationRows,
  OrganizationWriter,
  readOrganization,
  readOrganizationIds,
} from './organization/store.ts'
import { recordPassword, removePasswords } from './password-policy/store.ts'
import { type ProjectRows, ProjectWriter, readGrants, readProject, readProjectIds } from './projects/store.ts'
import { type DeviceRow, readDevices, readMarkedSessions, type SessionRow, SessionWriter } from './sessions/store.ts'
import type { ChangedNoun, IamTables } from './tables.ts'
import type { HolderKind } from './types.ts'
import { removeCredentials } from './webauthn/store.ts'

type Tx = Transaction<IamTables>

export interface Change {
  readonly number: number
  readonly account: AccountId
  readonly noun: ChangedNoun
  readonly name: string
}

/** The tables inside one change. Every write says what it touched, so that every process reads it again. */
export class IamWriter {
  readonly #tx: Tx
  readonly #account: AccountId
  readonly organization: OrganizationWriter
  readonly projects: ProjectWriter
  readonly access: AccessWriter
  readonly sessions: SessionWriter
  readonly touched = new Map<string, { readonly noun: ChangedNoun; readonly name: string }>()

  constructor(tx: Tx, account: AccountId) {
    this.#tx = tx
    this.#account = account
    this.organization = new OrganizationWriter(tx, (id) => this.#touch('organization', id))
    this.sessions = new SessionWriter(tx, account, (noun, name) => this.#touch(noun, name))
    this.access = new AccessWriter(tx, account, (noun, name) => this.#touch(noun, name))
    this.projects = new ProjectWriter(tx, account, (noun, name) => this.#touch(noun, name))
  }

  #touch(noun: ChangedNoun, name: string): void {
    this.touched.set(`${noun}/${name}`, { noun, name })
  }

  async insertAccount(row: Omit<IamTables['iam_account'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_account')
      .values({ account: this.#account, ...row })
      .execute()
    this.#touch('account', this.#account)
  }

  async countAccounts(): Promise<number> {
    const row = await this.#tx
      .selectFrom('iam_account')
      .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(row.count)
  }

  async insertUser(row: Omit<IamTables['iam_user'], 'account' | 'password_changed_at'>): Promise<void> {
    await this.#tx
      .insertInto('iam_user')
      .values({ account: this.#account, password_changed_at: null, ...row })
      .execute()
    this.#touch('user', row.name)
  }

  /** @returns false where there is no such user */
  async updateUser(
    name: string,
    set: Partial<Omit<IamTables['iam_user'], 'account' | 'name' | 'id'>>,
  ): Promise<boolean> {
    const result = await this.#tx
      .updateTable('iam_user')
      .set(set)
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .executeTakeFirst()
    this.#touch('user', name)
    return result.numUpdatedRows > 0
  }

  /** Keeps a new password's hash beside those before it. */
  async recordPassword(given: { readonly userId: string; readonly hash: string; readonly at: number }): Promise<void> {
    const row = { account: this.#account, user_id: given.userId, hash: given.hash, created_at: given.at }
    await recordPassword(this.#tx, row, PASSWORD_HISTORY_MAX)
  }

  /** With its keys, memberships and policies. */
  async deleteUser(name: string): Promise<boolean> {
    for (const id of await this.accessKeyIds(name)) await this.deleteAccessKey(name, id)
    await this.#tx
      .deleteFrom('iam_membership')
      .where('account', '=', this.#account)
      .where('user_name', '=', name)
      .execute()
    const user = await this.#tx
      .selectFrom('iam_user')
      .select('id')
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .executeTakeFirst()
    if (user) {
      await removeSecondFactor(this.#tx, { account: this.#account, id: user.id })
      await removePasswords(this.#tx, { account: this.#account, id: user.id })
      await removeCredentials(this.#tx, { account: this.#account, id: user.id })
      await this.access.deleteBreakGlass({ id: user.id, name })
    }
    return this.#deleteHolder('user', name)
  }

  async hasUser(name: string): Promise<boolean> {
    return this.#has('iam_user', name)
  }

  async insertGroup(row: Omit<IamTables['iam_group'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_group')
      .values({ account: this.#account, ...row })
      .execute()
    this.#touch('group', row.name)
  }

  async hasGroup(name: string): Promise<boolean> {
    return this.#has('iam_group', name)
  }

  /** With its memberships and policies. */
  async deleteGroup(name: string): Promise<boolean> {
    const members = await this.#tx
      .deleteFrom('iam_membership')
      .where('account', '=', this.#account)
      .where('group_name', '=', name)
      .returning('user_name')
      .execute()
    for (const member of members) this.#touch('user', member.user_name)
    await this.access.endFor('group', name)
    return this.#deleteHolder('group', name)
  }

  async groupsOf(userName: string): Promise<string[]> {
    const rows = await this.#tx
      .selectFrom('iam_membership')
      .select('group_name')
      .where('account', '=', this.#account)
      .where('user_name', '=', userName)
      .execute()
    return rows.map((row) => row.group_name)
  }

  /** May repeat. */
  async addMember(groupName: string, userName: string): Promise<void> {
    await this.#tx
      .insertInto('iam_membership')
      .values({ account: this.#account, group_name: groupName, user_name: userName })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    this.#touch('user', userName)
  }

  async removeMember(groupName: string, userName: string): Promise<boolean> {
    const result = await this.#tx
      .deleteFrom('iam_membership')
      .where('account', '=', this.#account)
      .where('group_name', '=', groupName)
      .where('user_name', '=', userName)
      .executeTakeFirst()
    this.#touch('user', userName)
    return result.numDeletedRows > 0
  }

  async insertRole(row: Omit<IamTables['iam_role'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_role')
      .values({ account: this.#account, ...row })
      .execute()
    this.#touch('role', row.name)
  }

  async updateRole(
    name: string,
    set: Partial<Omit<IamTables['iam_role'], 'account' | 'name' | 'id'>>,
  ): Promise<boolean> {
    const result = await this.#tx
      .updateTable('iam_role')
      .set(set)
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .executeTakeFirst()
    this.#touch('role', name)
    return result.numUpdatedRows > 0
  }

  async hasRole(name: string): Promise<boolean> {
    return this.#has('iam_role', name)
  }

  async deleteRole(name: string): Promise<boolean> {
    return this.#deleteHolder('role', name)
  }

  async insertPolicy(row: Omit<IamTables['iam_policy'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_policy')
      .values({ account: this.#account, ...row })
      .execute()
    this.#touch('policy', row.name)
  }

  async hasPolicy(name: string): Promise<boolean> {
    return this.#has('iam_policy', name)
  }

  async policyRow(name: string): Promise<IamTables['iam_policy'] | undefined> {
    return this.#tx
      .selectFrom('iam_policy')
      .selectAll()
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .executeTakeFirst()
  }

  async updatePolicy(
    name: string,
    set: Partial<Pick<IamTables['iam_policy'], 'default_version' | 'latest_version' | 'description'>>,
  ): Promise<void> {
    await this.#tx
      .updateTable('iam_policy')
      .set(set)
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .execute()
    this.#touch('policy', name)
  }

  async insertPolicyVersion(row: Omit<IamTables['iam_policy_version'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_policy_version')
      .values({ account: this.#account, ...row })
      .execute()
    this.#touch('policy', row.policy)
  }

  async policyVersionNumbers(policy: string): Promise<number[]> {
    const rows = await this.#tx
      .selectFrom('iam_policy_version')
      .select('version')
      .where('account', '=', this.#account)
      .where('policy', '=', policy)
      .orderBy('version')
      .execute()
    return rows.map((row) => row.version)
  }

  async deletePolicyVersion(policy: string, version: number): Promise<void> {
    await this.#tx
      .deleteFrom('iam_policy_version')
      .where('account', '=', this.#account)
      .where('policy', '=', policy)
      .where('version', '=', version)
      .execute()
    this.#touch('policy', policy)
  }

  async deletePolicy(name: string): Promise<void> {
    await this.#tx
      .deleteFrom('iam_policy_version')
      .where('account', '=', this.#account)
      .where('policy', '=', name)
      .execute()
    await this.access.endFor('policy', iamArn(this.#account, 'policy', name))
    await this.#tx.deleteFrom('iam_policy').where('account', '=', this.#account).where('name', '=', name).execute()
    this.#touch('policy', name)
  }

  /** Who holds a managed policy, as its policies or as its boundary. */
  async holdersOf(policyArn: string): Promise<{ kind: HolderKind; name: string }[]> {
    const attached = await this.#tx
      .selectFrom('iam_attachment')
      .select(['holder_kind as kind', 'holder as name'])
      .where('account', '=', this.#account)
      .where('policy_arn', '=', policyArn)
      .execute()
    const bounded = async (table: 'iam_user' | 'iam_role', kind: HolderKind) => {
      const rows = await this.#tx
        .selectFrom(table)
        .select('name')
        .where('account', '=', this.#account)
        .where('boundary', '=', policyArn)
        .execute()
      return rows.map(({ name }) => ({ kind, name }))
    }
    const granted = await this.#tx
      .selectFrom('iam_project_grant')
      .select(['holder_kind as kind', 'holder as name'])
      .where('account', '=', this.#account)
      .where('policy_arn', '=', policyArn)
      .execute()
    return [...attached, ...granted, ...(await bounded('iam_user', 'user')), ...(await bounded('iam_role', 'role'))]
  }

  async attachedTo(kind: HolderKind, holder: string): Promise<string[]> {
    const rows = await this.#tx
      .selectFrom('iam_attachment')
      .select('policy_arn')
      .where('account', '=', this.#account)
      .where('holder_kind', '=', kind)
      .where('holder', '=', holder)
      .execute()
    return rows.map((row) => row.policy_arn)
  }

  /** May repeat. */
  async attach(kind: HolderKind, holder: string, policyArn: string): Promise<void> {
    await this.#tx
      .insertInto('iam_attachment')
      .values({ account: this.#account, holder_kind: kind, holder, policy_arn: policyArn })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    this.#touch(kind, holder)
  }

  async detach(kind: HolderKind, holder: string, policyArn: string): Promise<boolean> {
    const result = await this.#tx
      .deleteFrom('iam_attachment')
      .where('account', '=', this.#account)
      .where('holder_kind', '=', kind)
      .where('holder', '=', holder)
      .where('policy_arn', '=', policyArn)
      .executeTakeFirst()
    this.#touch(kind, holder)
    return result.numDeletedRows > 0
  }

  async inlineNames(kind: HolderKind, holder: string): Promise<string[]> {
    const rows = await this.#tx
      .selectFrom('iam_inline_policy')
      .select('name')
      .where('account', '=', this.#account)
      .where('holder_kind', '=', kind)
      .where('holder', '=', holder)
      .execute()
    return rows.map((row) => row.name)
  }

  /** May repeat: the document is replaced. */
  async putInline(kind: HolderKind, holder: string, name: string, document: string): Promise<void> {
    await this.#tx
      .insertInto('iam_inline_policy')
      .values({ account: this.#account, holder_kind: kind, holder, name, document })
      .onConflict((conflict) =>
        conflict.columns(['account', 'holder_kind', 'holder', 'name']).doUpdateSet({ document }),
      )
      .execute()
    this.#touch(kind, holder)
  }

  async deleteInline(kind: HolderKind, holder: string, name: string): Promise<boolean> {
    const result = await this.#tx
      .deleteFrom('iam_inline_policy')
      .where('account', '=', this.#account)
      .where('holder_kind', '=', kind)
      .where('holder', '=', holder)
      .where('name', '=', name)
      .executeTakeFirst()
    this.#touch(kind, holder)
    return result.numDeletedRows > 0
  }

  async accessKeyIds(userName: string): Promise<string[]> {
    const rows = await this.#tx
      .selectFrom('iam_access_key')
      .select('id')
      .where('account', '=', this.#account)
      .where('user_name', '=', userName)
      .execute()
    return rows.map((row) => row.id)
  }

  async insertAccessKey(row: Omit<IamTables['iam_access_key'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_access_key')
      .values({ account: this.#account, ...row })
      .execute()
    this.#touch('accessKey', row.id)
  }

  async updateAccessKey(userName: string, id: string, enabled: boolean): Promise<boolean> {
    const result = await this.#tx
      .updateTable('iam_access_key')
      .set({ enabled: enabled ? 1 : 0 })
      .where('account', '=', this.#account)
      .where('user_name', '=', userName)
      .where('id', '=', id)
      .executeTakeFirst()
    this.#touch('accessKey', id)
    return result.numUpdatedRows > 0
  }

  async deleteAccessKey(userName: string, id: string): Promise<boolean> {
    const result = await this.#tx
      .deleteFrom('iam_access_key')
      .where('account', '=', this.#account)
      .where('user_name', '=', userName)
      .where('id', '=', id)
      .executeTakeFirst()
    this.#touch('accessKey', id)
    return result.numDeletedRows > 0
  }

  async applicationNames(): Promise<string[]> {
    const rows = await this.#tx
      .selectFrom('iam_application')
      .select('name')
      .where('account', '=', this.#account)
      .execute()
    return rows.map((row) => row.name)
  }

  /** May repeat: the document is replaced. */
  async putApplication(name: string, document: string): Promise<void> {
    await this.#tx
      .insertInto('iam_application')
      .values({ account: this.#account, name, document })
      .onConflict((conflict) => conflict.columns(['account', 'name']).doUpdateSet({ document }))
      .execute()
    this.#touch('application', name)
  }

  async deleteApplication(name: string): Promise<boolean> {
    const result = await this.#tx
      .deleteFrom('iam_application')
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .executeTakeFirst()
    this.#touch('application', name)
    return result.numDeletedRows > 0
  }

  /** May repeat. */
  async setRefusesNewAccess(refuses: boolean): Promise<void> {
    const refuse_new_access = refuses ? 1 : 0
    await this.#tx
      .insertInto('iam_account_setting')
      .values({ account: this.#account, refuse_new_access })
      .onConflict((conflict) => conflict.column('account').doUpdateSet({ refuse_new_access }))
      .execute()
  }

  async #has(table: 'iam_user' | 'iam_group' | 'iam_role' | 'iam_policy', name: string): Promise<boolean> {
    const row = await this.#tx
      .selectFrom(table)
      .select('name')
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .executeTakeFirst()
    return row !== undefined
  }

  async #deleteHolder(kind: HolderKind, name: string): Promise<boolean> {
    for (const table of ['iam_attachment', 'iam_inline_policy', 'iam_project_grant'] as const) {
      await this.#tx
        .deleteFrom(table)
        .where('account', '=', this.#account)
        .where('holder_kind', '=', kind)
        .where('holder', '=', name)
        .execute()
    }
    const result = await this.#tx
      .deleteFrom(`iam_${kind}`)
      .where('account', '=', this.#account)
      .where('name', '=', name)
      .executeTakeFirst()
    this.#touch(kind, name)
    return result.numDeletedRows > 0
  }
}

/** Looks at a change inside its transaction, before and after its work; what it throws undoes it. It may run SQL through
 * the store it is given, and compute, and await nothing else.
 * @returns what is called with everything the work touched; undefined where nothing is to be judged */
export type Review = (
  account: AccountId,
  inside: IamStore,
) => Promise<((touched: readonly Change[]) => Promise<void>) | undefined>

/** A database that reads as its transaction does. */
function readingBy(tx: Tx, { dialect }: Database<IamTables>): Database {
  const inside = {
    dialect,
    read: tx,
    write: () => Promise.reject(new Error('a change that is looked at cannot be written to')),
    as: () => inside,
    close: () => Promise.resolve(),
  }
  return inside as unknown as Database
}

/** One thing of an account, or everything. */
export type Which = { readonly account: AccountId; readonly name: string } | 'all'

type PagedTable = 'iam_user' | 'iam_access_key' | 'iam_membership' | 'iam_attachment' | 'iam_inline_policy'

/** Rows read in one go when everything is loaded. */
const PAGE_ROWS = 20_000

/** The SQL of identities and policies. */
export class IamStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  get shared(): boolean {
    return this.#database.dialect === 'postgres'
  }

  /** Runs a change. Changes take turns: each begins by taking the revision's row, so what one checks stays true until
   * it commits, and numbers become visible in order.
   * @returns what `work` gave, and the number at which the change is visible */
  async change<T>(
    account: AccountId,
    work: (write: IamWriter) => Promise<T>,
    review?: Review,
  ): Promise<{ readonly value: T; readonly snapshot: number }> {
    return this.#database.write(async (tx) => {
      const inside = review && new IamStore(readingBy(tx, this.#database))
      const judge = inside && (await review?.(account, inside))
      const { number } = await tx
        .updateTable('iam_revision')
        .set((eb) => ({ number: eb('number', '+', 1) }))
        .where('id', '=', 1)
        .returning('number')
        .executeTakeFirstOrThrow()
      const writer = new IamWriter(tx, account)
      const value = await work(writer)
      for (const { noun, name } of writer.touched.values()) {
        await tx.insertInto('iam_change').values({ number, account, noun, name }).execute()
      }
      await judge?.([...writer.touched.values()].map((touched) => ({ number, account, ...touched })))
      return { value, snapshot: number }
    })
  }

  async insertSigningKey(row: IamTables['iam_signing_key']): Promise<void> {
    await this.#note((tx) => tx.insertInto('iam_signing_key').values(row).execute())
  }

  /** Writes that no decision depends on. */
  #note<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#database.write(work)
  }

  get #read(): Kysely<IamTables> {
    return this.#database.read
  }

  async revision(): Promise<number> {
    const row = await this.#read
      .selectFrom('iam_revision')
      .select('number')
      .where('id', '=', 1)
      .executeTakeFirstOrThrow()
    return row.number
  }

  async changesAfter(number: number): Promise<Change[]> {
    const rows = await this.#read
      .selectFrom('iam_change')
      .selectAll()
      .where('number', '>', number)
      .orderBy('number')
      .execute()
    return rows.map((row) => ({ ...row, account: row.account as AccountId }))
  }

  /** Rows a page at a time, those of one holder one after another. */
  users(which: Which): AsyncGenerator<IamTables['iam_user'][]> {
    return this.#pages('iam_user', ['account', 'name'], which)
  }

  accessKeys(which: Which): AsyncGenerator<IamTables['iam_access_key'][]> {
    return this.#pages('iam_access_key', ['id'], which)
  }

  /** By user and group. */
  memberships(which: Which): AsyncGenerator<IamTables['iam_membership'][]> {
    return this.#pages('iam_membership', ['account', 'user_name', 'group_name'], which, 'user_name')
  }

  /** By holder and ARN. */
  attachments(kind: HolderKind, which: Which): AsyncGenerator<IamTables['iam_attachment'][]> {
    return this.#pages('iam_attachment', ['account', 'holder_kind', 'holder', 'policy_arn'], which, 'holder', kind)
  }

  inlinePolicies(kind: HolderKind, which: Which): AsyncGenerator<IamTables['iam_inline_policy'][]> {
    return this.#pages('iam_inline_policy', ['account', 'holder_kind', 'holder', 'name'], which, 'holder', kind)
  }

  /** @param keys columns that tell rows apart, which an index has in this order
   * @param named the column that `which` names; by default the last key */
  async *#pages<Table extends PagedTable>(
    table: Table,
    keys: readonly string[],
    which: Which,
    named = keys.at(-1) ?? '',
    kind?: HolderKind,
  ): AsyncGenerator<IamTables[Table][]> {
    // Kysely cannot type a table that is a type parameter; the columns named are the caller's to get right.
    const columns = keys as 'account'[]
    let base = this.#read.selectFrom(table as 'iam_inline_policy').selectAll()
    if (kind) base = base.where('holder_kind', '=', kind)
    if (which !== 'all') base = base.where('account', '=', which.account).where(named as 'name', '=', which.name)
    for (const column of columns) base = base.orderBy(column)
    let after: Record<string, string> | undefined
    for (;;) {
      const from = after
      const query = from
        ? base.where(({ eb, refTuple, tuple }) =>
            columns.length === 1
              ? eb(columns[0] as 'account', '>', from[keys[0] as string] as string)
              : eb(
                  refTuple(...(columns as ['account', 'account'])),
                  '>',
                  tuple(...(keys.map((key) => from[key]) as [string, string])),
                ),
          )
        : base
      const rows = (await query.limit(PAGE_ROWS).execute()) as unknown as IamTables[Table][]
      yield rows
      after = rows.at(-1) as Record<string, string> | undefined
      if (rows.length < PAGE_ROWS || !after) return
    }
  }

  accounts(): Promise<IamTables['iam_account'][]> {
    return this.#read.selectFrom('iam_account').selectAll().execute()
  }

  projectIds(): Promise<{ account: string; id: string }[]> {
    return readProjectIds(this.#read)
  }

  project(account: AccountId, id: string): Promise<ProjectRows> {
    return readProject(this.#read, account, id)
  }

  userAccess(which: Which, now: number): Promise<UserAccessRows> {
    return readUserAccess(this.#read, which, now)
  }

  grants(kind: HolderKind, which: Which): Promise<IamTables['iam_project_grant'][]> {
    return readGrants(this.#read, kind, which)
  }

  organizationIds(): Promise<string[]> {
    return readOrganizationIds(this.#read)
  }

  organization(id: string): Promise<OrganizationRows | undefined> {
    return readOrganization(this.#read, id)
  }

  groups(which: Which): Promise<IamTables['iam_group'][]> {
    let query = this.#read.selectFrom('iam_group').selectAll()
    if (which !== 'all') query = query.where('account', '=', which.account).where('name', '=', which.name)
    return query.execute()
  }

  roles(which: Which): Promise<IamTables['iam_role'][]> {
    let query = this.#read.selectFrom('iam_role').selectAll()
    if (which !== 'all') query = query.where('account', '=', which.account).where('name', '=', which.name)
    return query.execute()
  }

  applications(which: Which): Promise<IamTables['iam_application'][]> {
    let query = this.#read.selectFrom('iam_application').selectAll()
    if (which !== 'all') query = query.where('account', '=', which.account).where('name', '=', which.name)
    return query.execute()
  }

  /** Each with the document of its default version. */
  async *policies(which: Which): AsyncGenerator<(IamTables['iam_policy'] & { document: string })[]> {
    let base = this.#read
      .selectFrom('iam_policy')
      .innerJoin('iam_policy_version', (join) =>
        join
          .onRef('iam_policy_version.account', '=', 'iam_policy.account')
          .onRef('iam_policy_version.policy', '=', 'iam_policy.name')
          .onRef('iam_policy_version.version', '=', 'iam_policy.default_version'),
      )
      .selectAll('iam_policy')
      .select('iam_policy_version.document')
      .orderBy('iam_policy.account')
      .orderBy('iam_policy.name')
    if (which !== 'all') {
      base = base.where('iam_policy.account', '=', which.account).where('iam_policy.name', '=', which.name)
    }
    let after: { account: string; name: string } | undefined
    for (;;) {
      const from = after
      const query = from
        ? base.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('iam_policy.account', 'iam_policy.name'), '>', tuple(from.account, from.name)),
          )
        : base
      const rows = await query.limit(PAGE_ROWS).execute()
      yield rows
      after = rows.at(-1)
      if (rows.length < PAGE_ROWS || !after) return
    }
  }

  markedSessions(which: Which, now: number): Promise<SessionRow[]> {
    return readMarkedSessions(this.#read, which, now)
  }

  /** Since when managed policies of an account say what they say, by ARN. */
  async defaultVersionsSince(account: AccountId): Promise<Map<string, number>> {
    const rows = await this.#read
      .selectFrom('iam_policy')
      .innerJoin('iam_policy_version', (join) =>
        join
          .onRef('iam_policy_version.account', '=', 'iam_policy.account')
          .onRef('iam_policy_version.policy', '=', 'iam_policy.name')
          .onRef('iam_policy_version.version', '=', 'iam_policy.default_version'),
      )
      .select(['iam_policy.name', 'iam_policy_version.created_at'])
      .where('iam_policy.account', '=', account)
      .execute()
    return new Map(rows.map(({ name, created_at }) => [`arn:rampart:iam::${account}:policy/${name}`, created_at]))
  }

  /** Whether changes that give new access have to be acknowledged. */
  async refusesNewAccess(account: AccountId): Promise<boolean> {
    const row = await this.#read
      .selectFrom('iam_account_setting')
      .select('refuse_new_access')
      .where('account', '=', account)
      .executeTakeFirst()
    return row?.refuse_new_access === 1
  }

  devices(which: Which): Promise<DeviceRow[]> {
    return readDevices(this.#read, which)
  }

  /** The name a user goes by now. */
  async userName(account: AccountId, userId: string): Promise<string | undefined> {
    const row = await this.#read
      .selectFrom('iam_user')
      .select('name')
      .where('account', '=', account)
      .where('id', '=', userId)
      .executeTakeFirst()
    return row?.name
  }

  /** What a user's password is checked against, and from when it is. */
  async password(
    account: AccountId,
    userName: string,
  ): Promise<{ readonly hash: string | undefined; readonly changedAt: number } | undefined> {
    const row = await this.#read
      .selectFrom('iam_user')
      .select(['password_hash', 'password_changed_at', 'created_at'])
      .where('account', '=', account)
      .where('name', '=', userName)
      .executeTakeFirst()
    return row && { hash: row.password_hash ?? undefined, changedAt: row.password_changed_at ?? row.created_at }
  }

  signingKeys(): Promise<IamTables['iam_signing_key'][]> {
    return this.#read.selectFrom('iam_signing_key').selectAll().orderBy('created_at').execute()
  }

  policyVersions(account: AccountId, policy: string): Promise<IamTables['iam_policy_version'][]> {
    return this.#read
      .selectFrom('iam_policy_version')
      .selectAll()
      .where('account', '=', account)
      .where('policy', '=', policy)
      .orderBy('version', 'desc')
      .execute()
  }

  /** Not a change: no decision depends on it. */
  async noteAccessKeyUse(account: AccountId, id: string, at: number): Promise<void> {
    await this.#note((tx) =>
      tx
        .updateTable('iam_access_key')
        .set({ last_used_at: at })
        .where('account', '=', account)
        .where('id', '=', id)
        .execute(),
    )
  }
}
