import type { Migration } from '../platform/index.ts'
import { accessMigrations } from './access/migrations.ts'
import { analysisMigrations } from './analysis/migrations.ts'
import { decisionMigrations } from './decision-log/migrations.ts'
import { mfaMigrations } from './mfa/migrations.ts'
import { oidcMigrations } from './oidc/migrations.ts'
import { organizationMigrations } from './organization/migrations.ts'
import { passwordPolicyMigrations } from './password-policy/migrations.ts'
import { projectMigrations } from './projects/migrations.ts'
import { sessionMigrations } from './sessions/migrations.ts'
import { webIdentityMigrations } from './web-identity/migrations.ts'
import { webauthnMigrations } from './webauthn/migrations.ts'

/** The schema of identities and policies. */
export const iamMigrations: readonly Migration[] = [
  {
    name: 'iam/0001-identities',
    async up(db, types) {
      await db.schema
        .createTable('iam_revision')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('number', 'bigint', (column) => column.notNull())
        .execute()
      await db.insertInto('iam_revision').values({ id: 1, number: 0 }).execute()
      await db.schema
        .createTable('iam_change')
        .addColumn('number', 'bigint', (column) => column.notNull())
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('noun', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_change_pk', ['number', 'noun', 'account', 'name'])
        .execute()
      await db.schema
        .createTable('iam_account')
        .addColumn('account', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('iam_user')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('password_hash', 'text')
        .addColumn('enabled', 'integer', (column) => column.notNull())
        .addColumn('tokens_valid_after', 'bigint', (column) => column.notNull())
        .addColumn('boundary', 'text')
        .addColumn('tags', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_user_pk', ['account', 'name'])
        .execute()
      await db.schema
        .createTable('iam_access_key')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('user_name', 'text', (column) => column.notNull())
        .addColumn('sealed_secret', types.bytes, (column) => column.notNull())
        .addColumn('enabled', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('last_used_at', 'bigint')
        .execute()
      await db.schema
        .createIndex('iam_access_key_user')
        .on('iam_access_key')
        .columns(['account', 'user_name'])
        .execute()
      await db.schema
        .createTable('iam_group')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_group_pk', ['account', 'name'])
        .execute()
      await db.schema
        .createTable('iam_membership')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('group_name', 'text', (column) => column.notNull())
        .addColumn('user_name', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_membership_pk', ['account', 'user_name', 'group_name'])
        .execute()
      await db.schema
        .createTable('iam_role')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('trust', 'text', (column) => column.notNull())
        .addColumn('session_sec_max', 'integer', (column) => column.notNull())
        .addColumn('boundary', 'text')
        .addColumn('tags', 'text', (column) => column.notNull())
        .addColumn('builtin', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_role_pk', ['account', 'name'])
        .execute()
      await db.schema
        .createTable('iam_policy')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('default_version', 'integer', (column) => column.notNull())
        .addColumn('latest_version', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_policy_pk', ['account', 'name'])
        .execute()
      await db.schema
        .createTable('iam_policy_version')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('policy', 'text', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('document', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_policy_version_pk', ['account', 'policy', 'version'])
        .execute()
      await db.schema
        .createTable('iam_attachment')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('holder_kind', 'text', (column) => column.notNull())
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('policy_arn', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_attachment_pk', ['account', 'holder_kind', 'holder', 'policy_arn'])
        .execute()
      await db.schema
        .createTable('iam_inline_policy')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('holder_kind', 'text', (column) => column.notNull())
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('document', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_inline_policy_pk', ['account', 'holder_kind', 'holder', 'name'])
        .execute()
      await db.schema
        .createTable('iam_session')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('user_name', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('revoked_at', 'bigint')
        .execute()
      await db.schema.createIndex('iam_session_expiry').on('iam_session').column('expires_at').execute()
      await db.schema
        .createTable('iam_signing_key')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('kid', 'text', (column) => column.primaryKey())
        .addColumn('public_jwk', 'text', (column) => column.notNull())
        .addColumn('sealed_private_jwk', types.bytes, (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('retires_at', 'bigint', (column) => column.notNull())
        .execute()
    },
  },
  {
    name: 'iam/0002-applications',
    async up(db) {
      await db.schema
        .createTable('iam_application')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('document', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_application_pk', ['account', 'name'])
        .execute()
    },
  },
  ...mfaMigrations,
  ...oidcMigrations,
  ...organizationMigrations,
  ...projectMigrations,
  ...decisionMigrations,
  ...accessMigrations,
  ...webauthnMigrations,
  ...analysisMigrations,
  ...webIdentityMigrations,
  ...sessionMigrations,
  ...passwordPolicyMigrations,
  {
    name: 'iam/0013-role-sessions',
    async up(db) {
      await db.schema
        .alterTable('iam_role')
        .addColumn('sessions_valid_after', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
]
