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
  {
    name: 'iam/analysis-0002-uses',
    async up(db) {
      await db.schema
        .createTable('iam_use_since')
        .addColumn('account', 'text', (column) => column.primaryKey())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('iam_statement_use')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('statement', 'text', (column) => column.notNull())
        .addColumn('count', 'bigint', (column) => column.notNull())
        .addColumn('last_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_statement_use_pk', ['account', 'statement'])
        .execute()
      await db.schema
        .createTable('iam_principal_use')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('auth', 'text', (column) => column.notNull())
        .addColumn('count', 'bigint', (column) => column.notNull())
        .addColumn('last_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_principal_use_pk', ['account', 'principal', 'auth'])
        .execute()
      await db.schema
        .createTable('iam_request_shape')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('day', 'integer', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('auth', 'text', (column) => column.notNull())
        .addColumn('mfa', 'integer', (column) => column.notNull())
        .addColumn('action', 'text', (column) => column.notNull())
        .addColumn('resource', 'text', (column) => column.notNull())
        .addColumn('context', 'text', (column) => column.notNull())
        .addColumn('hours', 'integer', (column) => column.notNull())
        .addColumn('count', 'bigint', (column) => column.notNull())
        .addColumn('last_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_request_shape_pk', ['account', 'day', 'hash'])
        .execute()
      await db.schema.createIndex('iam_request_shape_day').on('iam_request_shape').column('day').execute()
      await db.schema
        .createTable('iam_request_loss')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('day', 'integer', (column) => column.notNull())
        .addColumn('count', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_request_loss_pk', ['account', 'day'])
        .execute()
    },
  },
]
