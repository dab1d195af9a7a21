import type { Migration } from '../../platform/index.ts'

export const decisionMigrations: readonly Migration[] = [
  {
    name: 'iam/0012-decisions',
    async up(db) {
      await db.schema
        .createTable('iam_decision')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('action', 'text', (column) => column.notNull())
        .addColumn('resource', 'text', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull())
        .addColumn('explanation', 'text')
        .execute()
      await db.schema.createIndex('iam_decision_at').on('iam_decision').column('at').execute()
    },
  },
]
