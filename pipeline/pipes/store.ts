import type { AccountId, Database } from '../../platform/index.ts'
import type { FieldType, PipeAddress } from '../types.ts'
import type { Pipe, PipeSettings } from './types.ts'

const SHARDS_PER_PIPE = 1

interface PipeTables {
  workspace: { account: string; name: string; created_at: number }
  dataspace: { account: string; workspace: string; name: string; created_at: number }
  pipe: {
    account: string
    workspace: string
    dataspace: string
    name: string
    fields: string
    retention_days: number | null
    created_at: number
    updated_at: number
  }
}

/** A page of names: those after `after`, in order. */
export interface NamePage {
  readonly after?: string
  readonly limit: number
}

/** The only SQL of the registry. */
export function createPipeStore(database: Database) {
  const db = database.as<PipeTables>()
  return {
    async putWorkspace(account: AccountId, name: string, now: number): Promise<void> {
      await db.write((tx) =>
        tx
          .insertInto('workspace')
          .values({ account, name, created_at: now })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      )
    },

    async hasWorkspace(account: AccountId, name: string): Promise<boolean> {
      const row = await db.read
        .selectFrom('workspace')
        .select('name')
        .where('account', '=', account)
        .where('name', '=', name)
        .executeTakeFirst()
      return row !== undefined
    },

    async listWorkspaces(account: AccountId, page: NamePage): Promise<string[]> {
      const rows = await db.read
        .selectFrom('workspace')
        .select('name')
        .where('account', '=', account)
        .where('name', '>', page.after ?? '')
        .orderBy('name')
        .limit(page.limit)
        .execute()
      return rows.map((row) => row.name)
    },

    async putDataspace(account: AccountId, workspace: string, name: string, now: number): Promise<void> {
      await db.write((tx) =>
        tx
          .insertInto('dataspace')
          .values({ account, workspace, name, created_at: now })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      )
    },

    async hasDataspace(account: AccountId, workspace: string, name: string): Promise<boolean> {
      const row = await db.read
        .selectFrom('dataspace')
        .select('name')
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('name', '=', name)
        .executeTakeFirst()
      return row !== undefined
    },

    async listDataspaces(account: AccountId, workspace: string, page: NamePage): Promise<string[]> {
      const rows = await db.read
        .selectFrom('dataspace')
        .select('name')
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('name', '>', page.after ?? '')
        .orderBy('name')
        .limit(page.limit)
        .execute()
      return rows.map((row) => row.name)
    },

    async putPipe(address: PipeAddress, settings: PipeSettings, now: number): Promise<void> {
      const { account, workspace, dataspace, pipe: name } = address
      const changed = {
        fields: JSON.stringify(settings.fields),
        retention_days: settings.retentionDays ?? null,
        updated_at: now,
      }
      await db.write((tx) =>
        tx
          .insertInto('pipe')
          .values({ account, workspace, dataspace, name, created_at: now, ...changed })
          .onConflict((conflict) =>
            conflict.columns(['account', 'workspace', 'dataspace', 'name']).doUpdateSet(changed),
          )
          .execute(),
      )
    },

    async findPipe(address: PipeAddress): Promise<Pipe | undefined> {
      const row = await db.read
        .selectFrom('pipe')
        .selectAll()
        .where('account', '=', address.account)
        .where('workspace', '=', address.workspace)
        .where('dataspace', '=', address.dataspace)
        .where('name', '=', address.pipe)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async listPipes(account: AccountId, workspace: string, dataspace: string, page: NamePage): Promise<Pipe[]> {
      const rows = await db.read
        .selectFrom('pipe')
        .selectAll()
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('dataspace', '=', dataspace)
        .where('name', '>', page.after ?? '')
        .orderBy('name')
        .limit(page.limit)
        .execute()
      return rows.map(fromRow)
    },

    /** Every pipe of an account. */
    async listAllPipes(account: AccountId): Promise<Pipe[]> {
      return (await db.read.selectFrom('pipe').selectAll().where('account', '=', account).execute()).map(fromRow)
    },
  }
}

export type PipeStore = ReturnType<typeof createPipeStore>

function fromRow(row: PipeTables['pipe']): Pipe {
  return {
    account: row.account as AccountId,
    workspace: row.workspace,
    dataspace: row.dataspace,
    pipe: row.name,
    shardCount: SHARDS_PER_PIPE,
    fields: JSON.parse(row.fields) as Record<string, FieldType>,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.retention_days === null ? {} : { retentionDays: row.retention_days }),
  }
}
