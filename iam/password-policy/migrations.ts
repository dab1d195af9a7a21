import type { Migration } from '../../platform/index.ts'

export const passwordPolicyMigrations: readonly Migration[] = [
  {
    name: 'iam/passwords-0001-policy',
    async up(db) {
      await db.schema
        .createTable('iam_password_policy')
        .addColumn('account', 'text', (column) => column.primaryKey())
        .addColumn('length_min', 'integer', (column) => column.notNull())
        .addColumn('history_count', 'integer', (column) => column.notNull())
        .addColumn('age_days_max', 'integer', (column) => column.notNull())
        .addColumn('failures_max', 'integer', (column) => column.notNull())
        .addColumn('lockout_minutes', 'integer', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('iam_password_history')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_password_history_pk', ['account', 'user_id', 'hash'])
        .execute()
      // Null: the password is from when the user was made, or older.
      await db.schema.alterTable('iam_user').addColumn('password_changed_at', 'bigint').execute()
    },
  },
]
