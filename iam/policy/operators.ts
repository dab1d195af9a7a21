import type { ContextValue } from '../../platform/index.ts'
import { type ArnPattern, compileArnPattern, matchesArn, type ResourceName, splitResource } from './arn-pattern.ts'
import { parseInstant, parseTimeOfDay } from './instant.ts'
import { type Address, isInCidr, parseAddress, parseCidr } from './ip.ts'
import { compileTextPattern, type KeyValues, matchesText, parseTemplate, type TextPattern } from './text-pattern.ts'
import { findZone, type Zone } from './zone.ts'

export type Scalar = string | number | boolean

/** Whether one value of the request satisfies one of the policy's values; undefined where it is not of the operator's
 * type, which counts as absent. */
export type ValueTest = (value: Scalar, keys: KeyValues) => boolean | undefined

export interface Operator {
  readonly name: string
  /** True of `…Not…`: holds where no value matches, so also where there is none. */
  readonly negated: boolean
  readonly takesVariables: boolean
  /** The test for the policy's values, or what is wrong with one of them. */
  compile(values: readonly string[]): ValueTest | InvalidValue
}

export class InvalidValue {
  readonly index: number
  readonly message: string

  constructor(index: number, message: string) {
    this.index = index
    this.message = message
  }
}

/** Compiles each value; the first that fails is the answer. */
function each<T>(values: readonly string[], compile: (value: string) => T | string): T[] | InvalidValue {
  const compiled: T[] = []
  for (const [index, value] of values.entries()) {
    const made = compile(value)
    if (typeof made === 'string') return new InvalidValue(index, made)
    compiled.push(made)
  }
  return compiled
}

interface TextForm {
  readonly wildcards?: boolean
  readonly fold?: boolean
  /** Puts `*` around the value: Huawei's StringStartWith, StringEndWith, StringContain. */
  readonly open?: 'start' | 'end' | 'both'
}

const text =
  (form: TextForm) =>
  (values: readonly string[]): ValueTest | InvalidValue => {
    const patterns = each<TextPattern>(values, (value) => {
      const parts = parseTemplate(value, { wildcards: form.wildcards ?? false })
      if (typeof parts === 'string') return parts
      if (form.open === 'start' || form.open === 'both') parts.unshift({ wildcard: '*' })
      if (form.open === 'end' || form.open === 'both') parts.push({ wildcard: '*' })
      return compileTextPattern(parts, form.fold ?? false)
    })
    if (patterns instanceof InvalidValue) return patterns
    return (value, keys) => {
      const seen = form.fold ? String(value).toLowerCase() : String(value)
      for (const pattern of patterns) if (matchesText(pattern, seen, keys)) return true
      return false
    }
  }

const arn = (values: readonly string[]): ValueTest | InvalidValue => {
  const patterns = each<ArnPattern>(values, (value) => {
    const parts = parseTemplate(value, { wildcards: true })
    return typeof parts === 'string' ? parts : compileArnPattern(parts)
  })
  if (patterns instanceof InvalidValue) return patterns
  return (value, keys) => {
    const name: ResourceName | undefined = splitResource(String(value))
    if (!name) return undefined
    return patterns.some((pattern) => matchesArn(pattern, name, keys))
  }
}

const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/
const SIGNIFICANT_DIGITS_MAX = 15

/** A decimal of at most 15 significant digits: each such is a different double, so comparing doubles is exact. */
function parseDecimal(value: Scalar): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || !DECIMAL.test(value)) return undefined
  if (value.replace(/^-?(0\.)?0*/, '').replace('.', '').length > SIGNIFICANT_DIGITS_MAX) return undefined
  return Number(value)
}

type Compare = (seen: number, wanted: number) => boolean

const numeric =
  (compare: Compare) =>
  (values: readonly string[]): ValueTest | InvalidValue => {
    const numbers = each(
      values,
      (value) => parseDecimal(value) ?? `\`${value}\` is not a decimal number of at most 15 digits`,
    )
    if (numbers instanceof InvalidValue) return numbers
    return (value) => {
      const seen = parseDecimal(value)
      if (seen === undefined) return undefined
      for (const wanted of numbers) if (compare(seen, wanted)) return true
      return false
    }
  }

const date =
  (compare: Compare) =>
  (values: readonly string[]): ValueTest | InvalidValue => {
    const instants = each(
      values,
      (value) => parseInstant(value) ?? `\`${value}\` is neither an RFC 3339 instant nor epoch seconds`,
    )
    if (instants instanceof InvalidValue) return instants
    return (value) => {
      const seen = typeof value === 'boolean' ? undefined : parseInstant(String(value))
      if (seen === undefined) return undefined
      for (const wanted of instants) if (compare(seen, wanted)) return true
      return false
    }
  }

const bool = (values: readonly string[]): ValueTest | InvalidValue => {
  const tests = each(values, (value): TextPattern | string => {
    const parts = parseTemplate(value, { wildcards: false })
    if (typeof parts === 'string') return parts
    const isVariable = parts.some((part) => 'variable' in part)
    if (!isVariable && value !== 'true' && value !== 'false') return `\`${value}\` is neither \`true\` nor \`false\``
    return compileTextPattern(parts, false)
  })
  if (tests instanceof InvalidValue) return tests
  return (value, keys) => {
    const seen = String(value)
    if (seen !== 'true' && seen !== 'false') return undefined
    return tests.some((pattern) => matchesText(pattern, seen, keys))
  }
}

const ip = (values: readonly string[]): ValueTest | InvalidValue => {
  const ranges = each(values, (value) => parseCidr(value) ?? `\`${value}\` is neither an address nor a CIDR range`)
  if (ranges instanceof InvalidValue) return ranges
  return (value) => {
    const address: Address | undefined = typeof value === 'string' ? parseAddress(value) : undefined
    if (!address) return undefined
    for (const range of ranges) if (isInCidr(address, range)) return true
    return false
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const binary = (values: readonly string[]): ValueTest | InvalidValue => {
  const wanted = each(values, (value) => (BASE64.test(value) ? { value } : `\`${value}\` is not base64`))
  if (wanted instanceof InvalidValue) return wanted
  return (value) => {
    if (typeof value !== 'string' || !BASE64.test(value)) return undefined
    return wanted.some((one) => one.value === value)
  }
}

export interface Window {
  readonly fromMs: number
  readonly toMs: number
  readonly zone: Zone
}

/** The start belongs to a window, the end does not; a window whose end is not after its start crosses midnight. */
const timeWindow = (values: readonly string[]): ValueTest | InvalidValue => {
  const windows = each<Window>(values, parseWindow)
  if (windows instanceof InvalidValue) return windows
  return (value) => {
    const wall = typeof value === 'string' ? parseTimeOfDay(value) : undefined
    const instant = wall === undefined && typeof value !== 'boolean' ? parseInstant(String(value)) : undefined
    if (wall === undefined && instant === undefined) return undefined
    return windows.some((window) => isInWindow(wall ?? window.zone.timeOfDay(instant ?? 0), window))
  }
}

function isInWindow(time: number, { fromMs, toMs }: Window): boolean {
  return fromMs < toMs ? time >= fromMs && time < toMs : time >= fromMs || time < toMs
}

export function parseWindow(value: string): Window | string {
  const found = /^([0-9:]{5,8})-([0-9:]{5,8})(?:@([A-Za-z0-9_+/-]{1,64}))?$/.exec(value)
  const fromMs = parseTimeOfDay(found?.[1] ?? '')
  const toMs = found?.[2] === '24:00' ? 86_400_000 : parseTimeOfDay(found?.[2] ?? '')
  if (fromMs === undefined || toMs === undefined) {
    return `\`${value}\` is not a window of the form \`22:00-06:00\` or \`22:00-06:00@Asia/Shanghai\``
  }
  if (fromMs === toMs) return `\`${value}\` is an empty window; for the whole day write \`00:00-24:00\``
  const zone = findZone(found?.[3] ?? 'UTC')
  return zone ? { fromMs, toMs, zone } : `\`${found?.[3]}\` is not a zone of the IANA time zone database`
}

interface Family {
  readonly names: readonly string[]
  readonly not?: readonly string[]
  readonly takesVariables?: boolean
  compile(values: readonly string[]): ValueTest | InvalidValue
}

const equal: Compare = (seen, wanted) => seen === wanted

const families: readonly Family[] = [
  { names: ['StringEquals'], not: ['StringNotEquals'], takesVariables: true, compile: text({}) },
  {
    names: ['StringEqualsIgnoreCase'],
    not: ['StringNotEqualsIgnoreCase'],
    takesVariables: true,
    compile: text({ fold: true }),
  },
  {
    names: ['StringLike', 'StringMatch'],
    not: ['StringNotLike', 'StringNotMatch'],
    takesVariables: true,
    compile: text({ wildcards: true }),
  },
  { names: ['StringStartWith'], not: ['StringNotStartWith'], takesVariables: true, compile: text({ open: 'end' }) },
  { names: ['StringEndWith'], not: ['StringNotEndWith'], takesVariables: true, compile: text({ open: 'start' }) },
  { names: ['StringContain'], not: ['StringNotContain'], takesVariables: true, compile: text({ open: 'both' }) },
  { names: ['NumericEquals', 'NumberEquals'], not: ['NumericNotEquals', 'NumberNotEquals'], compile: numeric(equal) },
  { names: ['NumericLessThan', 'NumberLessThan'], compile: numeric((seen, wanted) => seen < wanted) },
  { names: ['NumericLessThanEquals', 'NumberLessThanEquals'], compile: numeric((seen, wanted) => seen <= wanted) },
  { names: ['NumericGreaterThan', 'NumberGreaterThan'], compile: numeric((seen, wanted) => seen > wanted) },
  {
    names: ['NumericGreaterThanEquals', 'NumberGreaterThanEquals'],
    compile: numeric((seen, wanted) => seen >= wanted),
  },
  { names: ['DateEquals'], not: ['DateNotEquals'], compile: date(equal) },
  { names: ['DateLessThan'], compile: date((seen, wanted) => seen < wanted) },
  { names: ['DateLessThanEquals'], compile: date((seen, wanted) => seen <= wanted) },
  { names: ['DateGreaterThan'], compile: date((seen, wanted) => seen > wanted) },
  { names: ['DateGreaterThanEquals'], compile: date((seen, wanted) => seen >= wanted) },
  { names: ['TimeBetween'], not: ['TimeNotBetween'], compile: timeWindow },
  { names: ['Bool'], takesVariables: true, compile: bool },
  { names: ['IpAddress'], not: ['NotIpAddress'], compile: ip },
  { names: ['ArnEquals', 'ArnLike'], not: ['ArnNotEquals', 'ArnNotLike'], takesVariables: true, compile: arn },
  { names: ['BinaryEquals'], compile: binary },
]

const operators: ReadonlyMap<string, Operator> = new Map(
  families.flatMap((family) => [
    ...family.names.map((name) => entry(name, false, family)),
    ...(family.not ?? []).map((name) => entry(name, true, family)),
  ]),
)

function entry(name: string, negated: boolean, family: Family): [string, Operator] {
  return [name, { name, negated, takesVariables: family.takesVariables ?? false, compile: family.compile }]
}

/** By its exact name, without quantifier and without `IfExists`; `Null` is not among them. */
export function findOperator(name: string): Operator | undefined {
  return operators.get(name)
}

/** Every operator's name, for suggestions. */
export function operatorNames(): readonly string[] {
  return [...operators.keys(), 'Null']
}

/** True where a key counts as absent: no value, no text, no element. */
export function isAbsent(value: ContextValue | undefined): boolean {
  return value === undefined || value === '' || (typeof value === 'object' && value.length === 0)
}
