import type { Migration } from '../../../platform/index.ts'

/** The tables of baselines: how workspaces set them, and each account's key. What is learned is state of the shards. */
export const baselineMigrations: readonly Migration[] = [
  {
    name: 'baselines/0001-settings',
    async up(db) {
      await db.schema
        .createTable('detection_baseline')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('enabled', 'integer', (column) => column.notNull())
        .addColumn('threshold', 'double precision', (column) => column.notNull())
        // JSON.
        .addColumn('exclusions', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_baseline_pk', ['account', 'workspace', 'name'])
        .execute()
      await db.schema
        .createTable('detection_baseline_key')
        .addColumn('account', 'text', (column) => column.notNull())
        // 16 bytes, sealed, as base64.
        .addColumn('sealed', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_baseline_key_pk', ['account'])
        .execute()
    },
  },
]
