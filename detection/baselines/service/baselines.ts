import { randomBytes } from 'node:crypto'
import {
  type AccountId,
  type ChannelHandlers,
  type Clock,
  type Database,
  type Log,
  nearest,
  requireMatch,
  type Sealer,
} from '../../../platform/index.ts'
import { baselineError } from '../errors.ts'
import { FREEZE_DELAY_MS, FROZEN_MAX, KEY_BYTES } from '../limits.ts'
import type { Baseline } from '../stream/baseline.ts'
import { baselines } from '../stream/catalogue.ts'
import type { BaselineReport, EntityReport } from '../stream/report.ts'
import type { PastDeviation } from '../stream/running.ts'
import { type BaselineSettings, defaultSettings } from '../stream/settings.ts'
import type { BaselineChange, BaselinePlace, BaselineWatcher, OpenAlerts } from '../stream/watcher.ts'
import { type Offer, offersFor } from './offers.ts'
import { createBaselineStore, type StoredSettings } from './store.ts'

/** The alerts of baselines, as far as they matter here. */
export interface AlertsOfBaselines {
  /** Those that nobody closed, newest first. */
  listOpen(
    account: AccountId,
    rulePrefix: string,
    max: number,
  ): Promise<readonly { readonly workspace: string; readonly ruleId: string; readonly entity: string }[]>
  /** @throws what the caller is told where there is no such alert */
  get(
    place: BaselinePlace,
    id: string,
  ): Promise<{
    readonly ruleId: string
    readonly verdict: string | undefined
    readonly explanation: { readonly entity: string; readonly score: number } | undefined
  }>
}

export interface BaselinesDeps {
  readonly database: Database
  readonly sealer: Sealer
  readonly clock: Clock
  readonly alerts: AlertsOfBaselines
  /** Calls what `serveBaselines` serves beside the watcher. */
  readonly call: <Output>(name: string, input: unknown) => Promise<Output>
  readonly log: Pick<Log, 'warn'>
}

/** A baseline in a workspace: what it is, how it is set, where it stands. */
export interface BaselineState {
  readonly baseline: Baseline
  readonly settings: BaselineSettings
  readonly revision: number
  readonly report: BaselineReport
}

/** The baselines of all workspaces: learned from the stream, set by people. */
export interface Baselines {
  /** Puts the settings of an account before the watchers; before the first event is processed. */
  load(account: AccountId): Promise<void>
  list(place: BaselinePlace): Promise<readonly BaselineState[]>
  /** @throws detection.baseline.notFound, naming the nearest */
  get(place: BaselinePlace, name: string): Promise<BaselineState>
  /** What is known of an entity. @throws detection.baseline.notFound, detection.baseline.entityUnknown */
  getEntity(place: BaselinePlace, name: string, entity: string): Promise<EntityReport>
  /** Newest first. @throws detection.baseline.notFound */
  listDeviations(place: BaselinePlace, name: string): Promise<readonly PastDeviation[]>
  /** Takes effect with the next event. What is absent is as by default.
   * @throws detection.baseline.notFound, platform.http.changed */
  put(place: BaselinePlace, name: string, settings: Partial<BaselineSettings>, ifMatch?: string): Promise<BaselineState>
  /** What could be done about an alert of the baseline that was judged a false positive.
   * @throws detection.baseline.notFound, detection.baseline.notItsAlert, detection.baseline.notFalse */
  offers(place: BaselinePlace, name: string, alertId: string): Promise<readonly Offer[]>
  /** To be called when an alert changed: whose alert is open is not learned of, by the models that freeze. */
  alertChanged(account: AccountId, ruleId: string): void
  stop(): void
}

const PREFIX = 'baseline/'

export function createBaselines(deps: BaselinesDeps): Baselines {
  const store = createBaselineStore(deps.database)
  const purposeOf = (account: AccountId) => `detection/baseline-key/${account}`
  const refreshes = new Map<AccountId, NodeJS.Timeout>()

  const loadKey = async (account: AccountId): Promise<Uint8Array> => {
    const sealed = await store.keepKey(account, async () =>
      Buffer.from(await deps.sealer.seal(randomBytes(KEY_BYTES), purposeOf(account))).toString('base64'),
    )
    return deps.sealer.open(Buffer.from(sealed, 'base64'), purposeOf(account))
  }

  const apply = async (account: AccountId): Promise<void> => {
    const change: BaselineChange = { account, key: await loadKey(account), settings: await store.list(account) }
    await deps.call('baselines.change', change)
  }

  const freeze = async (account: AccountId): Promise<void> => {
    const open = await deps.alerts.listOpen(account, PREFIX, FROZEN_MAX)
    const frozen: OpenAlerts = {
      account,
      entities: open.map(({ workspace, ruleId, entity }) => ({ workspace, name: ruleId.slice(PREFIX.length), entity })),
    }
    await deps.call('baselines.freeze', frozen)
  }

  const require = (name: string): Baseline => {
    const baseline = baselines.find((one) => one.name === name)
    if (baseline) return baseline
    const names = baselines.map((one) => one.name)
    const near = nearest(name, names)
    const hint = near ? `did you mean \`${near}\`?` : `there are: ${names.join(', ')}`
    throw baselineError('detection.baseline.notFound', `no baseline is called \`${name}\`; ${hint}`)
  }

  const statesOf = async (place: BaselinePlace, stored: readonly StoredSettings[]): Promise<BaselineState[]> => {
    const reports = await deps.call<readonly BaselineReport[]>('baselines.report', place)
    return baselines.flatMap((baseline) => {
      const report = reports.find(({ name }) => name === baseline.name)
      const settings = stored.find(({ name }) => name === baseline.name)
      const revision = settings?.revision ?? 0
      return report ? [{ baseline, report, settings: settings ?? defaultSettings, revision }] : []
    })
  }

  const get = async (place: BaselinePlace, name: string): Promise<BaselineState> => {
    const { name: known } = require(name)
    const stored = await store.find(place, known)
    const states = await statesOf(place, stored ? [stored] : [])
    return states.find(({ baseline }) => baseline.name === known) as BaselineState
  }

  const historyOf = (place: BaselinePlace, name: string) =>
    deps.call<readonly PastDeviation[]>('baselines.history', { place, name: require(name).name })

  return {
    async load(account) {
      await apply(account)
      await freeze(account)
    },

    list: async (place) => statesOf(place, await store.list(place.account, place.workspace)),
    get,

    async getEntity(place, name, entity) {
      const call = { place, name: require(name).name, entity }
      const report = await deps.call<EntityReport | undefined>('baselines.entity', call)
      if (report) return report
      throw baselineError('detection.baseline.entityUnknown', `\`${name}\` has not seen \`${entity}\` yet`)
    },

    listDeviations: async (place, name) => [...(await historyOf(place, name))].reverse(),

    async put(place, name, settings, ifMatch) {
      require(name)
      requireMatch(ifMatch, (await store.find(place, name))?.revision ?? 0)
      await store.put(place, name, { ...defaultSettings, ...settings }, deps.clock.now())
      await apply(place.account)
      return get(place, name)
    },

    async offers(place, name, alertId) {
      const { settings } = await get(place, name)
      const { ruleId, verdict, explanation } = await deps.alerts.get(place, alertId)
      if (ruleId !== `${PREFIX}${name}` || !explanation)
        throw baselineError(
          'detection.baseline.notItsAlert',
          `alert \`${alertId}\` was not made by the baseline \`${name}\` but by \`${ruleId}\``,
        )
      if (verdict !== 'false_positive')
        throw baselineError(
          'detection.baseline.notFalse',
          `alert \`${alertId}\` is not judged false: close it with the verdict \`false_positive\` first`,
        )
      return offersFor(explanation, pick(settings), await historyOf(place, name))
    },

    alertChanged(account, ruleId) {
      if (!ruleId.startsWith(PREFIX) || refreshes.has(account)) return
      const refresh = () => {
        refreshes.delete(account)
        freeze(account).catch((err: unknown) =>
          deps.log.warn({ err, account }, 'whose alerts are open could not be told to the baselines; they learn on'),
        )
      }
      refreshes.set(account, setTimeout(refresh, FREEZE_DELAY_MS).unref())
    },

    stop() {
      for (const timer of refreshes.values()) clearTimeout(timer)
      refreshes.clear()
    },
  }
}

const pick = ({ enabled, threshold, exclusions }: BaselineSettings): BaselineSettings => ({
  enabled,
  threshold,
  exclusions,
})

/** What the thread of the watcher answers to `createBaselines`. */
export function serveBaselines(watcher: BaselineWatcher): ChannelHandlers {
  return {
    'baselines.change': (change: BaselineChange) => watcher.changeSettings(change),
    'baselines.freeze': (open: OpenAlerts) => watcher.freeze(open),
    'baselines.report': (place: BaselinePlace) => watcher.report(place),
    'baselines.entity': ({ place, name, entity }: { place: BaselinePlace; name: string; entity: string }) =>
      watcher.reportEntity(place, name, entity),
    'baselines.history': ({ place, name }: { place: BaselinePlace; name: string }) => watcher.history(place, name),
  }
}
