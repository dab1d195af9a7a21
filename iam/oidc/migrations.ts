import type { Migration } from '../../platform/index.ts'

/** The schema of the OpenID Connect provider. */
export const oidcMigrations: readonly Migration[] = [
  {
    name: 'iam/oidc-0001-provider',
    async up(db, types) {
      await db.schema.createIndex('iam_user_id').on('iam_user').columns(['account', 'id']).execute()
      await db.schema
        .createTable('iam_app_registration')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('sealed_metadata', types.bytes, (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_app_registration_pk', ['account', 'id'])
        .execute()
      await db.schema
        .createTable('iam_oidc_entry')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('grant_id', 'text')
        .addColumn('uid', 'text')
        .addColumn('user_code', 'text')
        .addColumn('consumed_at', 'bigint')
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('sealed_payload', types.bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_oidc_entry_pk', ['account', 'kind', 'id'])
        .execute()
      for (const column of ['grant_id', 'uid', 'user_code']) {
        await db.schema
          .createIndex(`iam_oidc_entry_${column}`)
          .on('iam_oidc_entry')
          .columns(['account', column])
          .execute()
      }
      await db.schema.createIndex('iam_oidc_entry_expiry').on('iam_oidc_entry').column('expires_at').execute()
      await db.schema
        .createTable('iam_oidc_key')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('kid', 'text', (column) => column.notNull())
        .addColumn('sealed_key', types.bytes, (column) => column.notNull())
        .addColumn('signs_from', 'bigint', (column) => column.notNull())
        .addColumn('retires_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_oidc_key_pk', ['account', 'kid'])
        .execute()
    },
  },
]
