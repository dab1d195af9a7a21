import type { Migration } from '../db/database.ts'

export const jobMigrations: readonly Migration[] = [
  {
    name: 'platform/0001-job',
    up: async (db) => {
      await db.schema
        .createTable('job')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('key', 'text')
        .addColumn('input', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('percent', 'integer', (column) => column.notNull())
        .addColumn('note', 'text')
        .addColumn('output', 'text')
        .addColumn('error_code', 'text')
        .addColumn('error_message', 'text')
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addColumn('epoch', 'integer', (column) => column.notNull())
        .addColumn('owner', 'text')
        .addColumn('cancel_requested', 'integer', (column) => column.notNull())
        .addColumn('wake_at', 'bigint')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('started_at', 'bigint')
        .addColumn('ended_at', 'bigint')
        .addPrimaryKeyConstraint('job_pk', ['account', 'id'])
        .addUniqueConstraint('job_key', ['account', 'kind', 'key'])
        .execute()
      await db.schema.createIndex('job_wake').on('job').column('wake_at').execute()
      await db.schema.createIndex('job_open').on('job').columns(['account', 'ended_at']).execute()
      await db.schema.createIndex('job_ended').on('job').column('ended_at').execute()
    },
  },
]
