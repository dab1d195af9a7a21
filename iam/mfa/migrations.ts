import type { Migration } from '../../platform/index.ts'

/** The schema of second factors. */
export const mfaMigrations: readonly Migration[] = [
  {
    name: 'iam/mfa-0001-totp',
    async up(db, types) {
      await db.schema
        .createTable('iam_totp')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('sealed_secret', types.bytes, (column) => column.notNull())
        .addColumn('confirmed', 'integer', (column) => column.notNull())
        .addColumn('last_step', 'bigint', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_totp_pk', ['account', 'user_id'])
        .execute()
      await db.schema
        .createTable('iam_recovery_code')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_recovery_code_pk', ['account', 'user_id', 'hash'])
        .execute()
    },
  },
]
