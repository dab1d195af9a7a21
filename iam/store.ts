import type { Kysely, Transaction } from 'kysely'
import type { AccountId, Database } from '../platform/index.ts'
import type { ChangedNoun, HolderKind, IamTables } from './tables.ts'

export type Tx = Transaction<IamTables>

export interface Change {
  readonly number: number
  readonly account: AccountId
  readonly noun: ChangedNoun
  readonly name: string
}

/** Says that a thing was changed, so that every process reads it again. */
export type Touch = (noun: ChangedNoun, name: string) => void

/** One thing of an account, or everything. */
export type Which = { readonly account: AccountId; readonly name: string } | 'all'

/** Rows read in one go when everything is loaded. */
const PAGE_ROWS = 20_000

/** The only SQL of this folder. */
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
    work: (tx: Tx, touch: Touch) => Promise<T>,
  ): Promise<{ readonly value: T; readonly snapshot: number }> {
    return this.#database.write(async (tx) => {
      const { number } = await tx
        .updateTable('iam_revision')
        .set((eb) => ({ number: eb('number', '+', 1) }))
        .where('id', '=', 1)
        .returning('number')
        .executeTakeFirstOrThrow()
      const touched = new Map<string, { noun: ChangedNoun; name: string }>()
      const value = await work(tx, (noun, name) => touched.set(`${noun}/${name}`, { noun, name }))
      for (const { noun, name } of touched.values()) {
        await tx.insertInto('iam_change').values({ number, account, noun, name }).execute()
      }
      return { value, snapshot: number }
    })
  }

  /** Writes that no decision depends on. */
  note<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#database.write(work)
  }

  get read(): Kysely<IamTables> {
    return this.#database.read
  }

  async revision(): Promise<number> {
    const row = await this.read
      .selectFrom('iam_revision')
      .select('number')
      .where('id', '=', 1)
      .executeTakeFirstOrThrow()
    return row.number
  }

  async changesAfter(number: number): Promise<Change[]> {
    const rows = await this.read
      .selectFrom('iam_change')
      .selectAll()
      .where('number', '>', number)
      .orderBy('number')
      .execute()
    return rows.map((row) => ({ ...row, account: row.account as AccountId }))
  }

  async *pages<Table extends 'iam_user' | 'iam_access_key'>(
    table: Table,
    which: Which,
  ): AsyncGenerator<IamTables[Table][]> {
    const key = table === 'iam_user' ? 'name' : 'id'
    let after: { account: string; name: string } | undefined
    for (;;) {
      // Kysely cannot type a table that is a type parameter; both have the columns named here.
      let query = this.read.selectFrom(table as 'iam_user').selectAll()
      const column = key as 'name'
      if (which !== 'all') query = query.where('account', '=', which.account).where(column, '=', which.name)
      if (after) {
        const { account, name } = after
        query = query.where((eb) =>
          eb.or([eb('account', '>', account), eb.and([eb('account', '=', account), eb(column, '>', name)])]),
        )
      }
      const rows = (await query
        .orderBy('account')
        .orderBy(column)
        .limit(PAGE_ROWS)
        .execute()) as unknown as IamTables[Table][]
      yield rows
      const last = rows.at(-1) as Record<string, string> | undefined
      if (rows.length < PAGE_ROWS || !last) return
      after = { account: last.account ?? '', name: last[key] ?? '' }
    }
  }

  accounts(): Promise<IamTables['iam_account'][]> {
    return this.read.selectFrom('iam_account').selectAll().execute()
  }

  groups(which: Which): Promise<IamTables['iam_group'][]> {
    let query = this.read.selectFrom('iam_group').selectAll()
    if (which !== 'all') query = query.where('account', '=', which.account).where('name', '=', which.name)
    return query.execute()
  }

  roles(which: Which): Promise<IamTables['iam_role'][]> {
    let query = this.read.selectFrom('iam_role').selectAll()
    if (which !== 'all') query = query.where('account', '=', which.account).where('name', '=', which.name)
    return query.execute()
  }

  /** Each with the document of its default version. */
  policies(which: Which): Promise<(IamTables['iam_policy'] & { document: string })[]> {
    let query = this.read
      .selectFrom('iam_policy')
      .innerJoin('iam_policy_version', (join) =>
        join
          .onRef('iam_policy_version.account', '=', 'iam_policy.account')
          .onRef('iam_policy_version.policy', '=', 'iam_policy.name')
          .onRef('iam_policy_version.version', '=', 'iam_policy.default_version'),
      )
      .selectAll('iam_policy')
      .select('iam_policy_version.document')
    if (which !== 'all') {
      query = query.where('iam_policy.account', '=', which.account).where('iam_policy.name', '=', which.name)
    }
    return query.execute()
  }

  memberships(which: Which): Promise<IamTables['iam_membership'][]> {
    let query = this.read.selectFrom('iam_membership').selectAll()
    if (which !== 'all') query = query.where('account', '=', which.account).where('user_name', '=', which.name)
    return query.orderBy('group_name').execute()
  }

  attachments(kind: HolderKind, which: Which): Promise<IamTables['iam_attachment'][]> {
    let query = this.read.selectFrom('iam_attachment').selectAll().where('holder_kind', '=', kind)
    if (which !== 'all') query = query.where('account', '=', which.account).where('holder', '=', which.name)
    return query.orderBy('policy_arn').execute()
  }

  inlinePolicies(kind: HolderKind, which: Which): Promise<IamTables['iam_inline_policy'][]> {
    let query = this.read.selectFrom('iam_inline_policy').selectAll().where('holder_kind', '=', kind)
    if (which !== 'all') query = query.where('account', '=', which.account).where('holder', '=', which.name)
    return query.orderBy('name').execute()
  }

  revokedSessions(now: number): Promise<{ id: string; expires_at: number }[]> {
    return this.read
      .selectFrom('iam_session')
      .select(['id', 'expires_at'])
      .where('revoked_at', 'is not', null)
      .where('expires_at', '>', now)
      .execute()
  }

  session(account: AccountId, id: string): Promise<IamTables['iam_session'] | undefined> {
    return this.read
      .selectFrom('iam_session')
      .selectAll()
      .where('account', '=', account)
      .where('id', '=', id)
      .executeTakeFirst()
  }

  async passwordHash(account: AccountId, userName: string): Promise<string | undefined> {
    const row = await this.read
      .selectFrom('iam_user')
      .select('password_hash')
      .where('account', '=', account)
      .where('name', '=', userName)
      .executeTakeFirst()
    return row?.password_hash ?? undefined
  }

  signingKeys(): Promise<IamTables['iam_signing_key'][]> {
    return this.read.selectFrom('iam_signing_key').selectAll().orderBy('created_at').execute()
  }

  policyVersions(account: AccountId, policy: string): Promise<IamTables['iam_policy_version'][]> {
    return this.read
      .selectFrom('iam_policy_version')
      .selectAll()
      .where('account', '=', account)
      .where('policy', '=', policy)
      .orderBy('version', 'desc')
      .execute()
  }
}
