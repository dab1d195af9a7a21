/** A correlation as the plain value of its YAML. */
export interface NaiveCorrelation {
  readonly id: string
  readonly correlation: {
    readonly type: string
    readonly rules: readonly string[]
    readonly 'group-by'?: readonly string[]
    readonly timespan: string
    readonly condition?: string | Readonly<Record<string, unknown>>
    readonly aliases?: Readonly<Record<string, Readonly<Record<string, string>>>>
  }
}

/** An event and the rules it matches. */
export interface NaiveEvent {
  readonly time: number
  readonly rules: readonly string[]
  readonly fields: Readonly<Record<string, unknown>>
}

interface Entry {
  readonly time: number
  readonly place: number
  readonly value: string
}

/** Where correlations hold, evaluated as slowly and literally as the specification and the contract read: at each event, in
 * order of time, the entries of its group in (t − timespan, t] are gathered anew. Shares no code with detection/.
 * @param events in order of time
 * @returns `event correlation group`, sorted */
export function naiveHolds(correlations: readonly NaiveCorrelation[], events: readonly NaiveEvent[]): string[] {
  const told: string[] = []
  const matches = events.map(({ rules }) => new Set(rules))
  // Each is evaluated when those it builds on are.
  for (const { id, correlation } of inOrder(correlations)) {
    for (const [now, event] of events.entries()) {
      for (const group of groupsOf(correlation, event, matches[now]!)) {
        const entries: Entry[] = []
        for (let at = 0; at <= now; at++) {
          const { time, fields } = events[at]!
          if (time <= event.time - milliseconds(correlation.timespan)) continue
          for (const [place, rule] of correlation.rules.entries()) {
            if (!matches[at]!.has(rule) || groupOf(correlation, rule, fields) !== group) continue
            const value = countedOf(correlation, rule, fields)
            if (value !== undefined) entries.push({ time, place, value })
          }
        }
        // The event itself has to be among them.
        const own = correlation.rules.some(
          (rule) =>
            matches[now]!.has(rule) &&
            groupOf(correlation, rule, event.fields) === group &&
            countedOf(correlation, rule, event.fields) !== undefined,
        )
        if (!own || !holds(correlation, entries)) continue
        told.push(`${now} ${id} ${group}`)
        matches[now]!.add(id)
      }
    }
  }
  return told.sort()
}

function inOrder(correlations: readonly NaiveCorrelation[]): NaiveCorrelation[] {
  const done: NaiveCorrelation[] = []
  const visit = (one: NaiveCorrelation): void => {
    if (done.includes(one)) return
    for (const rule of one.correlation.rules) {
      const inner = correlations.find(({ id }) => id === rule)
      if (inner) visit(inner)
    }
    done.push(one)
  }
  correlations.forEach(visit)
  return done
}

type Body = NaiveCorrelation['correlation']

const milliseconds = (timespan: string) =>
  Number.parseInt(timespan, 10) * { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[timespan.at(-1) as 's']

const textOf = (value: unknown) => (value === undefined || value === null ? undefined : String(value))

const fieldOf = ({ aliases }: Body, rule: string, name: string) => aliases?.[name]?.[rule] ?? name

function groupOf(body: Body, rule: string, fields: NaiveEvent['fields']): string | undefined {
  const texts = (body['group-by'] ?? []).map((name) => textOf(fields[fieldOf(body, rule, name)]))
  return texts.includes(undefined) ? undefined : JSON.stringify(texts)
}

function groupsOf(body: Body, { fields }: NaiveEvent, matched: ReadonlySet<string>): Set<string> {
  const groups = body.rules.filter((rule) => matched.has(rule)).map((rule) => groupOf(body, rule, fields))
  return new Set(groups.filter((group) => group !== undefined))
}

/** What the entry counts for; undefined = it counts for nothing. */
function countedOf(body: Body, rule: string, fields: NaiveEvent['fields']): string | undefined {
  const { condition } = body
  const field = typeof condition === 'object' ? condition.field : undefined
  if (field === undefined) return ''
  const texts = [field].flat().map((name) => textOf(fields[fieldOf(body, rule, String(name))]))
  if (texts.includes(undefined)) return undefined
  const text = JSON.stringify(texts.length === 1 ? texts[0] : texts)
  if (body.type === 'value_count') return text
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(texts[0] ?? '') ? texts[0] : undefined
}

function holds(body: Body, entries: readonly Entry[]): boolean {
  const { type, condition, rules } = body
  const seen = (place: number) => entries.some((entry) => entry.place === place)
  if (type === 'temporal' || type === 'temporal_ordered') {
    const asked =
      condition === undefined
        ? rules.every((_, place) => seen(place))
        : typeof condition === 'string'
          ? expressionHolds(condition, (name) => seen(rules.indexOf(name)))
          : within(condition, rules.filter((_, place) => seen(place)).length)
    if (type === 'temporal' || !asked) return asked
    // The rules seen, up to the first that was not, came one after the other.
    let wanted = 0
    const until = condition === undefined ? rules.length : rules.findIndex((_, place) => !seen(place))
    const length = until < 0 ? rules.length : until
    for (const { place } of entries) if (place === wanted) wanted++
    return length > 0 && wanted >= length
  }
  if (typeof condition !== 'object') return false
  if (type === 'event_count') return within(condition, entries.length)
  if (type === 'value_count') return within(condition, new Set(entries.map(({ value }) => value)).size)
  const numbers = entries.map(({ value }) => Number(value)).sort((left, right) => left - right)
  if (numbers.length === 0) return false
  const sum = numbers.reduce((total, number) => total + number, 0)
  if (type === 'value_sum') return within(condition, sum)
  if (type === 'value_avg') return within(condition, sum / numbers.length)
  const share = type === 'value_median' ? 0.5 : Number(condition.percentile) / 100
  const rank = share * (numbers.length - 1)
  const low = numbers[Math.floor(rank)]!
  const high = numbers[Math.ceil(rank)]!
  return within(condition, low + (high - low) * (rank - Math.floor(rank)))
}

function within(condition: Readonly<Record<string, unknown>>, measured: number): boolean {
  const tests: Record<string, (bound: number) => boolean> = {
    gt: (bound) => measured > bound,
    gte: (bound) => measured >= bound,
    lt: (bound) => measured < bound,
    lte: (bound) => measured <= bound,
    eq: (bound) => measured === bound,
    neq: (bound) => measured !== bound,
  }
  return Object.entries(condition).every(([name, bound]) => tests[name]?.(Number(bound)) ?? true)
}

/** `a and (b or not c)`, read from the left with JavaScript's own precedence of the three. */
function expressionHolds(text: string, seen: (name: string) => boolean): boolean {
  const words = text.match(/[()]|[^\s()]+/g) ?? []
  let at = 0
  const or = (): boolean => {
    let result = and()
    while (words[at] === 'or') {
      at++
      result = and() || result
    }
    return result
  }
  const and = (): boolean => {
    let result = unary()
    while (words[at] === 'and') {
      at++
      result = unary() && result
    }
    return result
  }
  const unary = (): boolean => {
    const word = words[at++] ?? ''
    if (word === 'not') return !unary()
    if (word !== '(') return seen(word)
    const inner = or()
    at++
    return inner
  }
  return or()
}
