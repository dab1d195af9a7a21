import { sql } from 'kysely'
import type { AccountId, Database } from '../../../platform/index.ts'
import type { BaselineSettings, Exclusion } from '../stream/settings.ts'
import type { BaselinePlace } from '../stream/watcher.ts'

interface BaselineTables {
  detection_baseline: {
    account: string
    workspace: string
    name: string
    enabled: number
    threshold: number
    exclusions: string
    updated_at: number
    revision: number
  }
  detection_baseline_key: { account: string; sealed: string }
}

/** Settings as they are kept. */
export interface StoredSettings extends BaselineSettings {
  readonly workspace: string
  readonly name: string
  readonly updatedAt: number
  readonly revision: number
}

/** The only SQL of baselines. */
export function createBaselineStore(database: Database) {
  const db = database.as<BaselineTables>()
  const ofAccount = (account: AccountId) =>
    db.read.selectFrom('detection_baseline').selectAll().where('account', '=', account)
  return {
    async find({ account, workspace }: BaselinePlace, name: string): Promise<StoredSettings | undefined> {
      const row = await ofAccount(account)
        .where('workspace', '=', workspace)
        .where('name', '=', name)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    /** Those of one workspace, or of all. */
    async list(account: AccountId, workspace?: string): Promise<StoredSettings[]> {
      const query = ofAccount(account).orderBy('workspace').orderBy('name')
      const rows = await (workspace === undefined ? query : query.where('workspace', '=', workspace)).execute()
      return rows.map(fromRow)
    },

    /** They get the revision after the one they had. */
    async put(
      { account, workspace }: BaselinePlace,
      name: string,
      { enabled, threshold, exclusions }: BaselineSettings,
      now: number,
    ): Promise<void> {
      const row = { enabled: enabled ? 1 : 0, threshold, exclusions: JSON.stringify(exclusions), updated_at: now }
      await db.write((tx) =>
        tx
          .insertInto('detection_baseline')
          .values({ account, workspace, name, ...row, revision: 1 })
          .onConflict((conflict) =>
            conflict
              .columns(['account', 'workspace', 'name'])
              .doUpdateSet({ ...row, revision: sql<number>`detection_baseline.revision + 1` }),
          )
          .execute(),
      )
    },

    /** The sealed key of an account: the one that is there, else `made`. */
    async keepKey(account: AccountId, made: () => Promise<string>): Promise<string> {
      const find = () =>
        db.read.selectFrom('detection_baseline_key').select('sealed').where('account', '=', account).executeTakeFirst()
      const known = await find()
      if (known) return known.sealed
      const sealed = await made()
      await db.write((tx) =>
        tx
          .insertInto('detection_baseline_key')
          .values({ account, sealed })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      )
      // Another process may have been first.
      return (await find())?.sealed ?? sealed
    },
  }
}

function fromRow(row: BaselineTables['detection_baseline']): StoredSettings {
  return {
    workspace: row.workspace,
    name: row.name,
    enabled: row.enabled === 1,
    threshold: row.threshold,
    exclusions: JSON.parse(row.exclusions) as readonly Exclusion[],
    updatedAt: row.updated_at,
    revision: row.revision,
  }
}
