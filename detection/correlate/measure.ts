import type { Condition } from '../sigma/condition.ts'
import type { Bound, SigmaCorrelation } from '../sigma/correlation.ts'

/** What a match brings into its group's window: which of the correlation's rules matched (its place there), and the value
 * that is counted or summed. */
export type EntryValue = string | number | undefined

const FEW_VALUES = 16

/** What a correlation watches of a window. Entries enter in order of time and leave in the same order. */
export interface Measure {
  enter(time: number, tag: number, value: EntryValue): void
  leave(tag: number, value: EntryValue): void
  /** Whether the correlation holds for the window of `length` entries that ends now; none of them is as old as `after`. */
  holds(after: number, length: number): boolean
  /** As it was made: nothing has entered. */
  reset(): void
}

/** Makes measures for the groups of one correlation.   @see Sigma correlation rules specification 2.0, correlation types */
export function measureOf(correlation: SigmaCorrelation): () => Measure {
  const { bounds, percentile } = correlation
  switch (correlation.type) {
    case 'event_count': {
      const count = new EventCount(bounds)
      return () => count
    }
    case 'value_count':
      return () => new ValueCount(bounds)
    case 'value_sum':
      return () => new Sum(bounds, false)
    case 'value_avg':
      return () => new Sum(bounds, true)
    case 'value_median':
      return () => new Quantile(bounds, 50)
    case 'value_percentile':
      return () => new Quantile(bounds, percentile ?? 50)
    case 'temporal': {
      const asks = temporalAsk(correlation)
      return () => new Together(correlation.rules.length, asks)
    }
    case 'temporal_ordered': {
      const { expression } = correlation
      const asks = temporalAsk(correlation)
      return expression || bounds.length > 0
        ? () => new InOrder(correlation.rules.length, asks)
        : () => new InOrder(correlation.rules.length, undefined)
    }
  }
}

function within(bounds: readonly Bound[], measured: number): boolean {
  for (const { kind, value } of bounds) if (!boundHolds(kind, measured, value)) return false
  return true
}

function boundHolds(kind: Bound['kind'], measured: number, value: number): boolean {
  switch (kind) {
    case 'gt':
      return measured > value
    case 'gte':
      return measured >= value
    case 'lt':
      return measured < value
    case 'lte':
      return measured <= value
    case 'eq':
      return measured === value
    case 'neq':
      return measured !== value
  }
}

/** Needs nothing but the window's length, so all groups share one. */
class EventCount implements Measure {
  readonly #bounds: readonly Bound[]

  constructor(bounds: readonly Bound[]) {
    this.#bounds = bounds
  }

  enter(): void {}

  leave(): void {}

  reset(): void {}

  holds(_after: number, length: number): boolean {
    return within(this.#bounds, length)
  }
}

/** Different values, and how often each is there: few of them in a list, since to clear and fill a map for every event of
 * every small window takes longer than all else. */
class ValueCount implements Measure {
  readonly #bounds: readonly Bound[]
  readonly #few: EntryValue[] = []
  readonly #times: number[] = []
  #size = 0
  #many: Map<EntryValue, number> | undefined

  constructor(bounds: readonly Bound[]) {
    this.#bounds = bounds
  }

  enter(_time: number, _tag: number, value: EntryValue): void {
    if (this.#many) {
      this.#many.set(value, (this.#many.get(value) ?? 0) + 1)
      return
    }
    const at = this.#placeOf(value)
    if (at < this.#size) this.#times[at] = (this.#times[at] as number) + 1
    else if (at < FEW_VALUES) {
      this.#few[at] = value
      this.#times[at] = 1
      this.#size++
    } else {
      this.#many = new Map(this.#few.map((one, place) => [one, this.#times[place] as number]))
      this.#many.set(value, 1)
    }
  }

  leave(_tag: number, value: EntryValue): void {
    if (this.#many) {
      const times = this.#many.get(value) ?? 0
      if (times > 1) this.#many.set(value, times - 1)
      else this.#many.delete(value)
      return
    }
    const at = this.#placeOf(value)
    if (at === this.#size) return
    this.#times[at] = (this.#times[at] as number) - 1
    if (this.#times[at] !== 0) return
    this.#size--
    this.#few[at] = this.#few[this.#size]
    this.#times[at] = this.#times[this.#size] as number
  }

  holds(): boolean {
    return within(this.#bounds, this.#many?.size ?? this.#size)
  }

  reset(): void {
    this.#size = 0
    this.#many = undefined
  }

  /** Where it is in the list, or would be. */
  #placeOf(value: EntryValue): number {
    let at = 0
    while (at < this.#size && this.#few[at] !== value) at++
    return at
  }
}

/** Sum, or mean. Neumaier's compensated summation keeps what leaves from leaving a residue behind.
 * @see Neumaier: Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen (1974) */
class Sum implements Measure {
  readonly #bounds: readonly Bound[]
  readonly #mean: boolean
  #sum = 0
  #compensation = 0
  #count = 0

  constructor(bounds: readonly Bound[], mean: boolean) {
    this.#bounds = bounds
    this.#mean = mean
  }

  enter(_time: number, _tag: number, value: EntryValue): void {
    this.#count++
    this.#add(Number(value))
  }

  leave(_tag: number, value: EntryValue): void {
    this.#count--
    if (this.#count === 0) this.reset()
    else this.#add(-Number(value))
  }

  reset(): void {
    this.#sum = 0
    this.#compensation = 0
    this.#count = 0
  }

  #add(term: number): void {
    const sum = this.#sum + term
    this.#compensation += Math.abs(this.#sum) >= Math.abs(term) ? this.#sum - sum + term : term - sum + this.#sum
    this.#sum = sum
  }

  holds(): boolean {
    const sum = this.#sum + this.#compensation
    return this.#count > 0 && within(this.#bounds, this.#mean ? sum / this.#count : sum)
  }
}

/** The value below which a share of the values lies, between two of them by their distance.
 * @see Hyndman, Fan: Sample quantiles in statistical packages (1996), definition 7 */
class Quantile implements Measure {
  readonly #bounds: readonly Bound[]
  readonly #share: number
  /** Ascending. */
  readonly #values: number[] = []

  constructor(bounds: readonly Bound[], percentile: number) {
    this.#bounds = bounds
    this.#share = percentile / 100
  }

  enter(_time: number, _tag: number, value: EntryValue): void {
    this.#values.splice(lowerBound(this.#values, Number(value)), 0, Number(value))
  }

  leave(_tag: number, value: EntryValue): void {
    this.#values.splice(lowerBound(this.#values, Number(value)), 1)
  }

  reset(): void {
    this.#values.length = 0
  }

  holds(): boolean {
    const { length } = this.#values
    if (length === 0) return false
    const rank = (length - 1) * this.#share
    const below = this.#values[Math.floor(rank)] ?? 0
    const above = this.#values[Math.ceil(rank)] ?? 0
    return within(this.#bounds, below + (above - below) * (rank - Math.floor(rank)))
  }
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Whether the rules seen in a window are what a temporal correlation asks for. */
type TemporalAsk = (seen: (tag: number) => boolean) => boolean

/** All rules, or as many different ones as the bounds say, or what the condition over rules says. */
function temporalAsk(correlation: SigmaCorrelation): TemporalAsk {
  const { rules, bounds, expression } = correlation
  const tags = rules.map((_, tag) => tag)
  if (expression) {
    const tagOf = new Map(rules.map(({ reference }, tag) => [reference, tag]))
    return (seen) => conditionHolds(expression, (name) => seen(tagOf.get(name) ?? -1))
  }
  if (bounds.length > 0) return (seen) => within(bounds, tags.filter(seen).length)
  return (seen) => tags.every(seen)
}

function conditionHolds(condition: Condition, seen: (name: string) => boolean): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.of.every((part) => conditionHolds(part, seen))
    case 'or':
      return condition.of.some((part) => conditionHolds(part, seen))
    case 'not':
      return !conditionHolds(condition.of, seen)
    case 'name':
      return seen(condition.name)
    default:
      return false
  }
}

class Together implements Measure {
  readonly #counts: number[]
  readonly #asks: TemporalAsk

  constructor(rules: number, asks: TemporalAsk) {
    this.#counts = new Array<number>(rules).fill(0)
    this.#asks = asks
  }

  enter(_time: number, tag: number): void {
    this.#counts[tag] = (this.#counts[tag] ?? 0) + 1
  }

  leave(tag: number): void {
    this.#counts[tag] = (this.#counts[tag] ?? 0) - 1
  }

  holds(): boolean {
    return this.#asks((tag) => (this.#counts[tag] ?? 0) > 0)
  }

  reset(): void {
    this.#counts.fill(0)
  }
}

/** For each prefix of the rules, the latest time at which a run through it in order began: the whole order is in the window
 * when the latest run through all of it began in the window. One number a rule, whatever the number of entries. */
class InOrder implements Measure {
  readonly #began: number[]
  readonly #counts: number[]
  readonly #asks: TemporalAsk | undefined

  constructor(rules: number, asks: TemporalAsk | undefined) {
    this.#began = new Array<number>(rules).fill(Number.NEGATIVE_INFINITY)
    this.#counts = new Array<number>(rules).fill(0)
    this.#asks = asks
  }

  enter(time: number, tag: number): void {
    this.#counts[tag] = (this.#counts[tag] ?? 0) + 1
    const began = tag === 0 ? time : (this.#began[tag - 1] ?? Number.NEGATIVE_INFINITY)
    if (began > (this.#began[tag] ?? 0)) this.#began[tag] = began
  }

  leave(tag: number): void {
    this.#counts[tag] = (this.#counts[tag] ?? 0) - 1
  }

  reset(): void {
    this.#began.fill(Number.NEGATIVE_INFINITY)
    this.#counts.fill(0)
  }

  holds(after: number): boolean {
    if (!this.#asks) return (this.#began.at(-1) ?? 0) > after
    // With a condition of its own: it holds, and the rules seen came in their order.
    if (!this.#asks((tag) => (this.#counts[tag] ?? 0) > 0)) return false
    let reached = 0
    while (reached < this.#began.length && (this.#counts[reached] ?? 0) > 0) reached++
    return reached > 0 && (this.#began[reached - 1] ?? 0) > after
  }
}
