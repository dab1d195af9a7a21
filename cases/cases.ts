import {
  type AccountId,
  type Clock,
  type Context,
  type Database,
  type Listed,
  type ListPage,
  type Metrics,
  pageThrough,
} from '../platform/index.ts'
import { type AlertAnswer, answerAlert, snapshotAlert } from './alert-forms.ts'
import { type DetectionFinding, putForeignIn } from './foreign-alert.ts'
import {
  LEDGER_AGE_MS_MAX,
  OUTBOX_AGE_MS_MAX,
  OUTBOX_ROWS_MAX,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  RISK_AGE_MS_MAX,
  SCAN_ROWS_MAX,
} from './limits.ts'
import { HOUR_MS, mergeFindings } from './merge-findings.ts'
import { caseMetrics } from './metrics.ts'
import { createEntities, type Entities } from './risk/entities.ts'
import { createRiskStore } from './risk/store.ts'
import { type AlertPlace, createAlertStore, type RuleOutcome } from './store.ts'
import type {
  Alert,
  AlertChange,
  AlertComment,
  AlertMove,
  AlertPatch,
  AlertSnapshot,
  Explanation,
  IncomingFinding,
  Verdict,
} from './types.ts'
import { alertNotFound, type UpdateOptions, updateAlertIn } from './update-alert.ts'

export interface CasesDeps {
  readonly database: Database
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log?: { warn(details: object, message: string): void }
}

export interface Page {
  readonly limit?: number
  readonly cursor?: string
}

/** The changes of alerts, kept with them until somebody is done with them. */
export interface AlertChanges {
  /** Calls back after changes were made by this process; what they are is to be taken. */
  onChange(listener: () => void): void
  /** The oldest changes that are not done. The same ones again until they are: taking is at least once. */
  take(max: number): Promise<readonly AlertChange[]>
  done(ids: readonly string[]): Promise<void>
}

/** The alerts that baselines made, for them to learn from what became of them. */
export interface ExplainedAlerts {
  /** Of an account, those that nobody closed, of rules whose id begins so; newest first. */
  listOpen(
    account: AccountId,
    rulePrefix: string,
    max: number,
  ): Promise<readonly { readonly workspace: string; readonly ruleId: string; readonly entity: string }[]>
  /** @throws cases.alert.notFound */
  get(
    place: AlertPlace,
    id: string,
  ): Promise<{
    readonly ruleId: string
    readonly verdict: Verdict | undefined
    readonly explanation: Explanation | undefined
  }>
}

/** What people and playbooks made of an alert. */
export interface JudgedAlert {
  readonly account: AccountId
  readonly workspace: string
  readonly alertId: string
  readonly tags: readonly string[]
  /** As it is now; absent when it was opened again. */
  readonly verdict?: Verdict
  /** When it was given, and what orders those of one millisecond. */
  readonly at: number
  readonly id: string
}

export interface Cases {
  /** Makes alerts of findings in one transaction, once per finding id. Parallel callers agree. */
  takeFindings(findings: readonly IncomingFinding[]): Promise<void>
  /** Takes an alert that another product made, or what it now says of one. @throws cases.finding.unnamed */
  putForeignAlerts(ctx: Context, workspace: string, findings: readonly DetectionFinding[]): Promise<AlertAnswer[]>
  /** @throws cases.alert.notFound */
  getAlert(ctx: Context, workspace: string, id: string): Promise<{ alert: AlertAnswer; revision: number }>
  /** The alert as expressions see it. @throws cases.alert.notFound */
  getSnapshot(account: AccountId, workspace: string, id: string): Promise<AlertSnapshot>
  /** Newest first; only those that `matches`. */
  listAlerts(
    ctx: Context,
    workspace: string,
    page: Page & { readonly matches?: (alert: AlertAnswer) => boolean },
  ): Promise<Listed<AlertAnswer>>
  /** @throws cases.alert.notFound, cases.alert.invalid, cases.alert.wrongMove, cases.alert.verdictMissing,
   * cases.alert.tooManyComments, platform.http.changed */
  updateAlert(
    ctx: Context,
    workspace: string,
    id: string,
    patch: AlertPatch,
    options?: UpdateOptions,
  ): Promise<{ alert: AlertAnswer; revision: number }>
  /** Oldest first. @throws cases.alert.notFound */
  listComments(ctx: Context, workspace: string, id: string, page: Page): Promise<Listed<AlertComment>>
  /** Who moved what, oldest first. @throws cases.alert.notFound */
  listMoves(ctx: Context, workspace: string, id: string, page: Page): Promise<Listed<AlertMove>>
  readonly alertChanges: AlertChanges
  readonly explainedAlerts: ExplainedAlerts
  /** Alerts of rules whose id begins so and whose verdict changed after a place in the order of such changes, in that
   * order, of all accounts. */
  listJudged(
    rulePrefix: string,
    after: { readonly at: number; readonly id: string },
    limit: number,
  ): Promise<readonly JudgedAlert[]>
  /** What became of the alerts of each rule that were last seen from an instant on, ms. */
  ruleOutcomes(place: AlertPlace, since: number): Promise<readonly RuleOutcome[]>
  /** Users, hosts and the like, and the risk that findings add to them. */
  readonly entities: Entities
  /** Calls back after each change that this process made, in order; a feed to look at, not to rely on. */
  onAlert(listener: (change: AlertChange) => void): void
  /** Forgets what is too old to matter. To be called now and then.
   * @returns how many finding ids were forgotten, and how many changes nobody took were lost */
  prune(): Promise<{ readonly findings: number; readonly changes: number }>
}

/** The alert hub. */
export function createCases(deps: CasesDeps): Cases {
  const { clock } = deps
  const store = createAlertStore(deps.database)
  const counts = deps.metrics.use(caseMetrics)
  deps.metrics.beforeScrape(async () => counts.changesWaiting.set({}, await store.countChanges()))
  const changeListeners: (() => void)[] = []
  const alertListeners: ((change: AlertChange) => void)[] = []

  /** What is committed stays done, whatever a listener makes of it. */
  const tell = (call: () => void) => {
    try {
      call()
    } catch (error) {
      deps.log?.warn({ err: error }, 'a listener to changes of alerts failed')
    }
  }
  const publish = (changes: readonly AlertChange[]) => {
    if (changes.length === 0) return
    for (const { change } of changes) counts.changes.add({ change })
    for (const listener of changeListeners) tell(() => listener())
    for (const listener of alertListeners) for (const change of changes) tell(() => listener(change))
  }

  const requireAlert = async (place: AlertPlace, id: string): Promise<Alert> => {
    const alert = await store.findAlert(place, id)
    if (!alert) throw alertNotFound(place.workspace, id)
    return alert
  }

  return {
    async takeFindings(findings) {
      if (findings.length === 0) return
      const merged = await store.write((tx) => mergeFindings(tx, findings, clock))
      counts.findings.add({ outcome: 'merged' }, merged.freshCount - merged.heldBackCount)
      counts.findings.add({ outcome: 'held_back' }, merged.heldBackCount)
      counts.findings.add({ outcome: 'repeated' }, findings.length - merged.freshCount)
      for (const ruleId of merged.noisyRules) {
        deps.log?.warn({ ruleId }, 'a rule makes too many alerts; the rest of this hour is one summary alert')
      }
      publish(merged.changes)
    },

    async putForeignAlerts(ctx, workspace, findings) {
      const place = { account: ctx.principal.account, workspace }
      const outcomes = await store.write(async (tx) => {
        const written = []
        for (const finding of findings) written.push(await putForeignIn(tx, place, finding, clock))
        return written
      })
      publish(outcomes.flatMap((outcome) => outcome.changes))
      return outcomes.map((outcome) => answerAlert(outcome.alert))
    },

    async getAlert(ctx, workspace, id) {
      return answered(await requireAlert({ account: ctx.principal.account, workspace }, id))
    },

    async getSnapshot(account, workspace, id) {
      return snapshotAlert(await requireAlert({ account, workspace }, id))
    },

    listAlerts(ctx, workspace, page) {
      const place = { account: ctx.principal.account, workspace }
      return pageThrough(boundedPage(page), {
        read: ({ after, limit }) =>
          store.pageAlerts(place, { limit, ...(after === undefined ? {} : { beforeId: after }) }),
        placeOf: ({ id }) => id,
        toItem: answerAlert,
        scannedMax: SCAN_ROWS_MAX,
      })
    },

    async updateAlert(ctx, workspace, id, patch, options = {}) {
      const { alert, changes } = await store.write((tx) =>
        updateAlertIn(tx, { ctx, workspace, id, patch, options }, clock),
      )
      publish(changes)
      return answered(alert)
    },

    async listComments(ctx, workspace, id, page) {
      const place = { account: ctx.principal.account, workspace }
      await requireAlert(place, id)
      return pageOf(page, (some) => store.pageComments(place, id, some))
    },

    async listMoves(ctx, workspace, id, page) {
      const place = { account: ctx.principal.account, workspace }
      await requireAlert(place, id)
      return pageOf(page, (some) => store.pageMoves(place, id, some))
    },

    alertChanges: {
      onChange: (listener) => void changeListeners.push(listener),
      take: (max) => store.takeChanges(max),
      done: (ids) => store.deleteChanges(ids),
    },

    entities: createEntities({ store: createRiskStore(deps.database), write: store.write, clock }),

    explainedAlerts: {
      async listOpen(account, rulePrefix, max) {
        const alerts = await store.listOpen(account, rulePrefix, max)
        return alerts.flatMap(({ workspace, ruleId, explanation }) =>
          explanation ? [{ workspace, ruleId, entity: explanation.entity }] : [],
        )
      },
      async get(place, id) {
        const { ruleId, verdict, explanation } = await requireAlert(place, id)
        return { ruleId, verdict, explanation }
      },
    },

    async listJudged(rulePrefix, after, limit) {
      const judged = await store.listJudged(rulePrefix, after, limit)
      return judged.map(({ at, id, alert: { account, workspace, id: alertId, tags, verdict } }) => ({
        ...{ account, workspace, alertId, tags, at, id },
        ...(verdict === undefined ? {} : { verdict }),
      }))
    },

    ruleOutcomes: (place, since) => store.sumOutcomes(place, since),

    onAlert: (listener) => void alertListeners.push(listener),

    async prune() {
      const now = clock.now()
      await store.write((tx) => tx.risk.prune(now - RISK_AGE_MS_MAX))
      const pruned = await store.prune({
        findingsBefore: now - LEDGER_AGE_MS_MAX,
        changesBefore: now - OUTBOX_AGE_MS_MAX,
        changesMax: OUTBOX_ROWS_MAX,
        hoursBefore: Math.floor(now / HOUR_MS) - 1,
      })
      counts.changesDropped.add({}, pruned.changes)
      if (pruned.changes > 0) deps.log?.warn(pruned, 'changes of alerts were dropped because nobody took them')
      return pruned
    },
  }
}

function answered(alert: Alert): { alert: AlertAnswer; revision: number } {
  return { alert: answerAlert(alert), revision: alert.revision }
}

function boundedPage<Item>(page: Page & Pick<ListPage<Item>, 'matches'>): ListPage<Item> {
  return { ...page, limit: Math.min(page.limit ?? PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX) }
}

function pageOf<Row extends { readonly id: string }>(
  page: Page,
  read: (some: { afterId?: string; limit: number }) => Promise<readonly Row[]>,
): Promise<Listed<Row>> {
  return pageThrough(boundedPage<Row>(page), {
    read: ({ after, limit }) => read({ limit, ...(after === undefined ? {} : { afterId: after }) }),
    placeOf: ({ id }) => id,
    toItem: (row) => row,
  })
}
