import { sql } from 'kysely'
import type { Migration } from '../platform/index.ts'
import { baselineMigrations } from './baselines/service/migrations.ts'

/** The tables of rules. */
export const ruleMigrations: readonly Migration[] = [
  {
    name: 'detection/0001-rules',
    async up(db) {
      await db.schema
        .createTable('detection_rule')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('title', 'text', (column) => column.notNull())
        .addColumn('severity', 'text', (column) => column.notNull())
        // The YAML as it was put, one document.
        .addColumn('text', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_rule_pk', ['account', 'workspace', 'id'])
        .execute()
    },
  },
  {
    name: 'detection/0002-life-cycle',
    async up(db) {
      await db.schema
        .alterTable('detection_rule')
        .addColumn('state', 'text', (column) => column.notNull().defaultTo('enabled'))
        .execute()
      await db.schema.alterTable('detection_rule').addColumn('canary_until', 'bigint').execute()
      await db.schema.alterTable('detection_rule').addColumn('canary_percent', 'integer').execute()
      await db.schema
        .alterTable('detection_rule')
        .addColumn('author', 'text', (column) => column.notNull().defaultTo(''))
        .execute()
      // The folder it comes from, and the commit there; null for a rule that was put by hand.
      await db.schema.alterTable('detection_rule').addColumn('source', 'text').execute()
      await db.schema.alterTable('detection_rule').addColumn('commit_id', 'text').execute()
      // Every form a rule had, also after it was deleted, so that its numbers go on.
      await db.schema
        .createTable('detection_rule_revision')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('title', 'text', (column) => column.notNull())
        .addColumn('text', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('change', 'text', (column) => column.notNull())
        .addColumn('author', 'text', (column) => column.notNull())
        .addColumn('source', 'text')
        .addColumn('commit_id', 'text')
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_rule_revision_pk', ['account', 'workspace', 'id', 'revision'])
        .execute()
      await db
        .insertInto('detection_rule_revision')
        .columns(['account', 'workspace', 'id', 'revision', 'title', 'text', 'state', 'change', 'author', 'at'])
        .expression((query) =>
          query
            .selectFrom('detection_rule')
            .select([
              'account',
              'workspace',
              'id',
              'revision',
              'title',
              'text',
              'state',
              sql.lit('put').as('change'),
              'author',
              'updated_at',
            ]),
        )
        .execute()
      await db.schema
        .createTable('detection_sync_source')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('commit_id', 'text')
        .addColumn('author', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_sync_source_pk', ['account', 'workspace', 'source'])
        .execute()
      await db.schema
        .createTable('detection_exclusion')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('rule_id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        // A Sigma filter, as it was put.
        .addColumn('text', 'text', (column) => column.notNull())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull())
        .addColumn('until_at', 'bigint')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('hits', 'bigint', (column) => column.notNull())
        .addColumn('last_hit_at', 'bigint')
        .addPrimaryKeyConstraint('detection_exclusion_pk', ['account', 'workspace', 'rule_id', 'name'])
        .execute()
      await db.schema
        .createTable('detection_canary_finding')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('rule_id', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('found_at', 'bigint', (column) => column.notNull())
        .addColumn('taken_at', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_canary_finding_pk', ['account', 'workspace', 'rule_id', 'id'])
        .execute()
      await db.schema
        .createIndex('detection_canary_finding_order')
        .on('detection_canary_finding')
        .columns(['account', 'workspace', 'rule_id', 'found_at', 'id'])
        .execute()
      await db.schema
        .createIndex('detection_canary_finding_age')
        .on('detection_canary_finding')
        .column('taken_at')
        .execute()
      // What a rule did in a day of receipt.
      await db.schema
        .createTable('detection_rule_day')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('rule_id', 'text', (column) => column.notNull())
        .addColumn('day', 'bigint', (column) => column.notNull())
        .addColumn('matches', 'bigint', (column) => column.notNull())
        .addColumn('held_back', 'bigint', (column) => column.notNull())
        .addColumn('excluded', 'bigint', (column) => column.notNull())
        .addColumn('canary', 'bigint', (column) => column.notNull())
        .addColumn('timed_tests', 'bigint', (column) => column.notNull())
        .addColumn('timed_ns', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_rule_day_pk', ['account', 'workspace', 'rule_id', 'day'])
        .execute()
      // Which kinds of events came in a day, and how many.
      await db.schema
        .createTable('detection_source_day')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('day', 'bigint', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('events', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_source_day_pk', ['account', 'workspace', 'day', 'source'])
        .execute()
      await db.schema.createIndex('detection_source_day_age').on('detection_source_day').column('day').execute()
      await db.schema.createIndex('detection_rule_day_age').on('detection_rule_day').column('day').execute()
    },
  },
  {
    name: 'detection/0003-pipelines',
    async up(db) {
      await db.schema
        .createTable('detection_pipeline')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('text', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_pipeline_pk', ['account', 'workspace', 'name'])
        .execute()
    },
  },
  {
    name: 'detection/0004-tally-marks',
    async up(db) {
      // What was last told of a shard and day, so that only what came since is added to the sums.
      await db.schema
        .createTable('detection_tally_mark')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('dataspace', 'text', (column) => column.notNull())
        .addColumn('pipe', 'text', (column) => column.notNull())
        .addColumn('shard', 'integer', (column) => column.notNull())
        .addColumn('since', 'bigint', (column) => column.notNull())
        .addColumn('day', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('detection_tally_mark_pk', [
          'account',
          'workspace',
          'dataspace',
          'pipe',
          'shard',
          'since',
          'day',
        ])
        .execute()
      await db.schema.createIndex('detection_tally_mark_age').on('detection_tally_mark').column('day').execute()
    },
  },
]

/** All tables of this folder. */
export const detectionMigrations: readonly Migration[] = [...ruleMigrations, ...baselineMigrations]
