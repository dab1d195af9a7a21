import type { Migration } from '../../platform/index.ts'

/** The schema of security keys and passkeys. */
export const webauthnMigrations: readonly Migration[] = [
  {
    name: 'iam/webauthn-0001-credentials',
    async up(db, types) {
      await db.schema
        .createTable('iam_webauthn_credential')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('public_key', types.bytes, (column) => column.notNull())
        .addColumn('counter', 'bigint', (column) => column.notNull())
        .addColumn('transports', 'text', (column) => column.notNull())
        .addColumn('backed_up', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('last_used_at', 'bigint')
        .addPrimaryKeyConstraint('iam_webauthn_credential_pk', ['account', 'id'])
        .execute()
      await db.schema
        .createIndex('iam_webauthn_credential_user')
        .on('iam_webauthn_credential')
        .columns(['account', 'user_id'])
        .execute()
      await db.schema
        .createTable('iam_webauthn_spent')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_webauthn_spent_pk', ['account', 'hash'])
        .execute()
      await db.schema.createIndex('iam_webauthn_spent_expiry').on('iam_webauthn_spent').column('expires_at').execute()
    },
  },
]
