import type { Transaction } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import type { RulePlace } from '../store.ts'

interface ExclusionTables {
  detection_exclusion: {
    account: string
    workspace: string
    rule_id: string
    name: string
    text: string
    owner: string
    reason: string
    until_at: number | null
    created_at: number
    updated_at: number
    revision: number
    hits: number
    last_hit_at: number | null
  }
}

/** An exclusion as it is kept. */
export interface StoredExclusion {
  readonly ruleId: string
  readonly name: string
  /** A Sigma filter, as it was put. */
  readonly text: string
  readonly owner: string
  readonly reason: string
  readonly untilAt?: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly revision: number
  /** Matches it left out, and when the last of them happened. */
  readonly hits: number
  readonly lastHitAt?: number
}

export type ExclusionRow = Pick<StoredExclusion, 'ruleId' | 'name' | 'text' | 'owner' | 'reason' | 'untilAt'>

/** What an exclusion says, and how long. */
export type ExclusionText = Pick<StoredExclusion, 'name' | 'text' | 'untilAt'>

/** The only SQL of exclusions. */
export function createExclusionStore(database: Database) {
  const db = database.as<ExclusionTables>()

  return {
    async listAll(account: AccountId): Promise<{ place: RulePlace; exclusion: StoredExclusion }[]> {
      const rows = await db.read
        .selectFrom('detection_exclusion')
        .selectAll()
        .where('account', '=', account)
        .orderBy('workspace')
        .orderBy('rule_id')
        .orderBy('name')
        .execute()
      return rows.map((row) => ({ place: { account, workspace: row.workspace }, exclusion: fromRow(row) }))
    },

    async listPlace(place: RulePlace): Promise<StoredExclusion[]> {
      return (await ofPlace(db.read, place).orderBy('rule_id').orderBy('name').execute()).map(fromRow)
    },

    async listRule(place: RulePlace, ruleId: string): Promise<StoredExclusion[]> {
      return (await ofPlace(db.read, place).where('rule_id', '=', ruleId).orderBy('name').execute()).map(fromRow)
    },

    async find(place: RulePlace, ruleId: string, name: string): Promise<StoredExclusion | undefined> {
      const row = await ofPlace(db.read, place)
        .where('rule_id', '=', ruleId)
        .where('name', '=', name)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async put({ account, workspace }: RulePlace, row: ExclusionRow, now: number): Promise<void> {
      const { ruleId, name, text, owner, reason, untilAt } = row
      const columns = { text, owner, reason, until_at: untilAt ?? null, updated_at: now }
      await db.write((tx) =>
        tx
          .insertInto('detection_exclusion')
          .values({
            ...{ account, workspace, rule_id: ruleId, name },
            ...columns,
            ...{ created_at: now, revision: 1, hits: 0, last_hit_at: null },
          })
          .onConflict((conflict) =>
            conflict
              .columns(['account', 'workspace', 'rule_id', 'name'])
              .doUpdateSet((old) => ({ ...columns, revision: old('detection_exclusion.revision', '+', 1) })),
          )
          .execute(),
      )
    },

    async delete({ account, workspace }: RulePlace, ruleId: string, name: string): Promise<void> {
      await db.write((tx) =>
        tx
          .deleteFrom('detection_exclusion')
          .where('account', '=', account)
          .where('workspace', '=', workspace)
          .where('rule_id', '=', ruleId)
          .where('name', '=', name)
          .execute(),
      )
    },
  }
}

function ofPlace(db: Pick<Transaction<ExclusionTables>, 'selectFrom'>, { account, workspace }: RulePlace) {
  return db
    .selectFrom('detection_exclusion')
    .selectAll()
    .where('account', '=', account)
    .where('workspace', '=', workspace)
}

function fromRow(row: ExclusionTables['detection_exclusion']): StoredExclusion {
  return {
    ruleId: row.rule_id,
    name: row.name,
    text: row.text,
    owner: row.owner,
    reason: row.reason,
    ...(row.until_at === null ? {} : { untilAt: row.until_at }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
    hits: row.hits,
    ...(row.last_hit_at === null ? {} : { lastHitAt: row.last_hit_at }),
  }
}
