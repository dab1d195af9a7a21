import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

export type DecisionRow = IamTables['iam_decision']

/** The table of refusals. */
export class DecisionStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  async insert(rows: readonly DecisionRow[]): Promise<void> {
    await this.#database.write((tx) =>
      tx
        .insertInto('iam_decision')
        .values([...rows])
        .execute(),
    )
  }

  find(account: AccountId, id: string): Promise<DecisionRow | undefined> {
    return this.#database.read
      .selectFrom('iam_decision')
      .selectAll()
      .where('account', '=', account)
      .where('id', '=', id)
      .executeTakeFirst()
  }

  /** Deletes what is older than `before`, and the oldest beyond `countMax`. */
  async prune({ before, countMax }: { readonly before: number; readonly countMax: number }): Promise<void> {
    const surplus = await this.#database.read
      .selectFrom('iam_decision')
      .select('at')
      .orderBy('at', 'desc')
      .offset(countMax)
      .limit(1)
      .executeTakeFirst()
    const upTo = Math.max(before - 1, surplus?.at ?? 0)
    await this.#database.write((tx) => tx.deleteFrom('iam_decision').where('at', '<=', upTo).execute())
  }
}
