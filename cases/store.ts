import type { Selectable, Transaction } from 'kysely'
import type { AccountId, Database } from '../platform/index.ts'
import { caseError } from './errors.ts'
import { CONFLICT_ATTEMPTS_MAX, ROWS_PER_STATEMENT } from './limits.ts'
import { type RiskTables, riskInTransaction } from './risk/store.ts'
import {
  type Alert,
  type AlertChange,
  type AlertChangeKind,
  type AlertComment,
  type AlertMove,
  type AlertSnapshot,
  type AlertState,
  severities,
  type Verdict,
} from './types.ts'

interface AlertRow {
  account: string
  workspace: string
  id: string
  dedup_key: string
  dedup_slot: string | null
  foreign_key: string | null
  rule_id: string
  title: string
  severity: number
  state: string
  verdict: string | null
  owner: string | null
  count: number
  seen_again: number
  first_seen: number
  last_seen: number
  closed_at: number | null
  revision: number
  body: string
}

interface Tables extends RiskTables {
  alert: AlertRow
  alert_finding: { account: string; id: string; taken_at: number }
  alert_rule_hour: { account: string; workspace: string; rule_id: string; hour: number; wanted: number }
  alert_move: {
    account: string
    workspace: string
    alert_id: string
    id: string
    at: number
    who: string
    member: string
    from_value: string
    to_value: string
    reason: string
    request_id: string
  }
  alert_comment: {
    account: string
    workspace: string
    alert_id: string
    id: string
    at: number
    author: string
    text: string
    request_id: string
  }
  alert_update_key: { account: string; workspace: string; alert_id: string; key: string; at: number }
  alert_change: {
    id: string
    account: string
    workspace: string
    change: string
    revision: number
    at: number
    alert: string
  }
}

/** What became of the alerts of a rule. */
export interface RuleOutcome {
  readonly ruleId: string
  readonly alerts: number
  readonly closedAlerts: number
  /** Of the closed ones. */
  readonly falsePositives: number
}

/** Where an alert lives. */
export interface AlertPlace {
  readonly account: AccountId
  readonly workspace: string
}

export type AlertTransaction = ReturnType<typeof inTransaction>

/** The hub's only SQL. */
export function createAlertStore(database: Database) {
  const db = database.as<Tables>()
  return {
    /** Runs `work` in one transaction, and again from the start when it ran into another one: `work` must not do
     * anything but read and write here.
     * @throws cases.alert.busy when that happens again and again */
    async write<T>(work: (tx: AlertTransaction) => Promise<T>): Promise<T> {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.write((tx) => work(inTransaction(tx, db.dialect)))
        } catch (error) {
          if (!isConflict(error)) throw error
          if (attempt >= CONFLICT_ATTEMPTS_MAX) {
            throw caseError('cases.alert.busy', 'too many writers work on the same alerts; try again', {
              cause: error,
              retryAfterSec: 1,
            })
          }
        }
      }
    },

    async findAlert(place: AlertPlace, id: string): Promise<Alert | undefined> {
      const row = await alertsOf(db.read, place).where('id', '=', id).executeTakeFirst()
      return row && toAlert(row)
    },

    /** The alerts of an account that nobody closed, of the rules whose id begins so; newest first. */
    async listOpen(account: AccountId, rulePrefix: string, limit: number): Promise<Alert[]> {
      const rows = await db.read
        .selectFrom('alert')
        .selectAll()
        .where('account', '=', account)
        .where('closed_at', 'is', null)
        .where('rule_id', 'like', `${rulePrefix}%`)
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toAlert)
    },

    /** Alerts whose verdict moved after a place in the order of moves, of rules whose id begins so, of all accounts. */
    async listJudged(
      rulePrefix: string,
      after: { readonly at: number; readonly id: string },
      limit: number,
    ): Promise<{ at: number; id: string; alert: Alert }[]> {
      const rows = await db.read
        .selectFrom('alert_move as move')
        .innerJoin('alert', (join) =>
          join
            .onRef('alert.account', '=', 'move.account')
            .onRef('alert.workspace', '=', 'move.workspace')
            .onRef('alert.id', '=', 'move.alert_id'),
        )
        .selectAll('alert')
        .select(['move.at as moved_at', 'move.id as move_id'])
        .where('move.member', '=', 'verdict')
        .where(({ or, and, eb }) =>
          or([eb('move.at', '>', after.at), and([eb('move.at', '=', after.at), eb('move.id', '>', after.id)])]),
        )
        .where('alert.rule_id', 'like', `${rulePrefix}%`)
        .orderBy('move.at')
        .orderBy('move.id')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ at: row.moved_at, id: row.move_id, alert: toAlert(row) }))
    },

    /** Newest first, from before `beforeId` on. */
    async pageAlerts(place: AlertPlace, page: { beforeId?: string; limit: number }): Promise<Alert[]> {
      let query = alertsOf(db.read, place).orderBy('id', 'desc').limit(page.limit)
      if (page.beforeId !== undefined) query = query.where('id', '<', page.beforeId)
      return (await query.execute()).map(toAlert)
    },

    /** Oldest first, from after `afterId` on. */
    async pageComments(
      place: AlertPlace,
      alertId: string,
      page: { afterId?: string; limit: number },
    ): Promise<AlertComment[]> {
      return await db.read
        .selectFrom('alert_comment')
        .select(['id', 'at', 'author', 'text'])
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('alert_id', '=', alertId)
        .where('id', '>', page.afterId ?? '')
        .orderBy('id')
        .limit(page.limit)
        .execute()
    },

    /** Oldest first, from after `afterId` on. */
    async pageMoves(
      place: AlertPlace,
      alertId: string,
      page: { afterId?: string; limit: number },
    ): Promise<AlertMove[]> {
      const rows = await db.read
        .selectFrom('alert_move')
        .selectAll()
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('alert_id', '=', alertId)
        .where('id', '>', page.afterId ?? '')
        .orderBy('id')
        .limit(page.limit)
        .execute()
      return rows.map((row) => ({
        id: row.id,
        at: row.at,
        who: row.who,
        member: row.member as AlertMove['member'],
        from: row.from_value,
        to: row.to_value,
        reason: row.reason,
        requestId: row.request_id,
      }))
    },

    /** The oldest changes that are not done, of all accounts: the platform's own work. */
    async takeChanges(max: number): Promise<AlertChange[]> {
      const rows = await db.read.selectFrom('alert_change').selectAll().orderBy('id').limit(max).execute()
      return rows.map((row) => ({
        id: row.id,
        account: row.account as AccountId,
        workspace: row.workspace,
        change: row.change as AlertChangeKind,
        revision: row.revision,
        alert: JSON.parse(row.alert) as AlertSnapshot,
      }))
    },

    /** Of each rule the alerts that were last seen from an instant on, those of them that are closed, and those of these
     * that were false positives. */
    async sumOutcomes({ account, workspace }: AlertPlace, since: number): Promise<RuleOutcome[]> {
      const rows = await db.read
        .selectFrom('alert')
        .select(({ fn, eb }) => [
          'rule_id',
          'verdict',
          eb('state', 'in', ['resolved', 'archived']).as('closed'),
          fn.countAll<number>().as('count'),
        ])
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('last_seen', '>=', since)
        .groupBy(['rule_id', 'verdict', 'closed'])
        .execute()
      return [...Map.groupBy(rows, (row) => row.rule_id)].map(([ruleId, ofRule]) => {
        const sum = (some: typeof ofRule) => some.reduce((total, { count }) => total + Number(count), 0)
        const closed = ofRule.filter((row) => Boolean(row.closed))
        const wrong = closed.filter(({ verdict }) => verdict === 'false_positive')
        return { ruleId, alerts: sum(ofRule), closedAlerts: sum(closed), falsePositives: sum(wrong) }
      })
    },

    async countChanges(): Promise<number> {
      const row = await db.read
        .selectFrom('alert_change')
        .select((query) => query.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    async deleteChanges(ids: readonly string[]): Promise<void> {
      await db.write(async (tx) => {
        for (const some of chunks(ids)) await tx.deleteFrom('alert_change').where('id', 'in', some).execute()
      })
    },

    /** Forgets what is old: ids of findings, keys of updates, hours of rules, changes nobody took, of those also the oldest above
     * `changesMax`. @returns how many finding ids and changes went */
    async prune(bounds: { findingsBefore: number; changesBefore: number; changesMax: number; hoursBefore: number }) {
      return await db.write(async (tx) => {
        const findings = await tx
          .deleteFrom('alert_finding')
          .where('taken_at', '<', bounds.findingsBefore)
          .executeTakeFirst()
        await tx.deleteFrom('alert_update_key').where('at', '<', bounds.findingsBefore).execute()
        await tx.deleteFrom('alert_rule_hour').where('hour', '<', bounds.hoursBefore).execute()
        const aged = await tx.deleteFrom('alert_change').where('at', '<', bounds.changesBefore).executeTakeFirst()
        const newestToGo = await tx
          .selectFrom('alert_change')
          .select('id')
          .orderBy('id', 'desc')
          .offset(bounds.changesMax)
          .limit(1)
          .executeTakeFirst()
        const crowded = newestToGo
          ? await tx.deleteFrom('alert_change').where('id', '<=', newestToGo.id).executeTakeFirst()
          : undefined
        return {
          findings: Number(findings.numDeletedRows),
          changes: Number(aged.numDeletedRows) + Number(crowded?.numDeletedRows ?? 0),
        }
      })
    },
  }
}

function inTransaction(tx: Transaction<Tables>, dialect: Database['dialect']) {
  /** Alerts read here are held until the transaction ends. SQLite has one writer, so there everything is. */
  const held = (place: AlertPlace) => (dialect === 'postgres' ? alertsOf(tx, place).forUpdate() : alertsOf(tx, place))
  return {
    /** The risk of entities. */
    risk: riskInTransaction(tx as unknown as Transaction<RiskTables>),

    /** Remembers the findings' ids. @returns those that were not remembered before */
    async claimFindings(account: AccountId, ids: readonly string[], now: number): Promise<Set<string>> {
      const fresh = new Set<string>()
      // Sorted, so that two that claim the same ids wait for, and not on, each other.
      for (const some of chunks([...ids].sort())) {
        const rows = await tx
          .insertInto('alert_finding')
          .values(some.map((id) => ({ account, id, taken_at: now })))
          .onConflict((conflict) => conflict.doNothing())
          .returning('id')
          .execute()
        for (const row of rows) fresh.add(row.id)
      }
      return fresh
    },

    /** The alerts that take findings of these keys, by key. */
    async collectingAlerts(place: AlertPlace, keys: readonly string[]): Promise<Map<string, Alert>> {
      const found = new Map<string, Alert>()
      for (const some of chunks([...keys].sort())) {
        const rows = await held(place).where('dedup_slot', 'in', some).orderBy('dedup_slot').execute()
        for (const row of rows) found.set(row.dedup_key, toAlert(row))
      }
      return found
    },

    /** The alert of this key that was closed last. */
    async lastClosed(place: AlertPlace, key: string): Promise<Alert | undefined> {
      const row = await held(place)
        .where('dedup_key', '=', key)
        .where('closed_at', 'is not', null)
        .orderBy('closed_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && toAlert(row)
    },

    async findForeign(place: AlertPlace, key: string): Promise<Alert | undefined> {
      const row = await held(place).where('foreign_key', '=', key).executeTakeFirst()
      return row && toAlert(row)
    },

    async findAlert(place: AlertPlace, id: string): Promise<Alert | undefined> {
      const row = await held(place).where('id', '=', id).executeTakeFirst()
      return row && toAlert(row)
    },

    async isCollecting(place: AlertPlace, key: string): Promise<boolean> {
      return (await alertsOf(tx, place).where('dedup_slot', '=', key).executeTakeFirst()) !== undefined
    },

    /** Adds to the alerts that a rule wanted to make in this hour. @returns how many those are now */
    async countWanted(place: AlertPlace, ruleId: string, hour: number, more: number): Promise<number> {
      const row = await tx
        .insertInto('alert_rule_hour')
        .values({ account: place.account, workspace: place.workspace, rule_id: ruleId, hour, wanted: more })
        .onConflict((conflict) =>
          conflict
            .columns(['account', 'workspace', 'rule_id', 'hour'])
            .doUpdateSet((old) => ({ wanted: old('alert_rule_hour.wanted', '+', more) })),
        )
        .returning('wanted')
        .executeTakeFirstOrThrow()
      return row.wanted
    },

    async insertAlerts(alerts: readonly Alert[], kind: 'own' | 'foreign' = 'own'): Promise<void> {
      const rows = alerts.map((alert) => toRow(alert, kind === 'foreign' ? alert.dedupKey : null))
      rows.sort((a, b) => (a.dedup_key < b.dedup_key ? -1 : 1))
      for (const some of chunks(rows)) await tx.insertInto('alert').values(some).execute()
    },

    async updateAlert(alert: Alert): Promise<void> {
      const { account, workspace, id, foreign_key: _, ...columns } = toRow(alert, null)
      await tx
        .updateTable('alert')
        .set(columns)
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('id', '=', id)
        .execute()
    },

    async addMoves(alert: Alert, moves: readonly AlertMove[]): Promise<void> {
      if (moves.length === 0) return
      const rows = moves.map((move) => ({
        account: alert.account,
        workspace: alert.workspace,
        alert_id: alert.id,
        id: move.id,
        at: move.at,
        who: move.who,
        member: move.member,
        from_value: move.from,
        to_value: move.to,
        reason: move.reason,
        request_id: move.requestId,
      }))
      await tx.insertInto('alert_move').values(rows).execute()
    },

    async countComments(alert: Alert): Promise<number> {
      const row = await commentsOf(tx, alert)
        .select((query) => query.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    /** Remembers the key of an update. @returns whether it is new */
    async claimUpdate(alert: Alert, key: string, now: number): Promise<boolean> {
      const { account, workspace, id } = alert
      const claimed = await tx
        .insertInto('alert_update_key')
        .values({ account, workspace, alert_id: id, key, at: now })
        .onConflict((conflict) => conflict.doNothing())
        .returning('key')
        .executeTakeFirst()
      return claimed !== undefined
    },

    async addComment(alert: Alert, comment: AlertComment, requestId: string): Promise<void> {
      await tx
        .insertInto('alert_comment')
        .values({
          account: alert.account,
          workspace: alert.workspace,
          alert_id: alert.id,
          ...comment,
          request_id: requestId,
        })
        .execute()
    },

    async addChanges(changes: readonly AlertChange[], at: number): Promise<void> {
      const rows = changes.map((change) => ({ ...change, alert: JSON.stringify(change.alert), at }))
      for (const some of chunks(rows)) await tx.insertInto('alert_change').values(some).execute()
    },
  }
}

function alertsOf(db: Pick<Transaction<Tables>, 'selectFrom'>, place: AlertPlace) {
  return db
    .selectFrom('alert')
    .selectAll()
    .where('account', '=', place.account)
    .where('workspace', '=', place.workspace)
}

function commentsOf(db: Pick<Transaction<Tables>, 'selectFrom'>, alert: Alert) {
  return db
    .selectFrom('alert_comment')
    .where('account', '=', alert.account)
    .where('workspace', '=', alert.workspace)
    .where('alert_id', '=', alert.id)
}

type AlertBody = Pick<
  Alert,
  'entities' | 'techniques' | 'tactics' | 'tags' | 'events' | 'guidance' | 'explanation' | 'risk' | 'riskOf'
>

function toRow(alert: Alert, foreignKey: string | null): AlertRow {
  const body: AlertBody = {
    entities: alert.entities,
    techniques: alert.techniques,
    tactics: alert.tactics,
    tags: alert.tags,
    events: alert.events,
    ...(alert.guidance === undefined ? {} : { guidance: alert.guidance }),
    ...(alert.explanation === undefined ? {} : { explanation: alert.explanation }),
    ...(alert.risk === undefined ? {} : { risk: alert.risk }),
    ...(alert.riskOf === undefined ? {} : { riskOf: alert.riskOf }),
  }
  return {
    account: alert.account,
    workspace: alert.workspace,
    id: alert.id,
    dedup_key: alert.dedupKey,
    dedup_slot: alert.collecting ? alert.dedupKey : null,
    foreign_key: foreignKey,
    rule_id: alert.ruleId,
    title: alert.title,
    severity: severities.indexOf(alert.severity) + 1,
    state: alert.state,
    verdict: alert.verdict ?? null,
    owner: alert.owner ?? null,
    count: alert.count,
    seen_again: alert.seenAgain,
    first_seen: alert.firstSeen,
    last_seen: alert.lastSeen,
    closed_at: alert.closedAt ?? null,
    revision: alert.revision,
    body: JSON.stringify(body),
  }
}

/** Rows are our own writing: what stands in them was judged on its way in. */
function toAlert(row: Selectable<AlertRow>): Alert {
  return {
    account: row.account as AccountId,
    workspace: row.workspace,
    id: row.id,
    dedupKey: row.dedup_key,
    collecting: row.dedup_slot !== null,
    ruleId: row.rule_id,
    title: row.title,
    severity: severities[row.severity - 1] ?? 'critical',
    state: row.state as AlertState,
    count: row.count,
    seenAgain: row.seen_again,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
    revision: row.revision,
    ...(JSON.parse(row.body) as AlertBody),
    ...(row.verdict === null ? {} : { verdict: row.verdict as Verdict }),
    ...(row.owner === null ? {} : { owner: row.owner }),
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
  }
}

function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = []
  for (let start = 0; start < items.length; start += ROWS_PER_STATEMENT) {
    parts.push(items.slice(start, start + ROWS_PER_STATEMENT))
  }
  return parts
}

/** PostgreSQL's unique violation, deadlock and serialization failure: another transaction was first. */
function isConflict(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === '23505' || code === '40P01' || code === '40001'
}
