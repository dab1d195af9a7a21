import type { Kysely, Transaction } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'
import type { HolderKind } from '../types.ts'
import type { StoredAccessState } from './tables.ts'

export type AccessRow = IamTables['iam_access_request']
export type VoiceRow = IamTables['iam_access_voice']

export interface AccessRows {
  readonly request: AccessRow
  /** In the order in which they were given. */
  readonly voices: readonly VoiceRow[]
}

type Which = { readonly account: AccountId; readonly name: string } | 'all'

/** What a user read into memory needs of these tables. */
export interface UserAccessRows {
  /** Approved, not ended and not over. */
  readonly active: readonly AccessRow[]
  readonly breakGlass: readonly IamTables['iam_break_glass'][]
  readonly custodians: readonly IamTables['iam_custodian'][]
}

export async function readUserAccess(db: Kysely<IamTables>, which: Which, now: number): Promise<UserAccessRows> {
  let active = db
    .selectFrom('iam_access_request')
    .selectAll()
    .where('state', '=', 'approved')
    .where('expires_at', '>', now)
  let breakGlass = db.selectFrom('iam_break_glass').selectAll()
  let custodians = db.selectFrom('iam_custodian').selectAll()
  if (which !== 'all') {
    const { account, name } = which
    active = active
      .where('account', '=', account)
      .where((eb) =>
        eb.or([eb('requester', '=', name), eb.and([eb('kind', '=', 'breakGlass'), eb('target', '=', name)])]),
      )
    breakGlass = breakGlass.where('account', '=', account).where('user_name', '=', name)
    custodians = custodians.where('account', '=', account)
  }
  return {
    active: await active.orderBy('id').execute(),
    breakGlass: await breakGlass.execute(),
    custodians: await custodians.execute(),
  }
}

/** The tables of access for a time inside one change. */
export class AccessWriter {
  readonly #tx: Transaction<IamTables>
  readonly #account: AccountId
  readonly #touch: (noun: HolderKind, name: string) => void

  constructor(tx: Transaction<IamTables>, account: AccountId, touch: (noun: HolderKind, name: string) => void) {
    this.#tx = tx
    this.#account = account
    this.#touch = touch
  }

  async insert(row: Omit<AccessRow, 'account' | 'state' | 'starts_at' | 'expires_at' | 'ended_at' | 'ended_by'>) {
    const open = { state: 'pending' as const, starts_at: null, expires_at: null, ended_at: null, ended_by: null }
    await this.#tx
      .insertInto('iam_access_request')
      .values({ account: this.#account, ...row, ...open })
      .execute()
  }

  read(id: string): Promise<AccessRows | undefined> {
    return readRequest(this.#tx, this.#account, id)
  }

  /** Asked by a user, or for a break-glass user, and neither decided nor lapsed. */
  async countPending(by: { readonly requester: string } | 'anybody', now: number): Promise<number> {
    let query = this.#tx
      .selectFrom('iam_access_request')
      .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
      .where('account', '=', this.#account)
      .where('state', '=', 'pending')
      .where('lapses_at', '>', now)
    if (by !== 'anybody') query = query.where('requester', '=', by.requester)
    const row = await query.executeTakeFirstOrThrow()
    return Number(row.count)
  }

  /** Approved for a user and not over. */
  async countActive(requester: string, now: number): Promise<number> {
    const row = await this.#tx
      .selectFrom('iam_access_request')
      .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
      .where('account', '=', this.#account)
      .where('requester', '=', requester)
      .where('state', '=', 'approved')
      .where('expires_at', '>', now)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  }

  async addVoice(row: Omit<VoiceRow, 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_access_voice')
      .values({ account: this.#account, ...row })
      .execute()
  }

  /** @param user whose access changes by it */
  async update(
    id: string,
    set: Partial<Pick<AccessRow, 'state' | 'starts_at' | 'expires_at' | 'ended_at' | 'ended_by'>>,
    user: string,
  ): Promise<void> {
    await this.#tx
      .updateTable('iam_access_request')
      .set(set)
      .where('account', '=', this.#account)
      .where('id', '=', id)
      .execute()
    this.#touch('user', user)
  }

  /** What was granted is deleted, and with it what requests said of it. */
  async endFor(kind: AccessRow['kind'], target: string): Promise<void> {
    const ended = await this.#tx
      .updateTable('iam_access_request')
      .set({ state: 'revoked' })
      .where('account', '=', this.#account)
      .where('kind', '=', kind)
      .where('target', '=', target)
      .where('state', 'in', ['pending', 'approved'])
      .returning('requester')
      .execute()
    for (const { requester } of ended) this.#touch('user', requester)
  }

  /** Forgets what is over, oldest first, until `countMax` are left. */
  async prune(countMax: number, now: number): Promise<void> {
    const over = await this.#tx
      .selectFrom('iam_access_request')
      .select('id')
      .where('account', '=', this.#account)
      .where((eb) =>
        eb.or([
          eb('state', 'in', ['rejected', 'cancelled', 'revoked'] satisfies StoredAccessState[]),
          eb('expires_at', '<=', now),
          eb.and([eb('state', '=', 'pending'), eb('lapses_at', '<=', now)]),
        ]),
      )
      .orderBy('id', 'desc')
      .offset(countMax)
      .limit(1_000)
      .execute()
    if (over.length === 0) return
    const ids = over.map(({ id }) => id)
    const ofAccount = { account: this.#account }
    await this.#tx
      .deleteFrom('iam_access_voice')
      .where('account', '=', ofAccount.account)
      .where('request', 'in', ids)
      .execute()
    await this.#tx
      .deleteFrom('iam_access_request')
      .where('account', '=', ofAccount.account)
      .where('id', 'in', ids)
      .execute()
  }

  /** The user acts only while opened from now on; who may open it is replaced. */
  async putBreakGlass(user: { readonly id: string; readonly name: string }, custodianIds: readonly string[]) {
    await this.deleteBreakGlass(user)
    await this.#tx
      .insertInto('iam_break_glass')
      .values({ account: this.#account, user_id: user.id, user_name: user.name })
      .execute()
    const rows = custodianIds.map((id) => ({ account: this.#account, user_id: user.id, custodian_id: id }))
    await this.#tx.insertInto('iam_custodian').values(rows).execute()
  }

  /** @returns false where the user was none */
  async deleteBreakGlass(user: { readonly id: string; readonly name: string }): Promise<boolean> {
    await this.#tx
      .deleteFrom('iam_custodian')
      .where('account', '=', this.#account)
      .where('user_id', '=', user.id)
      .execute()
    const result = await this.#tx
      .deleteFrom('iam_break_glass')
      .where('account', '=', this.#account)
      .where('user_id', '=', user.id)
      .executeTakeFirst()
    this.#touch('user', user.name)
    return result.numDeletedRows > 0n
  }
}

/** The rows of access for a time. */
export class AccessStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  find(account: AccountId, id: string): Promise<AccessRows | undefined> {
    return readRequest(this.#database.read, account, id)
  }

  /** Newest first. */
  async list(account: AccountId, countMax: number): Promise<AccessRows[]> {
    const requests = await this.#database.read
      .selectFrom('iam_access_request')
      .selectAll()
      .where('account', '=', account)
      .orderBy('id', 'desc')
      .limit(countMax)
      .execute()
    const voices = await this.#database.read
      .selectFrom('iam_access_voice')
      .selectAll()
      .where('account', '=', account)
      .orderBy('at')
      .execute()
    const byRequest = Map.groupBy(voices, (voice) => voice.request)
    return requests.map((request) => ({ request, voices: byRequest.get(request.id) ?? [] }))
  }
}

async function readRequest(db: Kysely<IamTables>, account: AccountId, id: string): Promise<AccessRows | undefined> {
  const request = await db
    .selectFrom('iam_access_request')
    .selectAll()
    .where('account', '=', account)
    .where('id', '=', id)
    .executeTakeFirst()
  if (!request) return undefined
  const voices = await db
    .selectFrom('iam_access_voice')
    .selectAll()
    .where('account', '=', account)
    .where('request', '=', id)
    .orderBy('at')
    .execute()
  return { request, voices }
}
