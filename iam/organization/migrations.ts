import type { Migration } from '../../platform/index.ts'

export const organizationMigrations: readonly Migration[] = [
  {
    name: 'iam/0010-organizations',
    async up(db) {
      await db.schema
        .createTable('iam_organization')
        .addColumn('account', 'text', (column) => column.notNull().unique())
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('iam_organization_node')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('organization', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('parent', 'text')
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('iam_organization_member')
        .addColumn('account', 'text', (column) => column.primaryKey())
        .addColumn('organization', 'text', (column) => column.notNull())
        .addColumn('node', 'text', (column) => column.notNull())
        .addColumn('joined_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('iam_organization_invitation')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('organization', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('invited', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('iam_guardrail')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('organization', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('document', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_guardrail_pk', ['organization', 'name'])
        .execute()
      await db.schema
        .createTable('iam_guardrail_attachment')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('organization', 'text', (column) => column.notNull())
        .addColumn('node', 'text', (column) => column.notNull())
        .addColumn('guardrail', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_guardrail_attachment_pk', ['organization', 'node', 'guardrail'])
        .execute()
    },
  },
]
