import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

export type ProviderRow = IamTables['iam_identity_provider']

/** The rows of identity providers. */
export class IdentityProviderStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  list(account: AccountId): Promise<ProviderRow[]> {
    return this.#database.read
      .selectFrom('iam_identity_provider')
      .selectAll()
      .where('account', '=', account)
      .orderBy('name')
      .execute()
  }

  find(account: AccountId, by: { readonly column: 'name' | 'issuer'; readonly value: string }) {
    return this.#database.read
      .selectFrom('iam_identity_provider')
      .selectAll()
      .where('account', '=', account)
      .where(by.column, '=', by.value)
      .executeTakeFirst()
  }

  /** Replaces the one of the name. @returns why not: another has the issuer, or there are too many */
  put(row: ProviderRow, countMax: number): Promise<'put' | 'exists' | 'full'> {
    return this.#database.write(async (tx) => {
      const rows = await tx
        .selectFrom('iam_identity_provider')
        .select(['name', 'issuer'])
        .where('account', '=', row.account)
        .execute()
      const others = rows.filter(({ name }) => name !== row.name)
      if (others.some(({ issuer }) => issuer === row.issuer)) return 'exists'
      if (others.length >= countMax) return 'full'
      const { issuer, audiences, algorithms, jwks } = row
      await tx
        .insertInto('iam_identity_provider')
        .values(row)
        .onConflict((conflict) =>
          conflict.columns(['account', 'name']).doUpdateSet({ issuer, audiences, algorithms, jwks }),
        )
        .execute()
      return 'put'
    })
  }

  delete(account: AccountId, name: string): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .deleteFrom('iam_identity_provider')
        .where('account', '=', account)
        .where('name', '=', name)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    })
  }
}
