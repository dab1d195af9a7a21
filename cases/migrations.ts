import type { Migration } from '../platform/index.ts'

/** The tables of the alert hub. */
export const caseMigrations: readonly Migration[] = [
  {
    name: 'cases/0001-alerts',
    async up(db) {
      await db.schema
        .createTable('alert')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('dedup_key', 'text', (column) => column.notNull())
        // The key while the alert takes further findings, else null: what the unique index below makes exclusive.
        .addColumn('dedup_slot', 'text')
        // The key of an alert of another product, else null.
        .addColumn('foreign_key', 'text')
        .addColumn('rule_id', 'text', (column) => column.notNull())
        .addColumn('title', 'text', (column) => column.notNull())
        .addColumn('severity', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('verdict', 'text')
        .addColumn('owner', 'text')
        .addColumn('count', 'bigint', (column) => column.notNull())
        .addColumn('seen_again', 'bigint', (column) => column.notNull())
        .addColumn('first_seen', 'bigint', (column) => column.notNull())
        .addColumn('last_seen', 'bigint', (column) => column.notNull())
        .addColumn('closed_at', 'bigint')
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('alert_pk', ['account', 'workspace', 'id'])
        .execute()
      await db.schema
        .createIndex('alert_slot')
        .on('alert')
        .columns(['account', 'workspace', 'dedup_slot'])
        .unique()
        .execute()
      await db.schema
        .createIndex('alert_foreign')
        .on('alert')
        .columns(['account', 'workspace', 'foreign_key'])
        .unique()
        .execute()
      await db.schema
        .createIndex('alert_closed')
        .on('alert')
        .columns(['account', 'workspace', 'dedup_key', 'closed_at'])
        .execute()
      await db.schema
        .createTable('alert_finding')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('taken_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('alert_finding_pk', ['account', 'id'])
        .execute()
      await db.schema.createIndex('alert_finding_age').on('alert_finding').column('taken_at').execute()
      await db.schema
        .createTable('alert_rule_hour')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('rule_id', 'text', (column) => column.notNull())
        .addColumn('hour', 'bigint', (column) => column.notNull())
        .addColumn('wanted', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('alert_rule_hour_pk', ['account', 'workspace', 'rule_id', 'hour'])
        .execute()
      await db.schema
        .createTable('alert_move')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('alert_id', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('who', 'text', (column) => column.notNull())
        .addColumn('member', 'text', (column) => column.notNull())
        .addColumn('from_value', 'text', (column) => column.notNull())
        .addColumn('to_value', 'text', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull())
        .addColumn('request_id', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('alert_move_pk', ['account', 'workspace', 'alert_id', 'id'])
        .execute()
      await db.schema
        .createTable('alert_comment')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('alert_id', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('author', 'text', (column) => column.notNull())
        .addColumn('text', 'text', (column) => column.notNull())
        .addColumn('request_id', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('alert_comment_pk', ['account', 'workspace', 'alert_id', 'id'])
        .execute()
      // Keys of updates that came already: the same one changes an alert once.
      await db.schema
        .createTable('alert_update_key')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('alert_id', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('alert_update_key_pk', ['account', 'workspace', 'alert_id', 'key'])
        .execute()
      await db.schema.createIndex('alert_update_key_age').on('alert_update_key').column('at').execute()
      await db.schema
        .createTable('alert_change')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('change', 'text', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('alert', 'text', (column) => column.notNull())
        .execute()
    },
  },
  {
    name: 'cases/0002-risk',
    async up(db) {
      // What alerts, and findings that make none, add to the risk of entities.
      await db.schema
        .createTable('risk_contribution')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('value', 'text', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('alert_id', 'text')
        .addColumn('rule_id', 'text', (column) => column.notNull())
        .addColumn('title', 'text', (column) => column.notNull())
        .addColumn('tactics', 'text', (column) => column.notNull())
        .addColumn('techniques', 'text', (column) => column.notNull())
        .addColumn('inputs', 'text', (column) => column.notNull())
        .addColumn('records', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('findings', 'bigint', (column) => column.notNull())
        .addColumn('weight', 'double precision', (column) => column.notNull())
        .addColumn('counts', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('risk_contribution_pk', ['account', 'workspace', 'kind', 'value', 'source'])
        .execute()
      await db.schema
        .createIndex('risk_contribution_weight')
        .on('risk_contribution')
        .columns(['account', 'workspace', 'kind', 'value', 'weight'])
        .execute()
      await db.schema
        .createIndex('risk_contribution_source')
        .on('risk_contribution')
        .columns(['account', 'workspace', 'source'])
        .execute()
      await db.schema.createIndex('risk_contribution_age').on('risk_contribution').column('at').execute()
      await db.schema
        .createTable('risk_entity')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('value', 'text', (column) => column.notNull())
        .addColumn('criticality', 'text')
        // The score's logarithm plus its time in half lives: orders entities at any time.
        .addColumn('rank', 'double precision', (column) => column.notNull())
        .addColumn('score', 'double precision', (column) => column.notNull())
        .addColumn('scored_at', 'bigint', (column) => column.notNull())
        .addColumn('contributions', 'bigint', (column) => column.notNull())
        .addColumn('tactics', 'text', (column) => column.notNull())
        .addColumn('above', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('risk_entity_pk', ['account', 'workspace', 'kind', 'value'])
        .execute()
      await db.schema
        .createIndex('risk_entity_rank')
        .on('risk_entity')
        .columns(['account', 'workspace', 'rank'])
        .execute()
      await db.schema.createIndex('risk_entity_age').on('risk_entity').column('scored_at').execute()
    },
  },
  {
    name: 'cases/0003-verdicts',
    async up(db) {
      await db.schema.createIndex('alert_move_member').on('alert_move').columns(['member', 'at', 'id']).execute()
    },
  },
]
