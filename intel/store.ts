import { type Selectable, sql, type Transaction } from 'kysely'
import type { Database } from '../platform/index.ts'
import { type CounterTables, takeNumbers } from './counter-store.ts'
import { addOutgoing, type OutgoingTables } from './feeds/outgoing-store.ts'
import { ROWS_PER_STATEMENT } from './limits.ts'
import { countJudged, type SourceTables } from './sources/store.ts'
import {
  type Indicator,
  type IndicatorType,
  indicatorTypes,
  type Opinion,
  type Place,
  type Tlp,
  tlps,
} from './types.ts'
import { WEIGHT_DEFAULT } from './worth.ts'

interface IndicatorRow {
  account: string
  workspace: string
  id: string
  type: string
  value: string
  not_matched: string | null
  expires_at: number
  created_at: number
  updated_at: number
  revision: number
  added_us: number
  first_seen: number | null
  last_sighted: number | null
  sightings: number
  true_positives: number
  false_positives: number
}

interface OpinionRow {
  account: string
  workspace: string
  indicator: string
  source: string
  confidence: number
  tlp: string
  valid_from: number
  valid_until: number | null
  last_seen: number
  revoked: number
  expires_at: number
  updated_at: number
  stix_id: string | null
  about: string
}

interface IntelTables extends CounterTables, SourceTables, Omit<OutgoingTables, 'intel_opinion'> {
  intel_indicator: IndicatorRow
  intel_opinion: OpinionRow
  intel_sighting: {
    account: string
    workspace: string
    indicator: string
    entity: string
    hour: number
    id: string
    at: number
    about: string
  }
  intel_verdict: {
    account: string
    workspace: string
    alert: string
    indicator: string
    verdict: string
    at: number
  }
}

/** What changes indicators, and what else with them. */
export type Tx = Transaction<IntelTables>

/** What an indicator becomes; the store gives it its revision and its place in the order of changes. */
export type IndicatorDraft = Omit<Indicator, 'revision' | 'addedUs'>

/** What a verdict says of an indicator that was met. */
export type Judgement = 'truePositive' | 'falsePositive'

/** That an indicator was met by an entity. */
export interface Sighting {
  readonly id: string
  readonly indicator: string
  readonly entity: string
  readonly at: number
  readonly observable: string
  readonly recordIds: readonly string[]
}

/** Which changed indicators are asked for. */
export interface ChangedPage {
  readonly afterUs: number
  readonly limit: number
  readonly ids?: readonly string[]
  readonly withPatterns?: boolean
}

export type Change = (
  known: ReadonlyMap<string, Indicator>,
  total: number,
  tx: Tx,
) => readonly IndicatorDraft[] | Promise<readonly IndicatorDraft[]>

export type IntelStore = ReturnType<typeof createIntelStore>

const HOUR_MS = 3_600_000

/** The only SQL of threat intelligence. */
export function createIntelStore(database: Database) {
  const db = database.as<IntelTables>()

  return {
    /** Changes indicators in one transaction. Changes of one workspace come one after another: the counter's row is
     * locked first, which also keeps `addedUs` strictly increasing in the order of commits.
     * @param change from those that are there to those that are written; an indicator without opinions is deleted. It may
     * run again.
     * @returns what was there, what was written, and what was deleted */
    update(
      place: Place,
      ids: readonly string[],
      now: number,
      change: Change,
    ): Promise<{ before: Indicator[]; written: Indicator[]; deleted: Indicator[] }> {
      return db.write(async (tx) => {
        const first = await takeNumbers(tx, { ...place, name: 'added' }, ids.length, now)
        const known = new Map((await readMany(tx, place, ids)).map((indicator) => [indicator.id, indicator]))
        const total = await countOf(tx, place)
        const drafts = await change(known, total, tx)
        const written: Indicator[] = []
        const deleted: Indicator[] = []
        for (const [index, draft] of drafts.entries()) {
          const before = known.get(draft.id)
          if (draft.opinions.length > 0) {
            written.push({ ...draft, revision: (before?.revision ?? 0) + 1, addedUs: first + index })
          } else if (before) deleted.push(before)
        }
        await writeMany(tx, place, written, known)
        await deleteMany(tx, place, deleted)
        await addToCount(tx, place, written.filter(({ id }) => !known.has(id)).length - deleted.length)
        const before = written.flatMap(({ id }) => known.get(id) ?? []).concat(deleted)
        return { before, written, deleted }
      })
    },

    async find(place: Place, ids: readonly string[]): Promise<Indicator[]> {
      return readMany(db.read, place, ids)
    },

    /** Ids of indicators that are parts of STIX objects, as one source gave them or any. */
    async idsOfStix(place: Place, source: string | undefined, stixIds: readonly string[]): Promise<string[]> {
      const ids: string[] = []
      for (const chunk of chunks(stixIds)) {
        let query = db.read
          .selectFrom('intel_opinion')
          .select('indicator')
          .distinct()
          .where('account', '=', place.account)
          .where('workspace', '=', place.workspace)
          .where('stix_id', 'in', chunk)
        if (source !== undefined) query = query.where('source', '=', source)
        const rows = await query.execute()
        ids.push(...rows.map(({ indicator }) => indicator))
      }
      return ids
    },

    /** Those after `after`, in order of id.
     * @param live leave out what has expired by this instant or is not matched */
    async list(
      place: Place,
      page: { readonly after: string; readonly limit: number; readonly live?: number },
    ): Promise<Indicator[]> {
      let query = db.read
        .selectFrom('intel_indicator')
        .selectAll()
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('id', '>', page.after)
      if (page.live !== undefined) query = query.where('expires_at', '>', page.live).where('not_matched', 'is', null)
      const rows = await query.orderBy('id').limit(page.limit).execute()
      const last = rows.at(-1)
      if (!last) return []
      const opinions = await db.read
        .selectFrom('intel_opinion')
        .selectAll()
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('indicator', '>', page.after)
        .where('indicator', '<=', last.id)
        .orderBy('indicator')
        .orderBy('source')
        .execute()
      return joinRows(rows, opinions)
    },

    /** Those that changed after a place in the order of changes, in that order; patterns only where asked for. */
    async listChanged(place: Place, page: ChangedPage): Promise<Indicator[]> {
      let query = db.read
        .selectFrom('intel_indicator')
        .select('id')
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('added_us', '>', page.afterUs)
      if (!page.withPatterns) query = query.where('type', '!=', 'pattern')
      if (page.ids) query = query.where('id', 'in', page.ids)
      const rows = await query.orderBy('added_us').limit(page.limit).execute()
      const found = await readMany(
        db.read,
        place,
        rows.map(({ id }) => id),
      )
      return found.sort((a, b) => a.addedUs - b.addedUs)
    },

    /** Patterns that are not compared with events, after `after` in order of id. */
    async listNotMatched(place: Place, page: { readonly after: string; readonly limit: number }): Promise<Indicator[]> {
      const rows = await db.read
        .selectFrom('intel_indicator')
        .select('id')
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('type', '=', 'pattern')
        .where('not_matched', 'is not', null)
        .where('id', '>', page.after)
        .orderBy('id')
        .limit(page.limit)
        .execute()
      const ids = rows.map(({ id }) => id)
      return readMany(db.read, place, ids)
    },

    /** What a matching set has to hold at an instant. */
    async totals(place: Place, now: number): Promise<{ values: number; opinions: number; bytes: number }> {
      const values = await db.read
        .selectFrom('intel_indicator')
        .select((select) => [
          select.fn.countAll<number>().as('count'),
          sql<number | null>`sum(length(value))`.as('bytes'),
        ])
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('expires_at', '>', now)
        .where('not_matched', 'is', null)
        .executeTakeFirstOrThrow()
      const opinions = await db.read
        .selectFrom('intel_opinion')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('expires_at', '>', now)
        .executeTakeFirstOrThrow()
      return {
        values: Number(values.count),
        opinions: Number(opinions.count),
        bytes: Number(values.bytes ?? 0),
      }
    },

    /** Workspaces of an account that hold indicators. */
    async workspaces(account: Place['account']): Promise<string[]> {
      const rows = await db.read
        .selectFrom('intel_counter')
        .select('workspace')
        .where('account', '=', account)
        .where('name', '=', 'indicators')
        .orderBy('workspace')
        .execute()
      return rows.map(({ workspace }) => workspace)
    },

    count(place: Place): Promise<number> {
      return countOf(db.read, place)
    },

    /** Writes sightings, of each indicator at each entity the first of an hour.
     * @param own feeds that want to hear of them are told   @returns how many were new */
    addSightings(place: Place, sightings: readonly Sighting[], { own }: { readonly own: boolean }): Promise<number> {
      return db.write(async (tx) => {
        let added = 0
        for (const { id, indicator, entity, at, observable, recordIds } of sightings) {
          const row = { ...place, indicator, entity, hour: Math.floor(at / HOUR_MS), id, at }
          const { numInsertedOrUpdatedRows } = await tx
            .insertInto('intel_sighting')
            .values({ ...row, about: JSON.stringify({ observable, recordIds }) })
            .onConflict((conflict) => conflict.doNothing())
            .executeTakeFirstOrThrow()
          if (numInsertedOrUpdatedRows !== 1n) continue
          added += 1
          if (own) await addOutgoing(tx, place, { id, indicator, kind: 0, at })
          await tx
            .updateTable('intel_indicator')
            .set({
              sightings: sql<number>`sightings + 1`,
              first_seen: sql<number>`case when first_seen is null or first_seen > ${at} then ${at} else first_seen end`,
              last_sighted: sql<number>`case when last_sighted is null or last_sighted < ${at} then ${at} else last_sighted end`,
            })
            .where('account', '=', place.account)
            .where('workspace', '=', place.workspace)
            .where('id', '=', indicator)
            .execute()
        }
        return added
      })
    },

    /** Sightings of an indicator, the newest first. */
    async sightings(place: Place, indicator: string, limit: number): Promise<Sighting[]> {
      const rows = await db.read
        .selectFrom('intel_sighting')
        .selectAll()
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('indicator', '=', indicator)
        .orderBy('at', 'desc')
        .limit(limit)
        .execute()
      return rows.map(({ id, entity, at, about }) => {
        const { observable, recordIds } = JSON.parse(about) as Pick<Sighting, 'observable' | 'recordIds'>
        return { id, indicator, entity, at, observable, recordIds }
      })
    },

    /** Forgets sightings from before an instant, of all accounts: upkeep of the table. */
    async pruneSightings(before: number): Promise<void> {
      await db.write((tx) => tx.deleteFrom('intel_sighting').where('at', '<', before).execute())
    },
  }
}

/** Keeps the verdict on an alert of an indicator in place of the one before, and counts it for the indicator's sources.
 * @param given undefined takes it back   @returns by how much the indicator was judged rightly and wrongly met more often */
export async function replaceVerdict(
  tx: Tx,
  place: Place,
  given: {
    readonly alert: string
    readonly indicator: string
    readonly verdict: Judgement | undefined
    readonly sources: readonly string[]
    readonly now: number
  },
): Promise<{ readonly right: number; readonly wrong: number }> {
  const { alert, indicator, verdict, sources, now } = given
  const key = { ...place, alert, indicator }
  const before = await tx
    .selectFrom('intel_verdict')
    .select('verdict')
    .where('account', '=', place.account)
    .where('workspace', '=', place.workspace)
    .where('alert', '=', alert)
    .where('indicator', '=', indicator)
    .executeTakeFirst()
  const change = (of: Judgement) => Number(verdict === of) - Number(before?.verdict === of)
  const counts = { right: change('truePositive'), wrong: change('falsePositive') }
  if (counts.right === 0 && counts.wrong === 0) return counts
  await tx
    .insertInto('intel_verdict')
    .values({ ...key, verdict: verdict ?? '', at: now })
    .onConflict((conflict) =>
      conflict.columns(['account', 'workspace', 'alert', 'indicator']).doUpdateSet({ verdict: verdict ?? '', at: now }),
    )
    .execute()
  await countJudged(tx, place, { sources, ...counts, now })
  if (counts.wrong > 0) await addOutgoing(tx, place, { id: alert, indicator, kind: 1, at: now })
  return counts
}

async function countOf(db: Pick<Tx, 'selectFrom'>, place: Place): Promise<number> {
  const row = await db
    .selectFrom('intel_counter')
    .select('value')
    .where('account', '=', place.account)
    .where('workspace', '=', place.workspace)
    .where('name', '=', 'indicators')
    .executeTakeFirst()
  return row?.value ?? 0
}

async function addToCount(tx: Tx, place: Place, count: number): Promise<void> {
  if (count === 0) return
  await tx
    .insertInto('intel_counter')
    .values({ ...place, name: 'indicators', value: count })
    .onConflict((conflict) =>
      conflict
        .columns(['account', 'workspace', 'name'])
        .doUpdateSet({ value: sql<number>`intel_counter.value + ${count}` }),
    )
    .execute()
}

async function readMany(db: Pick<Tx, 'selectFrom'>, place: Place, ids: readonly string[]): Promise<Indicator[]> {
  const indicators: Indicator[] = []
  for (const chunk of chunks(ids)) {
    const rows = await db
      .selectFrom('intel_indicator')
      .selectAll()
      .where('account', '=', place.account)
      .where('workspace', '=', place.workspace)
      .where('id', 'in', chunk)
      .orderBy('id')
      .execute()
    if (rows.length === 0) continue
    const opinions = await db
      .selectFrom('intel_opinion')
      .selectAll()
      .where('account', '=', place.account)
      .where('workspace', '=', place.workspace)
      .where(
        'indicator',
        'in',
        rows.map(({ id }) => id),
      )
      .orderBy('indicator')
      .orderBy('source')
      .execute()
    indicators.push(...joinRows(rows, opinions))
  }
  return indicators
}

async function writeMany(
  tx: Tx,
  place: Place,
  written: readonly Indicator[],
  known: ReadonlyMap<string, Indicator>,
): Promise<void> {
  for (const chunk of chunks(written)) {
    await tx
      .insertInto('intel_indicator')
      .values(chunk.map((indicator) => ({ ...place, ...toRow(indicator) })))
      .onConflict((conflict) =>
        conflict.columns(['account', 'workspace', 'id']).doUpdateSet(({ ref }) => ({
          not_matched: ref('excluded.not_matched'),
          expires_at: ref('excluded.expires_at'),
          updated_at: ref('excluded.updated_at'),
          revision: ref('excluded.revision'),
          added_us: ref('excluded.added_us'),
          first_seen: ref('excluded.first_seen'),
          last_sighted: ref('excluded.last_sighted'),
          sightings: ref('excluded.sightings'),
          true_positives: ref('excluded.true_positives'),
          false_positives: ref('excluded.false_positives'),
        })),
      )
      .execute()
  }
  const opinions = written.flatMap(({ id, opinions: own }) => {
    const before = known.get(id)?.opinions ?? []
    return own
      .filter((opinion) => !before.includes(opinion))
      .map((opinion) => ({ ...place, ...toOpinionRow(id, opinion) }))
  })
  for (const chunk of chunks(opinions)) {
    await tx
      .insertInto('intel_opinion')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['account', 'workspace', 'indicator', 'source']).doUpdateSet(({ ref }) => ({
          confidence: ref('excluded.confidence'),
          tlp: ref('excluded.tlp'),
          valid_from: ref('excluded.valid_from'),
          valid_until: ref('excluded.valid_until'),
          last_seen: ref('excluded.last_seen'),
          revoked: ref('excluded.revoked'),
          expires_at: ref('excluded.expires_at'),
          updated_at: ref('excluded.updated_at'),
          stix_id: ref('excluded.stix_id'),
          about: ref('excluded.about'),
        })),
      )
      .execute()
  }
  for (const { id, opinions: own } of written) {
    const gone = known.get(id)?.opinions.filter(({ source }) => !own.some((each) => each.source === source)) ?? []
    for (const { source } of gone) {
      await deleteOpinions(tx, place, [id]).where('source', '=', source).execute()
    }
  }
}

async function deleteMany(tx: Tx, place: Place, deleted: readonly Indicator[]): Promise<void> {
  for (const chunk of chunks(deleted.map(({ id }) => id))) {
    await deleteOpinions(tx, place, chunk).execute()
    await tx
      .deleteFrom('intel_indicator')
      .where('account', '=', place.account)
      .where('workspace', '=', place.workspace)
      .where('id', 'in', chunk)
      .execute()
  }
}

function deleteOpinions(tx: Tx, place: Place, ids: readonly string[]) {
  return tx
    .deleteFrom('intel_opinion')
    .where('account', '=', place.account)
    .where('workspace', '=', place.workspace)
    .where('indicator', 'in', ids)
}

/** Both in order of the indicators' ids. */
function joinRows(rows: readonly Selectable<IndicatorRow>[], opinions: readonly Selectable<OpinionRow>[]): Indicator[] {
  const byIndicator = new Map<string, Opinion[]>()
  for (const row of opinions) {
    const own = byIndicator.get(row.indicator)
    if (own) own.push(toOpinion(row))
    else byIndicator.set(row.indicator, [toOpinion(row)])
  }
  return rows.map((row) => ({
    id: row.id,
    type: oneOf<IndicatorType>(indicatorTypes, row.type),
    value: row.value,
    opinions: byIndicator.get(row.id) ?? [],
    ...(row.not_matched === null ? {} : { notMatched: row.not_matched }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
    addedUs: row.added_us,
    ...(row.first_seen === null ? {} : { firstSeen: row.first_seen }),
    ...(row.last_sighted === null ? {} : { lastSighted: row.last_sighted }),
    sightings: row.sightings,
    truePositives: row.true_positives,
    falsePositives: row.false_positives,
  }))
}

function toOpinion(row: Selectable<OpinionRow>): Opinion {
  const about = JSON.parse(row.about) as Pick<Opinion, 'labels' | 'killChain' | 'description'>
  return {
    source: row.source,
    stated: row.confidence,
    weight: WEIGHT_DEFAULT,
    confidence: row.confidence,
    tlp: oneOf<Tlp>(tlps, row.tlp),
    ...about,
    ...(row.stix_id === null ? {} : { stixId: row.stix_id }),
    validFrom: row.valid_from,
    ...(row.valid_until === null ? {} : { validUntil: row.valid_until }),
    lastSeen: row.last_seen,
    revoked: row.revoked === 1,
    expiresAt: row.expires_at,
    updatedAt: row.updated_at,
  }
}

function toRow(indicator: Indicator) {
  return {
    id: indicator.id,
    type: indicator.type,
    value: indicator.value,
    not_matched: indicator.notMatched ?? null,
    expires_at: indicator.opinions.reduce((latest, { expiresAt }) => Math.max(latest, expiresAt), 0),
    created_at: indicator.createdAt,
    updated_at: indicator.updatedAt,
    revision: indicator.revision,
    added_us: indicator.addedUs,
    first_seen: indicator.firstSeen ?? null,
    last_sighted: indicator.lastSighted ?? null,
    sightings: indicator.sightings,
    true_positives: indicator.truePositives,
    false_positives: indicator.falsePositives,
  }
}

function toOpinionRow(indicator: string, opinion: Opinion) {
  const { labels, killChain, description } = opinion
  return {
    indicator,
    source: opinion.source,
    confidence: opinion.stated,
    tlp: opinion.tlp,
    valid_from: opinion.validFrom,
    valid_until: opinion.validUntil ?? null,
    last_seen: opinion.lastSeen,
    revoked: opinion.revoked ? 1 : 0,
    expires_at: opinion.expiresAt,
    updated_at: opinion.updatedAt,
    stix_id: opinion.stixId ?? null,
    about: JSON.stringify({ labels, killChain, ...(description === undefined ? {} : { description }) }),
  }
}

function oneOf<T extends string>(all: readonly T[], text: string): T {
  const found = all.find((each) => each === text)
  if (found === undefined) throw new Error(`the database holds \`${text}\`, which is none of ${all.join(', ')}`)
  return found
}

function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += ROWS_PER_STATEMENT) yield items.slice(from, from + ROWS_PER_STATEMENT)
}
