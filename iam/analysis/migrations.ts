import type { Migration } from '../../platform/index.ts'

export const analysisMigrations: readonly Migration[] = [
  {
    name: 'iam/analysis-0001-settings',
    async up(db) {
      await db.schema
        .createTable('iam_account_setting')
        .addColumn('account', 'text', (column) => column.primaryKey())
        .addColumn('refuse_new_access', 'integer', (column) => column.notNull())
        .execute()
    },
  },
]
