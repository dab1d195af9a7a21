import type { Transaction } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

export type PasswordPolicyRow = IamTables['iam_password_policy']

/** The rows of password policies. */
export class PasswordPolicyStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  find(account: AccountId): Promise<PasswordPolicyRow | undefined> {
    return this.#database.read
      .selectFrom('iam_password_policy')
      .selectAll()
      .where('account', '=', account)
      .executeTakeFirst()
  }

  /** May repeat. */
  async put({ account, ...set }: PasswordPolicyRow): Promise<void> {
    await this.#database.write((tx) =>
      tx
        .insertInto('iam_password_policy')
        .values({ account, ...set })
        .onConflict((conflict) => conflict.column('account').doUpdateSet(set))
        .execute(),
    )
  }

  /** Newest first. */
  async history(account: AccountId, userId: string, countMax: number): Promise<string[]> {
    const rows = await this.#database.read
      .selectFrom('iam_password_history')
      .select('hash')
      .where('account', '=', account)
      .where('user_id', '=', userId)
      .orderBy('created_at', 'desc')
      .limit(countMax)
      .execute()
    return rows.map(({ hash }) => hash)
  }
}

/** Keeps a password's hash, and of those before it the newest. */
export async function recordPassword(
  tx: Transaction<IamTables>,
  row: IamTables['iam_password_history'],
  countMax: number,
): Promise<void> {
  await tx.insertInto('iam_password_history').values(row).execute()
  const kept = tx
    .selectFrom('iam_password_history')
    .select('hash')
    .where('account', '=', row.account)
    .where('user_id', '=', row.user_id)
    .orderBy('created_at', 'desc')
    .limit(countMax)
  await tx
    .deleteFrom('iam_password_history')
    .where('account', '=', row.account)
    .where('user_id', '=', row.user_id)
    .where('hash', 'not in', kept)
    .execute()
}

/** With the user. */
export async function removePasswords(
  tx: Transaction<IamTables>,
  { account, id }: { readonly account: string; readonly id: string },
): Promise<void> {
  await tx.deleteFrom('iam_password_history').where('account', '=', account).where('user_id', '=', id).execute()
}
