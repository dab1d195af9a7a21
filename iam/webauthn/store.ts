import type { Transaction } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

export type CredentialRow = IamTables['iam_webauthn_credential']

interface Owner {
  readonly account: AccountId
  readonly id: string
}

/** An answered challenge, good no longer. */
export interface Spent {
  readonly hash: string
  readonly expiresAt: number
  readonly now: number
}

/** The rows of security keys and passkeys. */
export class WebAuthnStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  /** Oldest first. */
  ofUser({ account, id }: Owner): Promise<CredentialRow[]> {
    return this.#database.read
      .selectFrom('iam_webauthn_credential')
      .selectAll()
      .where('account', '=', account)
      .where('user_id', '=', id)
      .orderBy('created_at')
      .orderBy('id')
      .execute()
  }

  find(account: AccountId, id: string): Promise<CredentialRow | undefined> {
    return this.#database.read
      .selectFrom('iam_webauthn_credential')
      .selectAll()
      .where('account', '=', account)
      .where('id', '=', id)
      .executeTakeFirst()
  }

  /** @returns why not: the challenge was answered before, the key is known, or the user has no room for it */
  insert(row: CredentialRow, spent: Spent, countMax: number): Promise<'inserted' | 'spent' | 'exists' | 'full'> {
    return this.#database.write(async (tx) => {
      if (!(await spend(tx, row.account, spent))) return 'spent'
      const { count } = await tx
        .selectFrom('iam_webauthn_credential')
        .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
        .where('account', '=', row.account)
        .where('user_id', '=', row.user_id)
        .executeTakeFirstOrThrow()
      if (Number(count) >= countMax) return 'full'
      const result = await tx
        .insertInto('iam_webauthn_credential')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return (result.numInsertedOrUpdatedRows ?? 0n) > 0n ? 'inserted' : 'exists'
    })
  }

  /** Spends the challenge and moves the counter on, which only rises; a key that counts nothing stays at zero.
   * @returns why not: both are looked at again here, since another process may have been faster */
  use(
    account: AccountId,
    id: string,
    given: { readonly counter: number; readonly spent: Spent },
  ): Promise<'used' | 'spent' | 'behind'> {
    return this.#database.write(async (tx) => {
      if (!(await spend(tx, account, given.spent))) return 'spent'
      const result = await tx
        .updateTable('iam_webauthn_credential')
        .set({ counter: given.counter, last_used_at: given.spent.now })
        .where('account', '=', account)
        .where('id', '=', id)
        .where((eb) => (given.counter === 0 ? eb('counter', '=', 0) : eb('counter', '<', given.counter)))
        .executeTakeFirst()
      return result.numUpdatedRows > 0n ? 'used' : 'behind'
    })
  }

  async remove({ account, id: userId }: Owner, id: string): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .deleteFrom('iam_webauthn_credential')
        .where('account', '=', account)
        .where('user_id', '=', userId)
        .where('id', '=', id)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    })
  }
}

async function spend(tx: Transaction<IamTables>, account: string, { hash, expiresAt, now }: Spent): Promise<boolean> {
  const result = await tx
    .insertInto('iam_webauthn_spent')
    .values({ account, hash, expires_at: expiresAt })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  // What is over is refused by its time; nobody else comes by to clear it.
  await tx.deleteFrom('iam_webauthn_spent').where('expires_at', '<=', now).execute()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** With the user. */
export async function removeCredentials(
  tx: Transaction<IamTables>,
  { account, id }: { readonly account: string; readonly id: string },
): Promise<void> {
  await tx.deleteFrom('iam_webauthn_credential').where('account', '=', account).where('user_id', '=', id).execute()
}
