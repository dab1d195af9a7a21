import type { Migration } from '../../platform/index.ts'

/** The schema of access for a time. */
export const accessMigrations: readonly Migration[] = [
  {
    name: 'iam/access-0001-requests',
    async up(db) {
      await db.schema
        .createTable('iam_access_request')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('target', 'text', (column) => column.notNull())
        .addColumn('target_id', 'text', (column) => column.notNull())
        .addColumn('requester', 'text', (column) => column.notNull())
        .addColumn('requester_id', 'text', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull())
        .addColumn('duration_sec', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('lapses_at', 'bigint', (column) => column.notNull())
        .addColumn('starts_at', 'bigint')
        .addColumn('expires_at', 'bigint')
        .addColumn('ended_at', 'bigint')
        .addColumn('ended_by', 'text')
        .addPrimaryKeyConstraint('iam_access_request_pk', ['account', 'id'])
        .execute()
      await db.schema
        .createIndex('iam_access_request_requester')
        .on('iam_access_request')
        .columns(['account', 'requester', 'state'])
        .execute()
      await db.schema
        .createIndex('iam_access_request_expiry')
        .on('iam_access_request')
        .columns(['state', 'expires_at'])
        .execute()
      await db.schema
        .createTable('iam_access_voice')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('request', 'text', (column) => column.notNull())
        .addColumn('approver_id', 'text', (column) => column.notNull())
        .addColumn('approver', 'text', (column) => column.notNull())
        .addColumn('approved', 'integer', (column) => column.notNull())
        .addColumn('comment', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_access_voice_pk', ['account', 'request', 'approver_id'])
        .execute()
      await db.schema
        .createTable('iam_break_glass')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('user_name', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_break_glass_pk', ['account', 'user_id'])
        .execute()
      await db.schema
        .createTable('iam_custodian')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('custodian_id', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('iam_custodian_pk', ['account', 'user_id', 'custodian_id'])
        .execute()
    },
  },
]
