import { isIPv4, isIPv6 } from 'node:net'

/** Sigma, evaluated as slowly and as literally as the specification reads. Shares no code with detection/: the engine is
 * held against it. A rule is the plain value of its YAML, an event the plain value of its JSON. */
export function naiveMatches(
  rule: { detection: Record<string, unknown> },
  event: Record<string, unknown>,
  placeholders: ReadonlyMap<string, readonly string[]> = new Map(),
): boolean {
  const { condition, ...written } = rule.detection
  const identifiers = filled(written, placeholders) as Record<string, unknown>
  const conditions = Array.isArray(condition) ? condition : [condition]
  return conditions.some((text) => evaluateCondition(String(text), identifiers, event))
}

function evaluateCondition(
  text: string,
  identifiers: Record<string, unknown>,
  event: Record<string, unknown>,
): boolean {
  const words = text.match(/[()]|[^\s()]+/g) ?? []
  let at = 0
  const disjunction = (): boolean => {
    let result = conjunction()
    while (words[at] === 'or') {
      at++
      const right = conjunction()
      result = result || right
    }
    return result
  }
  const conjunction = (): boolean => {
    let result = negation()
    while (words[at] === 'and') {
      at++
      const right = negation()
      result = result && right
    }
    return result
  }
  const negation = (): boolean => {
    if (words[at] !== 'not') return operand()
    at++
    return !negation()
  }
  const operand = (): boolean => {
    const word = words[at++] ?? ''
    if (word === '(') {
      const inner = disjunction()
      at++
      return inner
    }
    if (words[at] !== 'of') return holds(identifiers[word], event)
    const pattern = words[at + 1] ?? ''
    at += 2
    const names = Object.keys(identifiers).filter((name) =>
      pattern === 'them'
        ? !name.startsWith('_')
        : (pattern.startsWith('_') || !name.startsWith('_')) && wildcard(pattern).test(name),
    )
    return word === 'all'
      ? names.every((name) => holds(identifiers[name], event))
      : names.some((name) => holds(identifiers[name], event))
  }
  return disjunction()
}

/** The detection as it reads with the values of placeholders in their place. */
function filled(detection: unknown, placeholders: ReadonlyMap<string, readonly string[]>): unknown {
  if (Array.isArray(detection)) return detection.map((element) => filled(element, placeholders))
  if (typeof detection !== 'object' || detection === null) return detection
  return Object.fromEntries(
    Object.entries(detection).map(([key, value]) => {
      if (!key.split('|').includes('expand')) return [key, filled(value, placeholders)]
      return [key, (Array.isArray(value) ? value : [value]).flatMap((text) => variants(String(text), placeholders))]
    }),
  )
}

function variants(text: string, placeholders: ReadonlyMap<string, readonly string[]>): string[] {
  // After Sigma's escapes are read, `\\%` is a percent sign.
  const found = /(?<!\\)%([^%]+)%/.exec(text)
  if (!found) return [text.replaceAll('\\%', '%')]
  const [before, after] = [text.slice(0, found.index), text.slice(found.index + found[0].length)]
  return (placeholders.get(found[1] ?? '') ?? []).flatMap((value) =>
    variants(after, placeholders).map((rest) => before.replaceAll('\\%', '%') + value + rest),
  )
}

const wildcard = (pattern: string) => new RegExp(`^${pattern.split('*').map(quote).join('.*')}$`, 's')
const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

function holds(detection: unknown, event: Record<string, unknown>): boolean {
  if (Array.isArray(detection)) return detection.some((element) => holds(element, event))
  if (typeof detection !== 'object' || detection === null) return keyword([], detection, event)
  return Object.entries(detection).every(([key, value]) => item(key, value, event))
}

function item(key: string, given: unknown, event: Record<string, unknown>): boolean {
  const [field = '', ...modifiers] = key.split('|')
  const values = Array.isArray(given) ? given : [given]
  const test = (value: unknown) =>
    field === '' ? keyword(modifiers, value, event) : compare(field, modifiers, value, event)
  const result = modifiers.includes('all') ? values.every(test) : values.some(test)
  if (!modifiers.includes('neq')) return result
  return !result && (field === '' || find(event, field) !== undefined)
}

function find(event: Record<string, unknown>, field: string): unknown {
  if (Object.hasOwn(event, field)) return event[field]
  let value: unknown = event
  for (const step of field.split('.')) {
    if (Array.isArray(value)) {
      const rest = field.split('.').slice(field.split('.').indexOf(step))
      const found = value
        .map((one) => find(one as Record<string, unknown>, rest.join('.')))
        .filter((one) => one !== undefined)
      return found.length > 0 ? found : undefined
    }
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

function allTexts(value: unknown): string[] {
  if (value === null || value === undefined) return []
  if (typeof value === 'object') return Object.values(value).flatMap(allTexts)
  return [String(value)]
}

function keyword(modifiers: readonly string[], value: unknown, event: Record<string, unknown>): boolean {
  const texts = allTexts(event)
  if (modifiers.includes('re')) return texts.some((text) => textTest([...modifiers], value)(text))
  return texts.some((text) => textTest([...modifiers, 'contains'], value)(text))
}

function compare(field: string, modifiers: readonly string[], value: unknown, event: Record<string, unknown>): boolean {
  const found = find(event, field)
  if (modifiers.includes('exists')) return (found !== undefined) === value
  if (value === null) return found === undefined || found === null
  const texts = (Array.isArray(found) ? found.flat(9) : [found])
    .filter((one) => ['string', 'number', 'boolean'].includes(typeof one))
    .map(String)
  if (modifiers.includes('fieldref')) {
    const other = find(event, String(value))
    const references = (Array.isArray(other) ? other : [other]).filter((one) => one !== undefined && one !== null)
    return references.some((reference) =>
      texts.some((text) => textTest([...modifiers, 'literally'], String(reference))(text)),
    )
  }
  return texts.some(textTest(modifiers, value))
}

function textTest(modifiers: readonly string[], value: unknown): (text: string) => boolean {
  const bound = modifiers.find((name) => ['lt', 'lte', 'gt', 'gte'].includes(name))
  const part = modifiers.find((name) => ['minute', 'hour', 'day', 'week', 'month', 'year'].includes(name))
  if (bound || part) {
    return (text) => {
      const date = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d))?/.exec(text)
      const parts: Record<string, string | undefined> = {
        year: date?.[1],
        month: date?.[2],
        day: date?.[3],
        hour: date?.[4],
        minute: date?.[5],
        week: date ? weekOf(date.slice(1, 4).map(Number) as [number, number, number]) : undefined,
      }
      const source = part ? parts[part] : text
      if (source === undefined || !isNumber(source)) return false
      const left = Number(source)
      const right = Number(value)
      if (bound === 'lt') return left < right
      if (bound === 'lte') return left <= right
      if (bound === 'gt') return left > right
      if (bound === 'gte') return left >= right
      return left === right
    }
  }
  if (modifiers.includes('cidr')) return (text) => inNetwork(text, String(value))
  if (modifiers.includes('re')) {
    const long: Record<string, string> = { i: 'ignorecase', m: 'multiline', s: 'dotall' }
    const flags = ['i', 'm', 's'].filter((flag) => modifiers.includes(flag) || modifiers.includes(long[flag]!)).join('')
    const regex = new RegExp(String(value), flags)
    return (text) => regex.test(text)
  }
  const sensitive = modifiers.includes('cased')
  if (typeof value === 'number' && !modifiers.some((name) => ['contains', 'startswith', 'endswith'].includes(name))) {
    return (text) => text === String(value) || (isNumber(text) && Number(text) === value)
  }
  const literal = modifiers.includes('literally')
  let sources = [String(value)]
  for (const name of modifiers) {
    if (name === 'windash') sources = sources.flatMap(dashes)
    if (name === 'base64') sources = sources.map((text) => Buffer.from(text, 'latin1').toString('base64'))
    if (name === 'base64offset') sources = sources.flatMap(shifts)
    if (name === 'wide' || name === 'utf16le')
      sources = sources.map((text) => Buffer.from(text, 'utf16le').toString('latin1'))
    if (name === 'utf16be') sources = sources.map((text) => Buffer.from(text, 'utf16le').swap16().toString('latin1'))
    if (name === 'utf16') sources = sources.map((text) => `\xff\xfe${Buffer.from(text, 'utf16le').toString('latin1')}`)
  }
  const regexes = sources.map((source) => {
    const inner = literal ? quote(source) : pattern(source)
    const before = modifiers.includes('contains') || modifiers.includes('endswith') ? '.*' : ''
    const after = modifiers.includes('contains') || modifiers.includes('startswith') ? '.*' : ''
    return new RegExp(`^${before}${inner}${after}$`, sensitive ? 'su' : 'sui')
  })
  return (text) => regexes.some((regex) => regex.test(text))
}

/** Weeks begin on Monday; the first of a year is the one that has its fourth of January. */
function weekOf([year, month, day]: [number, number, number]): string {
  const mondayOf = (date: number) => date - ((new Date(date).getUTCDay() + 6) % 7) * 86_400_000
  const monday = mondayOf(Date.UTC(year, month - 1, day))
  const firsts = [year - 1, year, year + 1].map((each) => mondayOf(Date.UTC(each, 0, 4)))
  const first = Math.max(...firsts.filter((each) => each <= monday))
  return String(1 + (monday - first) / (7 * 86_400_000))
}

/** Decimal, as JavaScript reads it; no hexadecimal, no infinity. */
const isNumber = (text: string) => /\d/.test(text) && !/[^\s\d.e+-]/i.test(text) && !Number.isNaN(Number(text))

/** Sigma's wildcards and escapes as a regular expression. */
function pattern(source: string): string {
  return source.replace(/\\([*?\\])|\*|\?|[^*?\\]+|\\/g, (found, escaped?: string) => {
    if (escaped) return quote(escaped)
    if (found === '*') return '.*'
    if (found === '?') return '.'
    return quote(found)
  })
}

function dashes(text: string): string[] {
  const at = text.search(/\B[-/\u2013\u2014\u2015]\b/)
  if (at < 0) return [text]
  const rest = dashes(`\u0001${text.slice(at + 1)}`).map((tail) => tail.slice(1))
  return ['-', '/', '\u2013', '\u2014', '\u2015'].flatMap((dash) => rest.map((tail) => text.slice(0, at) + dash + tail))
}

function shifts(text: string): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(' '.repeat(shift) + text, 'latin1').toString('base64')
    const end = [undefined, -3, -2][(text.length + shift) % 3]
    return encoded.slice([0, 2, 3][shift], end)
  })
}

function inNetwork(address: string, cidr: string): boolean {
  const [base = '', length = ''] = cidr.split('/')
  const left = bits(address)
  const right = bits(base)
  return (
    left !== undefined &&
    right !== undefined &&
    left.length === right.length &&
    left.startsWith(right.slice(0, Number(length)))
  )
}

function bits(address: string): string | undefined {
  if (isIPv4(address))
    return address
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('')
  if (!isIPv6(address) || address.includes('%')) return undefined
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const plain = dotted
    ? address.slice(0, dotted.index) +
      [
        [1, 2],
        [3, 4],
      ]
        .map(([high, low]) => (Number(dotted[high!]) * 256 + Number(dotted[low!])).toString(16))
        .join(':')
    : address
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : new Array(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('')
}
