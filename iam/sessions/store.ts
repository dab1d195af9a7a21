import type { Kysely, Transaction } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

export type SessionRow = IamTables['iam_session']
export type DeviceRow = IamTables['iam_device']

type Which = { readonly account: AccountId; readonly name: string } | 'all'

/** How long sessions that ended are kept. */
const SESSIONS_KEPT_MS = 24 * 3_600_000

/** Sessions that decisions have to know of: revoked or on a device, and not over. */
export function readMarkedSessions(db: Kysely<IamTables>, which: Which, now: number): Promise<SessionRow[]> {
  let query = db
    .selectFrom('iam_session')
    .selectAll()
    .where('expires_at', '>', now)
    .where((eb) => eb.or([eb('revoked_at', 'is not', null), eb('device', 'is not', null)]))
  if (which !== 'all') query = query.where('account', '=', which.account).where('id', '=', which.name)
  return query.execute()
}

export function readDevices(db: Kysely<IamTables>, which: Which): Promise<DeviceRow[]> {
  let query = db.selectFrom('iam_device').selectAll()
  if (which !== 'all') query = query.where('account', '=', which.account).where('id', '=', which.name)
  return query.execute()
}

/** The tables of sessions and devices inside one change. */
export class SessionWriter {
  readonly #tx: Transaction<IamTables>
  readonly #account: AccountId
  readonly #touch: (noun: 'session' | 'device', name: string) => void

  constructor(
    tx: Transaction<IamTables>,
    account: AccountId,
    touch: (noun: 'session' | 'device', name: string) => void,
  ) {
    this.#tx = tx
    this.#account = account
    this.#touch = touch
  }

  /** @returns false where the user has no such session */
  async update(
    session: { readonly id: string; readonly userName: string },
    set: Partial<Pick<SessionRow, 'revoked_at' | 'device'>>,
  ): Promise<boolean> {
    const result = await this.#tx
      .updateTable('iam_session')
      .set(set)
      .where('account', '=', this.#account)
      .where('id', '=', session.id)
      .where('user_name', '=', session.userName)
      .executeTakeFirst()
    this.#touch('session', session.id)
    return result.numUpdatedRows > 0n
  }

  async device(id: string): Promise<DeviceRow | undefined> {
    const [row] = await readDevices(this.#tx, { account: this.#account, name: id })
    return row
  }

  async countDevices(): Promise<number> {
    const row = await this.#tx
      .selectFrom('iam_device')
      .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
      .where('account', '=', this.#account)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  }

  /** May repeat: what it is replaced, when it came stays. */
  async putDevice(row: Omit<DeviceRow, 'account'>): Promise<void> {
    const { name, user_id, managed, posture, updated_at } = row
    await this.#tx
      .insertInto('iam_device')
      .values({ account: this.#account, ...row })
      .onConflict((conflict) =>
        conflict.columns(['account', 'id']).doUpdateSet({ name, user_id, managed, posture, updated_at }),
      )
      .execute()
    this.#touch('device', row.id)
  }

  async deleteDevice(id: string): Promise<boolean> {
    const result = await this.#tx
      .deleteFrom('iam_device')
      .where('account', '=', this.#account)
      .where('id', '=', id)
      .executeTakeFirst()
    this.#touch('device', id)
    return result.numDeletedRows > 0n
  }
}

/** The rows of sessions. */
export class SessionStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  /** No decision depends on it: what a session says is in its token. */
  async insert(row: Omit<SessionRow, 'revoked_at' | 'device'>): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx
        .insertInto('iam_session')
        .values({ ...row, revoked_at: null, device: null })
        .execute()
      // What ended says nothing more; nobody else comes by to clear it.
      await tx
        .deleteFrom('iam_session')
        .where('expires_at', '<', row.created_at - SESSIONS_KEPT_MS)
        .execute()
    })
  }

  /** Those that are not over, newest first. */
  ofUser(
    account: AccountId,
    userName: string,
    given: { readonly now: number; readonly countMax: number },
  ): Promise<SessionRow[]> {
    return this.#database.read
      .selectFrom('iam_session')
      .selectAll()
      .where('account', '=', account)
      .where('user_name', '=', userName)
      .where('expires_at', '>', given.now)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(given.countMax)
      .execute()
  }
}
