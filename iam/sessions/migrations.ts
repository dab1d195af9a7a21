import type { Migration } from '../../platform/index.ts'

export const sessionMigrations: readonly Migration[] = [
  {
    name: 'iam/sessions-0001-devices',
    async up(db) {
      for (const column of ['method', 'source_ip', 'user_agent', 'device']) {
        await db.schema.alterTable('iam_session').addColumn(column, 'text').execute()
      }
      await db.schema.createIndex('iam_session_user').on('iam_session').columns(['account', 'user_name']).execute()
      await db.schema
        .createTable('iam_device')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text')
        .addColumn('managed', 'integer', (column) => column.notNull())
        .addColumn('posture', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_device_pk', ['account', 'id'])
        .execute()
    },
  },
]
