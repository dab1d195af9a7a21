import type { Primitive, Typed } from '../../ppl/index.ts'
import { isWhole } from '../../ppl/index.ts'
import { sqlTypeOf } from './sql-types.ts'

/** What a primitive is in DuckDB's SQL: its arguments are SQL already. */
type SqlForm = (args: readonly string[], call: Extract<Typed, { kind: 'call' }>) => string

const infix =
  (operator: string): SqlForm =>
  (args) =>
    `(${args.join(` ${operator} `)})`
const named =
  (name: string): SqlForm =>
  (args) =>
    `${name}(${args.join(', ')})`
/** DuckDB fails the whole statement where a number is outside a function's domain; PPL has null there. */
const within =
  (name: string, condition: (x: string) => string): SqlForm =>
  ([x = 'NULL']) =>
    `CASE WHEN ${condition(x)} THEN ${name}(${x}) END`

const rounding =
  (name: string): SqlForm =>
  ([x = 'NULL'], call) =>
    isWhole(call.type) ? x : `${name}(${x})`

const group = '[0-9a-fA-F]{1,4}'
const octet = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'

export const sqlPrimitives: Readonly<Record<Primitive, SqlForm>> = {
  and: infix('AND'),
  or: infix('OR'),
  not: ([x]) => `(NOT ${x})`,
  isNull: ([x]) => `(${x} IS NULL)`,
  eq: infix('='),
  ne: infix('<>'),
  lt: infix('<'),
  le: infix('<='),
  gt: infix('>'),
  ge: infix('>='),
  in: ([x, ...values]) => `(${x} IN (${values.join(', ')}))`,
  when: (args) => {
    const pairs = Array.from(
      { length: Math.floor(args.length / 2) },
      (_, i) => `WHEN ${args[2 * i]} THEN ${args[2 * i + 1]}`,
    )
    return `CASE ${pairs.join(' ')} ELSE ${args.at(-1)} END`
  },
  coalesce: named('coalesce'),

  add: infix('+'),
  subtract: infix('-'),
  multiply: infix('*'),
  divide: ([a, b]) => `(CAST(${a} AS DOUBLE) / nullif(CAST(${b} AS DOUBLE), 0))`,
  quotient: ([a, b]) => `(${a} // nullif(${b}, 0))`,
  modulo: ([a, b]) => `(${a} % nullif(${b}, 0))`,
  negate: ([x]) => `(-${x})`,
  abs: named('abs'),
  ceil: rounding('ceil'),
  floor: rounding('floor'),
  round: ([x, digits], call) => {
    const places = digits === undefined ? '' : `, CAST(greatest(-18, least(18, ${digits})) AS INTEGER)`
    return `CAST(round(${x}${places}) AS ${sqlTypeOf(call.type)})`
  },
  sqrt: within('sqrt', (x) => `${x} >= 0`),
  cbrt: named('cbrt'),
  pow: named('pow'),
  exp: named('exp'),
  ln: within('ln', (x) => `${x} > 0`),
  log: ([base, x]) => `CASE WHEN ${base} > 0 AND ${base} <> 1 AND ${x} > 0 THEN ln(${x}) / ln(${base}) END`,
  log2: within('log2', (x) => `${x} > 0`),
  log10: within('log10', (x) => `${x} > 0`),
  sign: ([x], call) => `CAST(sign(${x}) AS ${sqlTypeOf(call.type)})`,
  sin: named('sin'),
  cos: named('cos'),
  tan: named('tan'),
  asin: within('asin', (x) => `${x} BETWEEN -1 AND 1`),
  acos: within('acos', (x) => `${x} BETWEEN -1 AND 1`),
  atan: named('atan'),
  atan2: named('atan2'),
  greatest: named('greatest'),
  least: named('least'),

  concat: infix('||'),
  length: named('length'),
  lower: named('lower'),
  upper: named('upper'),
  trim: named('trim'),
  ltrim: named('ltrim'),
  rtrim: named('rtrim'),
  reverse: named('reverse'),
  position: ([part, text]) => `strpos(${text}, ${part})`,
  substring: named('substring'),
  right: ([text, count]) => `right(${text}, greatest(0, ${count}))`,
  contains: named('contains'),
  startsWith: named('starts_with'),
  endsWith: named('ends_with'),
  like: ([text, pattern]) => `(${text} LIKE ${pattern} ESCAPE '\\')`,
  regexMatch: named('regexp_matches'),
  regexGroup: ([text, pattern, group]) =>
    `CASE WHEN regexp_matches(${text}, ${pattern}) THEN regexp_extract(${text}, ${pattern}, CAST(${group} AS INTEGER)) END`,
  regexExtract: ([text, pattern, group]) => `regexp_extract(${text}, ${pattern}, CAST(${group} AS INTEGER))`,
  regexAll: ([text, pattern, group, count]) => {
    const found = `regexp_extract_all(${text}, ${pattern}, CAST(${group} AS INTEGER))`
    return `CASE WHEN regexp_matches(${text}, ${pattern}) THEN CAST(to_json(${found}[1:${count}]) AS VARCHAR) END`
  },
  regexReplaceFirst: named('regexp_replace'),
  translate: named('translate'),
  fixed: ([x, decimals]) => `format('{:.' || ${decimals} || 'f}', ${x})`,
  regexReplace: ([text, pattern, replacement]) => `regexp_replace(${text}, ${pattern}, ${replacement}, 'g')`,
  hex: ([x]) => `lower(to_hex(${x}))`,
  unhex: ([text]) => `TRY_CAST('0x' || ${text} AS BIGINT)`,
  thousands: ([x]) => `format('{:,}', ${x})`,
  jsonValid: ([text]) => `json_valid(${text})`,
  jsonExtract: ([text, pointer]) => `CASE WHEN json_valid(${text}) THEN ${text} ->> ${pointer} END`,
  jsonKeys: ([text]) =>
    `CASE WHEN json_valid(${text}) AND json_type(${text}) = 'OBJECT' THEN CAST(to_json(json_keys(${text})) AS VARCHAR) END`,
  md5: named('md5'),
  sha1: named('sha1'),
  sha256: named('sha256'),
  ipBetween: ([ip = 'NULL', low, high], call) => {
    const bound = call.args[1]
    const isV4 = bound?.kind === 'literal' && String(bound.value).startsWith('32:')
    const [is, key, isOther] = isV4 ? [isV4Sql, v4Key, isV6Sql] : [isV6Sql, v6Key, isV4Sql]
    return `CASE WHEN ${is(ip)} THEN ${key(ip)} BETWEEN ${low} AND ${high} WHEN ${isOther(ip)} THEN false END`
  },

  bucket: ([x, size], call) =>
    isWhole(call.type) ? `(${x} - ((${x} % ${size}) + ${size}) % ${size})` : `(floor(${x} / ${size}) * ${size})`,
  bucketMicros: ([time, size, origin]) => {
    const at = `epoch_us(${time})`
    return `make_timestamp(${at} - ((${at} - ${origin}) % ${size} + ${size}) % ${size})`
  },
  bucketMonths: ([time, size]) => {
    const month = `((year(${time}) - 1970) * 12 + month(${time}) - 1)`
    const first = `(${month} - ((${month} % ${size}) + ${size}) % ${size})`
    return `(TIMESTAMP '1970-01-01' + to_months(CAST(${first} AS INTEGER)))`
  },
  addMicros: ([time, micros]) => `(${time} + to_microseconds(${micros}))`,
  addMonths: ([time, months]) => `(${time} + to_months(TRY_CAST(${months} AS INTEGER)))`,
  microsOf: named('epoch_us'),
  fromMicros: ([x]) => `CASE WHEN ${x} BETWEEN -62135596800000000 AND 253402300799999999 THEN make_timestamp(${x}) END`,
  monthsBetween: ([from, to]) => `datesub('month', ${from}, ${to})`,
  formatTime: named('strftime'),
  datePart: ([time], call) => {
    const name = call.args[0]
    const form = datePartForms.get(name?.kind === 'literal' ? String(name.value) : '')
    if (form === undefined) throw new Error('a part of a date that is checked is known')
    return `CAST(${form.replaceAll('@', time ?? 'NULL')} AS BIGINT)`
  },
}

// `@` is the timestamp. Weeks begin on Sunday, and days before the first of them are week 0.
const datePartForms: ReadonlyMap<string, string> = new Map([
  ['year', 'year(@)'],
  ['quarter', 'quarter(@)'],
  ['month', 'month(@)'],
  ['week', "strftime(@, '%U')"],
  ['day', 'day(@)'],
  ['dayofweek', 'dayofweek(@) + 1'],
  ['dayofyear', 'dayofyear(@)'],
  ['hour', 'hour(@)'],
  ['minute', 'minute(@)'],
  ['second', 'second(@)'],
  ['microsecond', 'microsecond(@) % 1000000'],
])

function isV4Sql(ip: string): string {
  return `regexp_full_match(${ip}, '(?:${octet}\\.){3}${octet}')`
}

function isV6Sql(ip: string): string {
  // A time of day has colons too.
  const form = `(?:${group}:){7}${group}|(?:${group}(?::${group}){0,6})?::(?:${group}(?::${group}){0,6})?`
  return `(contains(${ip}, ':') AND regexp_full_match(${ip}, '${form}'))`
}

/** An IPv4 address as the text that the bounds of a network are, so that one comparison orders them. */
function v4Key(ip: string): string {
  const parts = [1, 2, 3, 4].map((i) => `lpad(to_hex(CAST(split_part(${ip}, '.', ${i}) AS UTINYINT)), 2, '0')`)
  return `lower('32:000000000000000000000000' || ${parts.join(' || ')})`
}

/** An IPv6 address in groups of hexadecimal digits likewise, `::` filled with zeros. */
function v6Key(ip: string): string {
  const half = (i: number) => `list_filter(string_split(split_part(${ip}, '::', ${i}), ':'), lambda g: g <> '')`
  const zeros = `list_transform(range(8 - len(${half(1)}) - len(${half(2)})), lambda i: '0')`
  const groups = `list_transform(list_concat(${half(1)}, ${zeros}, ${half(2)}), lambda g: lpad(g, 4, '0'))`
  return `lower('128:' || array_to_string(${groups}, ''))`
}
