import { sql } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import type { RulePlace } from '../store.ts'

interface PipelineTables {
  detection_pipeline: {
    account: string
    workspace: string
    name: string
    text: string
    created_at: number
    updated_at: number
    revision: number
  }
}

/** A pipeline as it is kept. */
export interface StoredPipeline {
  readonly name: string
  /** As it was put: pySigma's YAML. */
  readonly text: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly revision: number
}

/** The only SQL of pipelines. */
export function createPipelineStore(database: Database) {
  const db = database.as<PipelineTables>()
  const ofPlace = ({ account, workspace }: RulePlace) =>
    db.read
      .selectFrom('detection_pipeline')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)

  return {
    async find(place: RulePlace, name: string): Promise<StoredPipeline | undefined> {
      const row = await ofPlace(place).where('name', '=', name).executeTakeFirst()
      return row && fromRow(row)
    },

    /** In order of name. */
    async list(place: RulePlace): Promise<StoredPipeline[]> {
      return (await ofPlace(place).orderBy('name').execute()).map(fromRow)
    },

    async listAll(account: AccountId): Promise<{ place: RulePlace; pipeline: StoredPipeline }[]> {
      const rows = await db.read
        .selectFrom('detection_pipeline')
        .selectAll()
        .where('account', '=', account)
        .orderBy('workspace')
        .orderBy('name')
        .execute()
      return rows.map((row) => ({ place: { account, workspace: row.workspace }, pipeline: fromRow(row) }))
    },

    async put(place: RulePlace, { name, text }: Pick<StoredPipeline, 'name' | 'text'>, now: number): Promise<void> {
      await db.write((tx) =>
        tx
          .insertInto('detection_pipeline')
          .values({ ...place, name, text, created_at: now, updated_at: now, revision: 1 })
          .onConflict((conflict) =>
            conflict.columns(['account', 'workspace', 'name']).doUpdateSet(({ ref }) => ({
              text: ref('excluded.text'),
              updated_at: ref('excluded.updated_at'),
              revision: sql<number>`detection_pipeline.revision + 1`,
            })),
          )
          .execute(),
      )
    },

    async delete({ account, workspace }: RulePlace, name: string): Promise<void> {
      await db.write((tx) =>
        tx
          .deleteFrom('detection_pipeline')
          .where('account', '=', account)
          .where('workspace', '=', workspace)
          .where('name', '=', name)
          .execute(),
      )
    },
  }
}

function fromRow(row: PipelineTables['detection_pipeline']): StoredPipeline {
  const { name, text, created_at: createdAt, updated_at: updatedAt, revision } = row
  return { name, text, createdAt, updatedAt, revision }
}
