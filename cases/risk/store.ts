import { sql, type Transaction } from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import { RISK_CONTRIBUTIONS_KEPT_MAX, RISK_CONTRIBUTIONS_MAX, ROWS_PER_STATEMENT } from '../limits.ts'
import type { AlertRisk } from '../types.ts'
import type { Criticality } from './score.ts'

export interface RiskTables {
  risk_contribution: {
    account: string
    workspace: string
    kind: string
    value: string
    source: string
    alert_id: string | null
    rule_id: string
    title: string
    tactics: string
    techniques: string
    inputs: string
    records: string
    at: number
    findings: number
    weight: number
    counts: number
  }
  risk_entity: {
    account: string
    workspace: string
    kind: string
    value: string
    criticality: string | null
    rank: number
    score: number
    scored_at: number
    contributions: number
    tactics: string
    above: number
  }
}

interface Place {
  readonly account: AccountId
  readonly workspace: string
}

/** An entity, by the kind it has in alerts. */
export interface EntityKey {
  readonly kind: string
  readonly value: string
}

/** What an alert, or findings that make no alert, add to the risk of an entity. */
export interface Contribution extends EntityKey {
  /** The alert's id, or what makes findings one where there is no alert. */
  readonly source: string
  readonly alertId?: string
  readonly ruleId: string
  readonly title: string
  readonly tactics: readonly string[]
  readonly techniques: readonly string[]
  readonly risk: AlertRisk
  readonly recordIds: readonly string[]
  readonly at: number
  readonly findings: number
  readonly weight: number
}

/** An entity's risk as it was made last. */
export interface EntityRisk extends EntityKey {
  readonly criticality?: Criticality
  /** The score's logarithm plus its time in half lives: what entities are ordered by. */
  readonly rank: number
  readonly contributions: number
  /** Within the window of tactics, when the score was made. */
  readonly tactics: readonly string[]
  readonly scoredAt: number
}

export interface Rescored {
  readonly score: number
  readonly rank: number
  readonly now: number
  readonly contributions: number
  readonly tactics: readonly string[]
  readonly above: boolean
}

export type RiskTransaction = ReturnType<typeof riskInTransaction>

/** The only SQL of risk that writes; in the transaction of the alerts it is made of. */
export function riskInTransaction(tx: Transaction<RiskTables>) {
  return {
    /** How critical entities are, by `kind value`; those of which nothing is known are absent. */
    async criticalities(place: Place, keys: readonly EntityKey[]): Promise<ReadonlyMap<string, Criticality>> {
      const found = new Map<string, Criticality>()
      for (const [kind, ofKind] of Map.groupBy(keys, (key) => key.kind)) {
        const values = [...new Set(ofKind.map(({ value }) => value))]
        for (let from = 0; from < values.length; from += ROWS_PER_STATEMENT) {
          const rows = await entitiesOf(tx, place)
            .where('kind', '=', kind)
            .where('value', 'in', values.slice(from, from + ROWS_PER_STATEMENT))
            .where('criticality', 'is not', null)
            .execute()
          for (const row of rows) found.set(`${kind} ${row.value}`, row.criticality as Criticality)
        }
      }
      return found
    },

    /** Holds an entity until the transaction ends, made where it is new. @returns whether it was above before */
    async hold(place: Place, { kind, value }: EntityKey, now: number): Promise<{ readonly above: boolean }> {
      const row = await tx
        .insertInto('risk_entity')
        .values({
          ...{ account: place.account, workspace: place.workspace, kind, value, criticality: null },
          ...{ rank: RANK_OF_NOTHING, score: 0, scored_at: now, contributions: 0, tactics: '', above: 0 },
        })
        .onConflict((conflict) =>
          conflict
            .columns(['account', 'workspace', 'kind', 'value'])
            .doUpdateSet(({ ref }) => ({ above: ref('risk_entity.above') })),
        )
        .returning('above')
        .executeTakeFirstOrThrow()
      return { above: row.above === 1 }
    },

    /** Writes what is added; of a source that is there, what it is now. @returns whether the source is new */
    async contribute(place: Place, contribution: Contribution): Promise<boolean> {
      const {
        kind,
        value,
        source,
        alertId,
        ruleId,
        title,
        tactics,
        techniques,
        risk,
        recordIds,
        at,
        findings,
        weight,
      } = contribution
      const columns = {
        ...{ rule_id: ruleId, title, alert_id: alertId ?? null, weight, at, findings, counts: 1 },
        ...{ tactics: tactics.join(' '), techniques: techniques.join(' ') },
        ...{ inputs: JSON.stringify(risk), records: JSON.stringify(recordIds) },
      }
      const row = await tx
        .insertInto('risk_contribution')
        .values({ account: place.account, workspace: place.workspace, kind, value, source, ...columns })
        .onConflict((conflict) =>
          conflict.columns(['account', 'workspace', 'kind', 'value', 'source']).doUpdateSet((old) => ({
            ...columns,
            findings: old('risk_contribution.findings', '+', findings),
            at: sql<number>`case when risk_contribution.at > ${at} then risk_contribution.at else ${at} end`,
            weight: sql<number>`case when risk_contribution.weight > ${weight} then risk_contribution.weight else ${weight} end`,
          })),
        )
        .returning('findings')
        .executeTakeFirstOrThrow()
      return row.findings === findings
    },

    /** The weightiest contributions that count, with what tactics they show. */
    async weights(
      place: Place,
      { kind, value }: EntityKey,
    ): Promise<{ readonly weight: number; readonly at: number; readonly tactics: readonly string[] }[]> {
      const rows = await contributionsOf(tx, place)
        .select(['weight', 'at', 'tactics'])
        .where('kind', '=', kind)
        .where('value', '=', value)
        .where('counts', '=', 1)
        .orderBy('weight', 'desc')
        .limit(RISK_CONTRIBUTIONS_MAX)
        .execute()
      return rows.map(({ weight, at, tactics }) => ({ weight, at, tactics: words(tactics) }))
    },

    /** The weightiest contributions that count. */
    top: (place: Place, key: EntityKey, limit: number) => topContributions(tx, place, key, { limit }),

    async put(place: Place, { kind, value }: EntityKey, scored: Rescored): Promise<void> {
      await tx
        .updateTable('risk_entity')
        .set({
          ...{ rank: scored.rank, score: scored.score, scored_at: scored.now, contributions: scored.contributions },
          ...{ tactics: scored.tactics.join(' '), above: scored.above ? 1 : 0 },
        })
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('kind', '=', kind)
        .where('value', '=', value)
        .execute()
    },

    /** Lets the lightest contributions of an entity go when there are too many. */
    async crop(place: Place, { kind, value }: EntityKey): Promise<void> {
      const of = contributionsOf(tx, place).where('kind', '=', kind).where('value', '=', value)
      const last = await of
        .select('weight')
        .orderBy('weight', 'desc')
        .offset(RISK_CONTRIBUTIONS_KEPT_MAX)
        .limit(1)
        .executeTakeFirst()
      if (!last) return
      await tx
        .deleteFrom('risk_contribution')
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('kind', '=', kind)
        .where('value', '=', value)
        .where('weight', '<=', last.weight)
        .execute()
    },

    /** Says whether an alert counts. @returns the entities whose risk that moves */
    async setCounting(place: Place, alertId: string, counts: boolean): Promise<EntityKey[]> {
      return tx
        .updateTable('risk_contribution')
        .set({ counts: counts ? 1 : 0 })
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('source', '=', alertId)
        .where('counts', '=', counts ? 0 : 1)
        .returning(['kind', 'value'])
        .execute()
    },

    async setCriticality(place: Place, { kind, value }: EntityKey, criticality: Criticality, now: number) {
      await this.hold(place, { kind, value }, now)
      await tx
        .updateTable('risk_entity')
        .set({ criticality })
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('kind', '=', kind)
        .where('value', '=', value)
        .execute()
    },

    /** Forgets contributions that weigh nothing any more, and entities without any that nobody described. */
    async prune(before: number): Promise<void> {
      await tx.deleteFrom('risk_contribution').where('at', '<', before).execute()
      await tx.deleteFrom('risk_entity').where('scored_at', '<', before).where('criticality', 'is', null).execute()
    },
  }
}

/** Below every rank that something has. */
export const RANK_OF_NOTHING = -1e9

/** What is read of risk outside of a transaction. */
export function createRiskStore(database: Database) {
  const db = database.as<RiskTables>()
  return {
    async findEntity(place: Place, { kind, value }: EntityKey): Promise<EntityRisk | undefined> {
      const row = await entitiesOf(db.read, place)
        .where('kind', '=', kind)
        .where('value', '=', value)
        .executeTakeFirst()
      return row && toEntity(row)
    },

    /** Highest risk first. */
    async pageEntities(
      place: Place,
      page: { readonly after?: EntityKey & { readonly rank: number }; readonly limit: number },
    ): Promise<EntityRisk[]> {
      let query = entitiesOf(db.read, place).orderBy('rank', 'desc').orderBy('kind').orderBy('value').limit(page.limit)
      const { after } = page
      if (after) {
        query = query.where(({ or, and, eb }) =>
          or([
            eb('rank', '<', after.rank),
            and([
              eb('rank', '=', after.rank),
              or([eb('kind', '>', after.kind), and([eb('kind', '=', after.kind), eb('value', '>', after.value)])]),
            ]),
          ]),
        )
      }
      return (await query.execute()).map(toEntity)
    },

    /** The weightiest contributions first; also those that do not count, where asked for. */
    top: (place: Place, key: EntityKey, limit: number, options: { readonly all?: boolean } = {}) =>
      topContributions(db.read, place, key, { limit, ...options }),
  }
}

type Readable = Pick<Transaction<RiskTables>, 'selectFrom'>

async function topContributions(
  db: Readable,
  place: Place,
  { kind, value }: EntityKey,
  { limit, all = false }: { readonly limit: number; readonly all?: boolean },
): Promise<(Contribution & { readonly counts: boolean })[]> {
  let query = contributionsOf(db, place)
    .selectAll()
    .where('kind', '=', kind)
    .where('value', '=', value)
    .orderBy('weight', 'desc')
    .orderBy('source')
    .limit(limit)
  if (!all) query = query.where('counts', '=', 1)
  return (await query.execute()).map(toContribution)
}

function entitiesOf(db: Readable, { account, workspace }: Place) {
  return db.selectFrom('risk_entity').selectAll().where('account', '=', account).where('workspace', '=', workspace)
}

function contributionsOf(db: Readable, { account, workspace }: Place) {
  return db.selectFrom('risk_contribution').where('account', '=', account).where('workspace', '=', workspace)
}

const words = (text: string): readonly string[] => (text === '' ? [] : text.split(' '))

function toEntity(row: RiskTables['risk_entity']): EntityRisk {
  return {
    kind: row.kind,
    value: row.value,
    ...(row.criticality === null ? {} : { criticality: row.criticality as Criticality }),
    rank: row.rank,
    contributions: row.contributions,
    tactics: words(row.tactics),
    scoredAt: row.scored_at,
  }
}

function toContribution(row: RiskTables['risk_contribution']): Contribution & { readonly counts: boolean } {
  return {
    kind: row.kind,
    value: row.value,
    source: row.source,
    ...(row.alert_id === null ? {} : { alertId: row.alert_id }),
    ruleId: row.rule_id,
    title: row.title,
    tactics: words(row.tactics),
    techniques: words(row.techniques),
    risk: JSON.parse(row.inputs) as AlertRisk,
    recordIds: JSON.parse(row.records) as readonly string[],
    at: row.at,
    findings: row.findings,
    weight: row.weight,
    counts: row.counts === 1,
  }
}
