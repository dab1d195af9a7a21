import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

type EntryRow = IamTables['iam_oidc_entry']
type KeyRow = IamTables['iam_oidc_key']
export type AppRow = IamTables['iam_app_registration']

/** What an entry is found by. Ids are hashes: who reads the table holds no token. */
export interface EntryKey {
  readonly column: 'id' | 'uid' | 'user_code'
  readonly hash: string
}

const PRUNE_EVERY_MS = 60_000
/** After its time, so that who comes late is told so. */
const KEPT_MS = 10 * 60_000

/** The rows of the OpenID Connect provider. */
export class OidcStore {
  readonly #database: Database<IamTables>
  #prunedAt = 0

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  /** May repeat: the payload is replaced, what was consumed stays so. */
  async putEntry(row: Omit<EntryRow, 'consumed_at'>): Promise<void> {
    await this.#database.write((tx) =>
      tx
        .insertInto('iam_oidc_entry')
        .values({ ...row, consumed_at: null })
        .onConflict((conflict) =>
          conflict.columns(['account', 'kind', 'id']).doUpdateSet({
            grant_id: row.grant_id,
            uid: row.uid,
            user_code: row.user_code,
            expires_at: row.expires_at,
            sealed_payload: row.sealed_payload,
          }),
        )
        .execute(),
    )
  }

  /** @returns false where there is such an entry already */
  insertEntry(row: Omit<EntryRow, 'consumed_at'>): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .insertInto('iam_oidc_entry')
        .values({ ...row, consumed_at: null })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
    })
  }

  /** Also where its time is over: the provider answers differently for late than for unknown. */
  findEntry(account: AccountId, kind: string, { column, hash }: EntryKey): Promise<EntryRow | undefined> {
    return this.#database.read
      .selectFrom('iam_oidc_entry')
      .selectAll()
      .where('account', '=', account)
      .where('kind', '=', kind)
      .where(column, '=', hash)
      .executeTakeFirst()
  }

  /** @returns false where it was consumed before, or is gone */
  consumeEntry(account: AccountId, kind: string, id: string, now: number): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .updateTable('iam_oidc_entry')
        .set({ consumed_at: now })
        .where('account', '=', account)
        .where('kind', '=', kind)
        .where('id', '=', id)
        .where('consumed_at', 'is', null)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    })
  }

  async deleteEntry(account: AccountId, kind: string, id: string): Promise<void> {
    await this.#database.write((tx) =>
      tx
        .deleteFrom('iam_oidc_entry')
        .where('account', '=', account)
        .where('kind', '=', kind)
        .where('id', '=', id)
        .execute(),
    )
  }

  /** Everything made under a grant; with `kind` only entries of it. */
  async deleteOfGrant(account: AccountId, grantId: string, kind?: string): Promise<void> {
    await this.#database.write(async (tx) => {
      let query = tx.deleteFrom('iam_oidc_entry').where('account', '=', account).where('grant_id', '=', grantId)
      if (kind !== undefined) query = query.where('kind', '=', kind)
      await query.execute()
    })
  }

  /** Nobody else comes by to clear what is over. */
  async pruneNowAndThen(now: number): Promise<void> {
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return
    this.#prunedAt = now
    await this.#database.write((tx) =>
      tx
        .deleteFrom('iam_oidc_entry')
        .where('expires_at', '<=', now - KEPT_MS)
        .execute(),
    )
  }

  /** Makes keys that are missing, one process at a time. @param missing says what to add to the keys that are there
   * @returns all that stand, the oldest first */
  ensureKeys(
    account: AccountId,
    missing: (rows: readonly KeyRow[]) => Promise<readonly KeyRow[]>,
  ): Promise<readonly KeyRow[]> {
    return this.#database.write(async (tx) => {
      // Processes take turns on this row; the number stays as it is.
      await tx
        .updateTable('iam_revision')
        .set((eb) => ({ number: eb('number', '+', 0) }))
        .where('id', '=', 1)
        .execute()
      const rows = await tx
        .selectFrom('iam_oidc_key')
        .selectAll()
        .where('account', '=', account)
        .orderBy('signs_from')
        .execute()
      const made = await missing(rows)
      for (const row of made) await tx.insertInto('iam_oidc_key').values(row).execute()
      return [...rows, ...made]
    })
  }

  apps(account: AccountId): Promise<AppRow[]> {
    return this.#database.read
      .selectFrom('iam_app_registration')
      .selectAll()
      .where('account', '=', account)
      .orderBy('id')
      .execute()
  }

  app(account: AccountId, id: string): Promise<AppRow | undefined> {
    return this.#database.read
      .selectFrom('iam_app_registration')
      .selectAll()
      .where('account', '=', account)
      .where('id', '=', id)
      .executeTakeFirst()
  }

  /** @returns false where the account has `max` already */
  insertApp(row: AppRow, max: number): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const { count } = await tx
        .selectFrom('iam_app_registration')
        .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
        .where('account', '=', row.account)
        .executeTakeFirstOrThrow()
      if (Number(count) >= max) return false
      await tx.insertInto('iam_app_registration').values(row).execute()
      return true
    })
  }

  updateApp(account: AccountId, id: string, set: Partial<Pick<AppRow, 'name' | 'sealed_metadata'>>): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .updateTable('iam_app_registration')
        .set(set)
        .where('account', '=', account)
        .where('id', '=', id)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    })
  }

  deleteApp(account: AccountId, id: string): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .deleteFrom('iam_app_registration')
        .where('account', '=', account)
        .where('id', '=', id)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    })
  }
}
