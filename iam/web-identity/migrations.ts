import type { Migration } from '../../platform/index.ts'

export const webIdentityMigrations: readonly Migration[] = [
  {
    name: 'iam/web-identity-0001-providers',
    async up(db) {
      await db.schema
        .createTable('iam_identity_provider')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('issuer', 'text', (column) => column.notNull())
        .addColumn('audiences', 'text', (column) => column.notNull())
        .addColumn('algorithms', 'text', (column) => column.notNull())
        .addColumn('jwks', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_identity_provider_pk', ['account', 'name'])
        .addUniqueConstraint('iam_identity_provider_issuer', ['account', 'issuer'])
        .execute()
    },
  },
]
