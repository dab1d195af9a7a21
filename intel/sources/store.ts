import { sql, type Transaction } from 'kysely'
import type { Database } from '../../platform/index.ts'
import type { Place } from '../types.ts'
import { WEIGHT_DEFAULT } from '../worth.ts'

export interface SourceTables {
  intel_source: {
    account: string
    workspace: string
    name: string
    weight: number
    true_positives: number
    false_positives: number
    updated_at: number
  }
}

/** Whose word indicators are, and how often it was judged right and wrong. */
export interface Source {
  readonly name: string
  /** Percent. */
  readonly weight: number
  readonly truePositives: number
  readonly falsePositives: number
  readonly updatedAt: number
}

export type SourceStore = ReturnType<typeof createSourceStore>

/** The only SQL of sources, but for what verdicts count (`countJudged`). */
export function createSourceStore(database: Database) {
  const db = database.as<SourceTables>()
  return {
    async list(place: Place): Promise<Source[]> {
      const rows = await db.read
        .selectFrom('intel_source')
        .selectAll()
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .orderBy('name')
        .execute()
      return rows.map((row) => ({
        name: row.name,
        weight: row.weight,
        truePositives: row.true_positives,
        falsePositives: row.false_positives,
        updatedAt: row.updated_at,
      }))
    },

    /** Workspaces of an account whose sources were weighed or judged. */
    async workspaces(account: Place['account']): Promise<string[]> {
      const rows = await db.read
        .selectFrom('intel_source')
        .select('workspace')
        .distinct()
        .where('account', '=', account)
        .execute()
      return rows.map(({ workspace }) => workspace)
    },

    async setWeight(place: Place, name: string, weight: number, now: number): Promise<void> {
      await db.write((tx) =>
        tx
          .insertInto('intel_source')
          .values({ ...place, name, weight, true_positives: 0, false_positives: 0, updated_at: now })
          .onConflict((conflict) =>
            conflict.columns(['account', 'workspace', 'name']).doUpdateSet({ weight, updated_at: now }),
          )
          .execute(),
      )
    },
  }
}

/** Counts what a verdict says of sources, within the transaction that keeps it. */
export async function countJudged(
  tx: Pick<Transaction<SourceTables>, 'insertInto'>,
  place: Place,
  judged: { readonly sources: readonly string[]; readonly right: number; readonly wrong: number; readonly now: number },
): Promise<void> {
  const { sources, right, wrong, now } = judged
  for (const name of sources) {
    await tx
      .insertInto('intel_source')
      .values({
        ...{ ...place, name, weight: WEIGHT_DEFAULT, updated_at: now },
        ...{ true_positives: Math.max(0, right), false_positives: Math.max(0, wrong) },
      })
      .onConflict((conflict) =>
        conflict.columns(['account', 'workspace', 'name']).doUpdateSet({
          true_positives: sql<number>`intel_source.true_positives + ${right}`,
          false_positives: sql<number>`intel_source.false_positives + ${wrong}`,
        }),
      )
      .execute()
  }
}
