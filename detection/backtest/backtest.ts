import type { Event, ShardAddress } from '../../pipeline/index.ts'
import { formatInstant } from '../../platform/base/index.ts'
import {
  BACKTEST_ALERT_KEYS_MAX,
  BACKTEST_DAYS_LISTED_MAX,
  BACKTEST_ENTITIES_COUNTED_MAX,
  BACKTEST_ENTITIES_TOLD,
  BACKTEST_SAMPLE_CHARS,
  BACKTEST_SAMPLES_EACH_END,
  BACKTEST_SOURCES_TOLD,
} from '../limits.ts'
import type { SourceUse } from '../match/rule-matcher.ts'
import { createDetector } from '../online/detector.ts'
import type { Finding } from '../online/finding.ts'
import { recordIdOf } from '../online/finding.ts'
import { createRuleWatcher } from '../online/rule-watcher.ts'
import type { AlertTerms, BacktestPlan, BacktestResult, BacktestSample } from './types.ts'

const DAY_MS = 86_400_000

interface RuleSum {
  matches: number
  excluded: number
  findings: number
  heldBack: number
  alerts: number
}

/** Rules over events that happened: the detector that runs on new events, with event time as its clock. */
export class Backtest {
  readonly #plan: BacktestPlan
  readonly #terms: AlertTerms
  readonly #asked: ReadonlySet<string>
  readonly #watcher = createRuleWatcher()
  readonly #detector = createDetector({ watchers: [this.#watcher] })
  readonly #sums = new Map<string, RuleSum>()
  /** When each alert last took a finding, ms. */
  readonly #alerts = new Map<string, number>()
  readonly #days = new Map<number, { findings: number; alerts: number }>()
  readonly #entities = new Map<string, { kind: string; value: string; findings: number }>()
  readonly #sources = new Map<string, { source: SourceUse; events: number }>()
  readonly #first: BacktestSample[] = []
  readonly #last: BacktestSample[] = []
  #events = 0
  #matchNs = 0n
  #approximate = false

  constructor(plan: BacktestPlan, terms: AlertTerms) {
    this.#plan = plan
    this.#terms = terms
    this.#asked = new Set(plan.asked)
    const { account, workspace, documents, tunings } = plan
    this.#watcher.changeRules({ account, workspace, put: documents, removed: [], tunings })
  }

  /** Looks at events of a shard, offsets ascending. @returns how many findings there were */
  take(shard: ShardAddress, events: readonly Event[]): number {
    // What came is looked at when it happened, so that windows and bounds are those of an undisturbed day.
    const timely = events.map((event) => ({ ...event, receivedAt: event.time }))
    const from = process.hrtime.bigint()
    const findings = this.#detector.detect(shard, timely).filter(({ rule }) => this.#asked.has(rule.id))
    this.#matchNs += process.hrtime.bigint() - from
    this.#events += events.length
    if (findings.length > 0) this.#note(shard, events, findings)
    return findings.length
  }

  result(): BacktestResult {
    this.#takeTallies()
    const { from, to, documents, asked } = this.#plan
    const titles = new Map(documents.map(({ head }) => [head.id, head.title]))
    const spanDays = Math.max(1, (to - from) / DAY_MS)
    return {
      from: formatInstant(from),
      to: formatInstant(to),
      events: this.#events,
      sources: this.#toldSources(),
      rules: asked.map((id) => {
        const { alerts, ...sum } = this.#sumOf(id)
        const perDay = Math.round((alerts / spanDays) * 100) / 100
        return { id, title: titles.get(id) ?? '', ...sum, alerts, alertsPerDay: perDay }
      }),
      days: [...this.#days]
        .sort(([a], [b]) => a - b)
        .slice(-BACKTEST_DAYS_LISTED_MAX)
        .map(([day, sum]) => ({ day: formatInstant(day * DAY_MS).slice(0, 10), ...sum })),
      topEntities: [...this.#entities.values()]
        .sort((a, b) => b.findings - a.findings || (a.value < b.value ? -1 : 1))
        .slice(0, BACKTEST_ENTITIES_TOLD),
      samples: [...this.#first, ...this.#last],
      cost: {
        matchMs: Number(this.#matchNs / 1_000_000n),
        nsPerEvent: this.#events === 0 ? 0 : Math.round(Number(this.#matchNs) / this.#events),
      },
      approximate: this.#approximate || this.#watcher.counts().evictedGroups > 0,
    }
  }

  #note(shard: ShardAddress, events: readonly Event[], findings: readonly Finding[]): void {
    const rawOf = new Map(events.map((event) => [recordIdOf(shard, event.offset), event.raw]))
    for (const finding of findings) {
      const sum = this.#sumOf(finding.rule.id)
      sum.findings++
      const day = this.#dayOf(finding.time)
      day.findings++
      if (this.#beginsAlert(finding)) {
        sum.alerts++
        day.alerts++
      }
      this.#countEntities(finding)
      const recordId = finding.recordIds.at(-1) ?? ''
      this.#sample({
        ruleId: finding.rule.id,
        recordId,
        time: formatInstant(finding.time),
        raw: (rawOf.get(recordId) ?? '').slice(0, BACKTEST_SAMPLE_CHARS),
      })
    }
  }

  /** Whether the finding is no more of an alert that is there. */
  #beginsAlert(finding: Finding): boolean {
    const key = this.#terms.keyOf(finding)
    const last = this.#alerts.get(key)
    if (last === undefined && this.#alerts.size >= BACKTEST_ALERT_KEYS_MAX) {
      this.#approximate = true
      return true
    }
    this.#alerts.set(key, Math.max(last ?? finding.time, finding.time))
    return last === undefined || finding.time - last > this.#terms.windowMs
  }

  #countEntities({ entities }: Finding): void {
    for (const [kind, values] of Object.entries(entities)) {
      for (const value of values) {
        const key = `${kind} ${value}`
        const known = this.#entities.get(key)
        if (known) known.findings++
        else if (this.#entities.size < BACKTEST_ENTITIES_COUNTED_MAX) {
          this.#entities.set(key, { kind, value, findings: 1 })
        } else this.#approximate = true
      }
    }
  }

  #sample(sample: BacktestSample): void {
    if (this.#first.length < BACKTEST_SAMPLES_EACH_END) this.#first.push(sample)
    else {
      this.#last.push(sample)
      if (this.#last.length > BACKTEST_SAMPLES_EACH_END) this.#last.shift()
    }
  }

  #sumOf(id: string): RuleSum {
    let sum = this.#sums.get(id)
    if (!sum) {
      sum = { matches: 0, excluded: 0, findings: 0, heldBack: 0, alerts: 0 }
      this.#sums.set(id, sum)
    }
    return sum
  }

  #dayOf(time: number): { findings: number; alerts: number } {
    const day = Math.floor(time / DAY_MS)
    let sum = this.#days.get(day)
    if (!sum) {
      sum = { findings: 0, alerts: 0 }
      this.#days.set(day, sum)
    }
    return sum
  }

  #takeTallies(): void {
    for (const { rules, sources } of this.#detector.takeTallies()) {
      for (const [ruleId, { matches, heldBack, excluded }] of Object.entries(rules)) {
        const sum = this.#sumOf(ruleId)
        sum.matches += matches
        sum.heldBack += heldBack
        for (const { count } of Object.values(excluded)) sum.excluded += count
      }
      for (const source of sources) {
        const key = JSON.stringify([source.logsource, source.windows?.channel])
        const known = this.#sources.get(key)
        if (known) known.events += source.events
        else this.#sources.set(key, { source, events: source.events })
      }
    }
  }

  #toldSources(): BacktestResult['sources'] {
    return [...this.#sources.values()]
      .sort((a, b) => b.events - a.events)
      .slice(0, BACKTEST_SOURCES_TOLD)
      .map(({ source: { logsource, windows }, events }) => ({
        logsource,
        ...(windows?.channel === undefined ? {} : { channel: windows.channel }),
        events,
      }))
  }
}
