import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { assert } from './base/assert.ts'

/** What a metric is, beside its name. Labels must be few-valued: kinds, outcomes, pipes; never an address or a user. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** `rampart_<folder>_<what>[_<unit>]`, a counter ends in `_total`. */
  readonly name: string
  /** One sentence; it stands in docs/metrics.md. */
  readonly help: string
  readonly labels?: readonly string[]
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[]
  /** How many combinations of label values are kept apart; what comes above goes to `other`. Default 100. */
  readonly seriesMax?: number
}

type LabelsOf<D extends MetricDefinition> = D['labels'] extends readonly (infer Name extends string)[]
  ? Readonly<Record<Name, string>>
  : Readonly<Record<never, string>>

type InstrumentOf<D extends MetricDefinition> = D['kind'] extends 'counter'
  ? { add(labels: LabelsOf<D>, amount?: number): void }
  : D['kind'] extends 'gauge'
    ? { set(labels: LabelsOf<D>, value: number): void }
    : { observe(labels: LabelsOf<D>, value: number): void }

type InstrumentsOf<T extends Readonly<Record<string, MetricDefinition>>> = {
  readonly [K in keyof T]: InstrumentOf<T[K]>
}

const SERIES_MAX = 100
const NAME = /^rampart_[a-z][a-z0-9_]*$/
const LABEL = /^[a-z][a-z0-9_]*$/

const catalogue = new Map<string, MetricDefinition>()

/** A folder's metrics: one table, which becomes part of docs/metrics.md. Counts nothing by itself; `Metrics.use` does. */
export function defineMetrics<const T extends Readonly<Record<string, MetricDefinition>>>(table: T): T {
  for (const definition of Object.values<MetricDefinition>(table)) {
    const { kind, name, help, labels = [] } = definition
    assert(NAME.test(name), `metric name ${name}`)
    assert(
      (kind === 'counter') === name.endsWith('_total'),
      `metric ${name}: a counter, and nothing else, ends in _total`,
    )
    assert(help.endsWith('.'), `metric ${name}: help is a sentence`)
    assert(
      labels.every((label) => LABEL.test(label)),
      `metric ${name}: labels`,
    )
    assert(!catalogue.has(name), `metric ${name} is defined once`)
    catalogue.set(name, definition)
  }
  return table
}

/** Every metric defined by the modules loaded so far, sorted by name. */
export function listMetrics(): readonly MetricDefinition[] {
  return [...catalogue.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Counts and measures of one process, in Prometheus' text form. */
export interface Metrics {
  /** The instruments of a table made by `defineMetrics`. May be asked for more than once: they are the same series. */
  use<T extends Readonly<Record<string, MetricDefinition>>>(table: T): InstrumentsOf<T>
  /** Calls back before each scrape, for gauges that are read and not kept. */
  beforeScrape(update: () => void | Promise<void>): void
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** @param options.runtime also tells what Prometheus expects of every Node process (`process_*`, `nodejs_*`) */
export function createMetrics(options: { readonly runtime?: boolean } = {}): Metrics {
  const registry = new Registry()
  const instruments = new Map<string, object>()
  const updates: (() => void | Promise<void>)[] = []
  if (options.runtime) collectDefaultMetrics({ register: registry })

  return {
    use(table) {
      const made = Object.entries<MetricDefinition>(table).map(([key, definition]) => {
        const instrument = instruments.get(definition.name) ?? createInstrument(definition, registry)
        instruments.set(definition.name, instrument)
        return [key, instrument]
      })
      return Object.fromEntries(made) as never
    },
    beforeScrape(update) {
      updates.push(update)
    },
    async scrape() {
      await Promise.all(updates.map((update) => update()))
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
}

function createInstrument(definition: MetricDefinition, registry: Registry): object {
  const { kind, name, help, labels = [] } = definition
  const configuration = { name, help, labelNames: [...labels], registers: [registry] }
  const bounded = boundLabels(definition)
  type Labels = Readonly<Record<string, string>>
  if (kind === 'counter') {
    const counter = new Counter(configuration)
    if (labels.length === 0) counter.inc(0)
    return { add: (given: Labels, amount = 1) => counter.inc(bounded(given), amount) }
  }
  if (kind === 'gauge') {
    const gauge = new Gauge(configuration)
    return { set: (given: Labels, value: number) => gauge.set(bounded(given), value) }
  }
  const buckets = definition.buckets ? { buckets: [...definition.buckets] } : {}
  const histogram = new Histogram({ ...configuration, ...buckets })
  return { observe: (given: Labels, value: number) => histogram.observe(bounded(given), value) }
}

/** INVARIANT (memory): a series is never forgotten, so their number is bounded, whatever values come from outside. */
function boundLabels({ labels = [], seriesMax = SERIES_MAX }: MetricDefinition) {
  const known = new Set<string>()
  const other = Object.fromEntries(labels.map((label) => [label, 'other']))
  return (given: Readonly<Record<string, string>>): Record<string, string> => {
    const series = labels.map((label) => given[label] ?? '').join('\u0000')
    if (!known.has(series)) {
      if (known.size >= seriesMax) return other
      known.add(series)
    }
    return Object.fromEntries(labels.map((label) => [label, given[label] ?? '']))
  }
}
