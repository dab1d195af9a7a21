import type { Transaction } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'

/** A user by its id, so that one made again under a name starts without the device of the one before. */
export interface MfaOwner {
  readonly account: AccountId
  readonly id: string
}

export interface TotpDevice {
  readonly sealedSecret: Uint8Array
  readonly confirmed: boolean
  readonly lastStep: number
  readonly createdAt: number
}

/** The rows of second factors. */
export class MfaStore {
  readonly #database: Database<IamTables>

  constructor(database: Database) {
    this.#database = database.as<IamTables>()
  }

  async find({ account, id }: MfaOwner): Promise<TotpDevice | undefined> {
    const row = await this.#database.read
      .selectFrom('iam_totp')
      .selectAll()
      .where('account', '=', account)
      .where('user_id', '=', id)
      .executeTakeFirst()
    return (
      row && {
        sealedSecret: row.sealed_secret,
        confirmed: row.confirmed === 1,
        lastStep: row.last_step,
        createdAt: row.created_at,
      }
    )
  }

  /** In place of one that was not confirmed. @returns false where there is a confirmed one */
  enrol({ account, id }: MfaOwner, device: Pick<TotpDevice, 'sealedSecret' | 'createdAt'>): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const set = { sealed_secret: device.sealedSecret, created_at: device.createdAt, last_step: -1 }
      const result = await tx
        .insertInto('iam_totp')
        .values({ account, user_id: id, confirmed: 0, ...set })
        .onConflict((conflict) =>
          conflict.columns(['account', 'user_id']).doUpdateSet(set).where('iam_totp.confirmed', '=', 0),
        )
        .executeTakeFirst()
      return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
    })
  }

  /** Spends a step and confirms the device. @param sealedSecret of the device whose code was checked
   * @returns false where it is confirmed or another by now */
  confirm(
    owner: MfaOwner,
    given: { readonly sealedSecret: Uint8Array; readonly step: number; readonly recoveryHashes: readonly string[] },
  ): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .updateTable('iam_totp')
        .set({ confirmed: 1, last_step: given.step })
        .where('account', '=', owner.account)
        .where('user_id', '=', owner.id)
        .where('confirmed', '=', 0)
        .where('sealed_secret', '=', given.sealedSecret)
        .executeTakeFirst()
      if (result.numUpdatedRows === 0n) return false
      const rows = given.recoveryHashes.map((hash) => ({ account: owner.account, user_id: owner.id, hash }))
      await tx.insertInto('iam_recovery_code').values(rows).execute()
      return true
    })
  }

  /** Takes a step and all before it out of use. @returns false where that happened already: the code is a replay */
  spendStep({ account, id }: MfaOwner, step: number): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .updateTable('iam_totp')
        .set({ last_step: step })
        .where('account', '=', account)
        .where('user_id', '=', id)
        .where('confirmed', '=', 1)
        .where('last_step', '<', step)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    })
  }

  /** @returns false where there is no such code, or no longer */
  spendRecoveryCode({ account, id }: MfaOwner, hash: string): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const result = await tx
        .deleteFrom('iam_recovery_code')
        .where('account', '=', account)
        .where('user_id', '=', id)
        .where('hash', '=', hash)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    })
  }

  async countRecoveryCodes({ account, id }: MfaOwner): Promise<number> {
    const row = await this.#database.read
      .selectFrom('iam_recovery_code')
      .select((eb) => eb.fn.countAll<number | bigint>().as('count'))
      .where('account', '=', account)
      .where('user_id', '=', id)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  }

  remove(owner: MfaOwner): Promise<boolean> {
    return this.#database.write((tx) => removeSecondFactor(tx, owner))
  }
}

/** @returns false where there was none */
export async function removeSecondFactor(
  tx: Transaction<IamTables>,
  { account, id }: { readonly account: string; readonly id: string },
): Promise<boolean> {
  await tx.deleteFrom('iam_recovery_code').where('account', '=', account).where('user_id', '=', id).execute()
  const result = await tx
    .deleteFrom('iam_totp')
    .where('account', '=', account)
    .where('user_id', '=', id)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}
