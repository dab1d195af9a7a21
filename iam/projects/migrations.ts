import type { Migration } from '../../platform/index.ts'

export const projectMigrations: readonly Migration[] = [
  {
    name: 'iam/0011-projects',
    async up(db) {
      await db.schema
        .createTable('iam_project')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('enabled', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_project_pk', ['account', 'id'])
        .execute()
      await db.schema
        .createTable('iam_project_resource')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('resource', 'text', (column) => column.notNull())
        .addColumn('project', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_project_resource_pk', ['account', 'resource'])
        .execute()
      await db.schema
        .createIndex('iam_project_resource_project')
        .on('iam_project_resource')
        .columns(['account', 'project'])
        .execute()
      await db.schema
        .createTable('iam_project_grant')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('holder_kind', 'text', (column) => column.notNull())
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('policy_arn', 'text', (column) => column.notNull())
        .addColumn('scope', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_project_grant_pk', ['account', 'holder_kind', 'holder', 'policy_arn', 'scope'])
        .execute()
    },
  },
]
