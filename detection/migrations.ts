import type { Migration } from '../platform/index.ts'

/** The tables of rules. */
export const ruleMigrations: readonly Migration[] = [
  {
    name: 'detection/0001-rules',
    async up(db) {
      await db.schema
        .createTable('detection_rule')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('title', 'text', (column) => column.notNull())
        .addColumn('severity', 'text', (column) => column.notNull())
        // The YAML as it was put, one document.
        .addColumn('text', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_rule_pk', ['account', 'workspace', 'id'])
        .execute()
    },
  },
]
