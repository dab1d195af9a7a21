import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { AccountId, Database, Principal } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

interface Counted {
  readonly account: AccountId
  count: number
  /** The last time. */
  at: number
}

export interface StatementUse extends Counted {
  readonly statement: string
}

export interface PrincipalUse extends Counted {
  readonly principal: string
  readonly auth: Principal['auth']
}

/** Allowed requests of one day that are alike. */
export interface RequestShape extends Counted {
  /** Days since the epoch, UTC. */
  readonly day: number
  readonly kind: Principal['kind']
  readonly principal: string
  readonly name: string
  readonly auth: Principal['auth']
  readonly mfa: boolean
  readonly action: string
  readonly resource: string
  /** JSON text. */
  readonly context: string
  /** A bit for each hour of the day in which there was one. */
  hours: number
}

export interface UsesToAdd {
  readonly statements: readonly StatementUse[]
  readonly principals: readonly PrincipalUse[]
  readonly shapes: readonly RequestShape[]
  readonly lost: ReadonlyMap<AccountId, number>
  readonly day: number
  readonly at: number
}

/** The tables of uses. */
export class UseStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  async add({ statements, principals, shapes, lost, day, at }: UsesToAdd): Promise<void> {
    await this.#database.write(async (tx) => {
      const accounts = new Set([...statements, ...principals, ...shapes].map(({ account }) => account))
      for (const account of accounts) {
        await tx
          .insertInto('iam_use_since')
          .values({ account, at })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
      for (const { account, statement, count, at } of statements) {
        await tx
          .insertInto('iam_statement_use')
          .values({ account, statement, count, last_at: at })
          .onConflict((conflict) =>
            conflict.columns(['account', 'statement']).doUpdateSet((eb) => ({
              count: eb('iam_statement_use.count', '+', eb.ref('excluded.count')),
              last_at: eb.ref('excluded.last_at'),
            })),
          )
          .execute()
      }
      for (const { account, principal, auth, count, at } of principals) {
        await tx
          .insertInto('iam_principal_use')
          .values({ account, principal, auth, count, last_at: at })
          .onConflict((conflict) =>
            conflict.columns(['account', 'principal', 'auth']).doUpdateSet((eb) => ({
              count: eb('iam_principal_use.count', '+', eb.ref('excluded.count')),
              last_at: eb.ref('excluded.last_at'),
            })),
          )
          .execute()
      }
      for (const { count, at, mfa, ...shape } of shapes) {
        await tx
          .insertInto('iam_request_shape')
          .values({ ...shape, mfa: mfa ? 1 : 0, hash: hashOf({ ...shape, mfa }), count, last_at: at })
          .onConflict((conflict) =>
            conflict.columns(['account', 'day', 'hash']).doUpdateSet((eb) => ({
              count: eb('iam_request_shape.count', '+', eb.ref('excluded.count')),
              hours: sql<number>`iam_request_shape.hours | excluded.hours`,
              last_at: eb.ref('excluded.last_at'),
            })),
          )
          .execute()
      }
      for (const [account, count] of lost) {
        await tx
          .insertInto('iam_request_loss')
          .values({ account, day, count })
          .onConflict((conflict) =>
            conflict
              .columns(['account', 'day'])
              .doUpdateSet((eb) => ({ count: eb('iam_request_loss.count', '+', eb.ref('excluded.count')) })),
          )
          .execute()
      }
    })
  }

  async countShapes(account: AccountId, day: number): Promise<number> {
    const row = await this.#database.read
      .selectFrom('iam_request_shape')
      .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
      .where('account', '=', account)
      .where('day', '=', day)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  }

  /** When uses of the account began to be counted; undefined where they have not. */
  async since(account: AccountId): Promise<number | undefined> {
    const row = await this.#database.read
      .selectFrom('iam_use_since')
      .select('at')
      .where('account', '=', account)
      .executeTakeFirst()
    return row?.at
  }

  async statementUses(account: AccountId): Promise<Map<string, { readonly count: number; readonly at: number }>> {
    const rows = await this.#database.read
      .selectFrom('iam_statement_use')
      .select(['statement', 'count', 'last_at'])
      .where('account', '=', account)
      .execute()
    return new Map(rows.map(({ statement, count, last_at }) => [statement, { count, at: last_at }]))
  }

  principalUses(account: AccountId): Promise<IamTables['iam_principal_use'][]> {
    return this.#database.read.selectFrom('iam_principal_use').selectAll().where('account', '=', account).execute()
  }

  /** A page of shapes from a day on, in a fixed order. */
  shapes(
    account: AccountId,
    { fromDay, after, limit }: { fromDay: number; after?: { day: number; hash: string }; limit: number },
  ): Promise<IamTables['iam_request_shape'][]> {
    let query = this.#database.read
      .selectFrom('iam_request_shape')
      .selectAll()
      .where('account', '=', account)
      .where('day', '>=', fromDay)
    if (after) {
      const { day, hash } = after
      query = query.where((eb) => eb.or([eb('day', '>', day), eb.and([eb('day', '=', day), eb('hash', '>', hash)])]))
    }
    return query.orderBy('day').orderBy('hash').limit(limit).execute()
  }

  /** Allowed requests since a day that were not kept. */
  async lost(account: AccountId, fromDay: number): Promise<number> {
    const row = await this.#database.read
      .selectFrom('iam_request_loss')
      .select((eb) => eb.fn.sum<number | bigint | string | null>('count').as('count'))
      .where('account', '=', account)
      .where('day', '>=', fromDay)
      .executeTakeFirst()
    return Number(row?.count ?? 0)
  }

  /** Actions used since a day, by principal. */
  async actionsUsed(
    account: AccountId,
    fromDay: number,
  ): Promise<{ principal: string; name: string; action: string }[]> {
    return this.#database.read
      .selectFrom('iam_request_shape')
      .select(['principal', 'name', 'action'])
      .distinct()
      .where('account', '=', account)
      .where('day', '>=', fromDay)
      .execute()
  }

  /** Forgets days before one. */
  async prune(day: number): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.deleteFrom('iam_request_shape').where('day', '<', day).execute()
      await tx.deleteFrom('iam_request_loss').where('day', '<', day).execute()
    })
  }
}

function hashOf(shape: object): string {
  return createHash('sha256')
    .update(
      JSON.stringify(
        shape,
        Object.keys(shape)
          .filter((key) => key !== 'hours')
          .sort(),
      ),
    )
    .digest('base64url')
}
