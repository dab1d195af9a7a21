import type { Migration } from '../platform/index.ts'

/** The tables of threat intelligence. */
export const intelMigrations: readonly Migration[] = [
  {
    name: 'intel/0001-indicators',
    async up(db) {
      await db.schema
        .createTable('intel_indicator')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        // Made of type and value.
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('value', 'text', (column) => column.notNull())
        .addColumn('not_matched', 'text')
        // The last of all instants at which an opinion expires: what is past it need not be loaded.
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('added_us', 'bigint', (column) => column.notNull())
        .addColumn('first_seen', 'bigint')
        .addColumn('last_sighted', 'bigint')
        .addColumn('sightings', 'bigint', (column) => column.notNull())
        .addColumn('false_positives', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_indicator_pk', ['account', 'workspace', 'id'])
        .execute()
      await db.schema
        .createIndex('intel_indicator_added')
        .on('intel_indicator')
        .columns(['account', 'workspace', 'added_us'])
        .unique()
        .execute()
      await db.schema
        .createTable('intel_opinion')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('indicator', 'text', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('confidence', 'integer', (column) => column.notNull())
        .addColumn('tlp', 'text', (column) => column.notNull())
        .addColumn('valid_from', 'bigint', (column) => column.notNull())
        .addColumn('valid_until', 'bigint')
        .addColumn('last_seen', 'bigint', (column) => column.notNull())
        .addColumn('revoked', 'integer', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('stix_id', 'text')
        // JSON: labels, kill chain, description.
        .addColumn('about', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_opinion_pk', ['account', 'workspace', 'indicator', 'source'])
        .execute()
      await db.schema
        .createIndex('intel_opinion_stix')
        .on('intel_opinion')
        .columns(['account', 'workspace', 'stix_id'])
        .execute()
      await db.schema
        .createTable('intel_sighting')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('indicator', 'text', (column) => column.notNull())
        .addColumn('entity', 'text', (column) => column.notNull())
        // Number of the hour since the epoch: one sighting an hour.
        .addColumn('hour', 'bigint', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        // JSON: the observable and the records it was seen in.
        .addColumn('about', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_sighting_pk', ['account', 'workspace', 'indicator', 'entity', 'hour'])
        .execute()
      await db.schema.createIndex('intel_sighting_at').on('intel_sighting').columns(['at']).execute()
      await db.schema
        .createTable('intel_counter')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('value', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_counter_pk', ['account', 'workspace', 'name'])
        .execute()
    },
  },
  {
    name: 'intel/0002-stix-objects',
    async up(db) {
      await db.schema
        .createTable('intel_stix_object')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        // `modified` with six decimals; empty for objects that have no versions.
        .addColumn('version', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('spec_version', 'text', (column) => column.notNull())
        .addColumn('added_us', 'bigint', (column) => column.notNull())
        .addColumn('json', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_stix_object_pk', ['account', 'workspace', 'id', 'version'])
        .execute()
      await db.schema
        .createIndex('intel_stix_object_added')
        .on('intel_stix_object')
        .columns(['account', 'workspace', 'added_us'])
        .unique()
        .execute()
    },
  },
  {
    name: 'intel/0003-taxii',
    async up(db) {
      await db.schema
        .createTable('intel_taxii_status')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('json', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_taxii_status_pk', ['account', 'workspace', 'id'])
        .execute()
      await db.schema.createIndex('intel_taxii_status_at').on('intel_taxii_status').columns(['at']).execute()
    },
  },
  {
    name: 'intel/0004-feeds',
    async up(db, { bytes }) {
      await db.schema
        .createTable('intel_feed')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        // JSON: kind, url, interval and so on.
        .addColumn('settings', 'text', (column) => column.notNull())
        // What authorises us there, sealed.
        .addColumn('authorization', bytes)
        // How far it has been read.
        .addColumn('cursor', 'text', (column) => column.notNull())
        .addColumn('next_at', 'bigint', (column) => column.notNull())
        // JSON: when it was read last, and what came of it.
        .addColumn('outcome', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_feed_pk', ['account', 'workspace', 'name'])
        .execute()
      await db.schema.createIndex('intel_feed_next').on('intel_feed').columns(['next_at']).execute()
    },
  },
  {
    name: 'intel/0005-allow-lists',
    async up(db) {
      await db.schema
        .createTable('intel_allow_list')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        // JSON: a list of `[type, value]`.
        .addColumn('entries', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_allow_list_pk', ['account', 'workspace', 'name'])
        .execute()
    },
  },
  {
    name: 'intel/0006-verdicts',
    async up(db) {
      await db.schema
        .alterTable('intel_indicator')
        .addColumn('true_positives', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute()
      await db.schema
        .createTable('intel_source')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        // Percent.
        .addColumn('weight', 'integer', (column) => column.notNull())
        .addColumn('true_positives', 'bigint', (column) => column.notNull())
        .addColumn('false_positives', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_source_pk', ['account', 'workspace', 'name'])
        .execute()
      await db.schema
        .createTable('intel_verdict')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        // The alert that was judged, and the indicator that it was made of.
        .addColumn('alert', 'text', (column) => column.notNull())
        .addColumn('indicator', 'text', (column) => column.notNull())
        .addColumn('verdict', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_verdict_pk', ['account', 'workspace', 'alert', 'indicator'])
        .execute()
    },
  },
  {
    name: 'intel/0007-outgoing-sightings',
    async up(db) {
      await db.schema
        .alterTable('intel_feed')
        .addColumn('push_sightings', 'integer', (column) => column.notNull().defaultTo(0))
        .execute()
      await db.schema
        .createTable('intel_outgoing')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('workspace', 'text', (column) => column.notNull())
        .addColumn('feed', 'text', (column) => column.notNull())
        // Of the sighting, or of the alert that was judged.
        .addColumn('id', 'text', (column) => column.notNull())
        // The attribute that the feed calls it by.
        .addColumn('attribute', 'text', (column) => column.notNull())
        // 0 seen, 1 false positive.
        .addColumn('kind', 'integer', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('intel_outgoing_pk', ['account', 'workspace', 'feed', 'id', 'attribute', 'kind'])
        .execute()
    },
  },
]
