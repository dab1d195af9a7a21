import type { Migration } from '../../platform/index.ts'

/** The registry of workspaces, dataspaces and pipes. */
export const pipeMigrations: readonly Migration[] = [
  {
    name: 'pipeline/0001-pipes',
    async up(db) {
      await db.schema
        .createTable('workspace')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('workspace_pk', ['account', 'name'])
        .execute()
      await db.schema
        .createTable('dataspace')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('dataspace_pk', ['account', 'workspace', 'name'])
        .execute()
      await db.schema
        .createTable('pipe')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('dataspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('fields', 'text', (column) => column.notNull())
        .addColumn('retention_days', 'integer')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('pipe_pk', ['account', 'workspace', 'dataspace', 'name'])
        .execute()
    },
  },
]
