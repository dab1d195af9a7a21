import { RampartError } from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import { IMPORT_ITEMS_MAX, LABEL_CHARS_MAX, LABELS_MAX } from '../limits.ts'
import { guessIndicator, normaliseIndicator } from '../normalise.ts'
import { parseInput, statementOf } from '../statement.ts'
import { indicatorTypes, type Observable, tlps } from '../types.ts'
import { type ReadDefaults, Reading } from './reading.ts'

/** Indicators as JSON objects, one a line. A line that is none does not keep the others out. */
export function readNdjson(text: string, defaults: ReadDefaults): Reading {
  const reading = new Reading('ndjson')
  for (const [number, line] of linesOf(text)) {
    try {
      const { source, confidence, now } = defaults
      reading.statements.push(statementOf({ source, confidence, ...parseInput(parseLine(line)) }, now))
    } catch (error) {
      if (!(error instanceof RampartError)) throw error
      reading.refuse(`line ${number}`, error.message)
    }
  }
  return reading
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw intelError('intel.indicator.refused', 'the line is no JSON')
  }
}

/** One value a line; `#` and `;` begin comments, and of the lines of a hosts file the name counts. */
export function readText(text: string, defaults: ReadDefaults): Reading {
  const reading = new Reading('text')
  for (const [number, line] of linesOf(text)) {
    const bare = line.replace(/(^|\s)[#;].*$/, '').trim()
    if (bare === '') continue
    const value = /^(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(\S+)$/.exec(bare)?.[1] ?? bare
    const found = guessIndicator(value)
    if (found.ok) reading.take(`line ${number}`, plainStatement(found.value, defaults))
    else reading.refuse(`line ${number}`, found.error)
  }
  return reading
}

type Column = 'value' | 'type' | 'confidence' | 'description' | 'tlp' | 'labels' | 'validUntil' | 'lastSeen'

/** What headers call the columns. */
const HEADERS: ReadonlyMap<string, Column> = new Map<string, Column>([
  ...[
    'value',
    'indicator',
    'ioc',
    'ioc_value',
    'observable',
    'ip',
    'dst_ip',
    'ip_address',
    'url',
    'domain',
    'host',
  ].map((name) => [name, 'value'] as const),
  ...['md5', 'sha1', 'sha256', 'md5_hash', 'sha1_hash', 'sha256_hash', 'hash'].map((name) => [name, 'value'] as const),
  ['type', 'type'],
  ['confidence', 'confidence'],
  ['confidence_level', 'confidence'],
  ['description', 'description'],
  ['comment', 'description'],
  ['tlp', 'tlp'],
  ['tags', 'labels'],
  ['labels', 'labels'],
  ['malware', 'labels'],
  ['threat', 'labels'],
  ['valid_until', 'validUntil'],
  ['expires', 'validUntil'],
  ['last_seen', 'lastSeen'],
  ['last_seen_utc', 'lastSeen'],
  ['last_online', 'lastSeen'],
])

/** Rows of values between commas or semicolons. A header names the columns; without one, the first cell of a row that
 * looks like an indicator is it. */
export function readCsv(text: string, defaults: ReadDefaults): Reading {
  const reading = new Reading('csv')
  let columns: ReadonlyMap<Column, number> | undefined
  const separator = separatorOf(text)
  for (const [number, line] of linesOf(text)) {
    const comment = /^\s*#/.test(line)
    const cells = cellsOf(comment ? line.replace(/^\s*#\s*/, '') : line, separator)
    if (!columns) {
      const header = headerOf(cells)
      if (header) {
        columns = header
        continue
      }
    }
    if (comment || cells.every((cell) => cell === '')) continue
    readRow(`line ${number}`, cells, columns, defaults, reading)
  }
  return reading
}

function readRow(
  where: string,
  cells: readonly string[],
  columns: ReadonlyMap<Column, number> | undefined,
  defaults: ReadDefaults,
  reading: Reading,
): void {
  const cell = (column: Column): string | undefined => {
    const at = columns?.get(column)
    return at === undefined || cells[at] === '' ? undefined : cells[at]
  }
  const type = indicatorTypes.find((known) => known === cell('type')?.toLowerCase())
  const value = cell('value')
  const candidates = value === undefined ? (columns?.has('value') ? [] : cells) : [value]
  let observable: Observable | undefined
  let problem = 'no cell of the row is an indicator'
  for (const text of candidates) {
    const found = type && type !== 'pattern' ? normaliseIndicator(type, text) : guessIndicator(text)
    if (found.ok) {
      observable = found.value
      break
    }
    if (value !== undefined) problem = found.error
  }
  if (!observable) {
    reading.refuse(where, problem)
    return
  }
  const plain = plainStatement(observable, defaults)
  const confidence = Number(cell('confidence') ?? Number.NaN)
  const description = cell('description')?.slice(0, 2_000)
  const tlp = tlps.find((level) => level === cell('tlp')?.toLowerCase().replace(/^tlp:/, ''))
  const labels = cell('labels')?.split(/[,;|]/)
  const validUntil = instantOf(cell('validUntil'))
  const lastSeen = instantOf(cell('lastSeen'))
  reading.take(where, {
    ...plain,
    ...(confidence >= 0 && confidence <= 100 ? { confidence } : {}),
    ...(description === undefined ? {} : { description }),
    ...(tlp === undefined ? {} : { tlp }),
    ...(labels === undefined
      ? {}
      : {
          labels: labels
            .map((label) => label.trim().slice(0, LABEL_CHARS_MAX))
            .filter((label) => label !== '' && label !== 'None')
            .slice(0, LABELS_MAX),
        }),
    ...(validUntil === undefined ? {} : { validUntil }),
    ...(lastSeen === undefined ? {} : { lastSeen: Math.min(lastSeen, defaults.now) }),
  })
}

function headerOf(cells: readonly string[]): ReadonlyMap<Column, number> | undefined {
  const columns = new Map<Column, number>()
  for (const [index, cell] of cells.entries()) {
    const column = HEADERS.get(cell.trim().toLowerCase().replaceAll(' ', '_'))
    if (column && !columns.has(column)) columns.set(column, index)
  }
  return columns.has('value') ? columns : undefined
}

function separatorOf(text: string): string {
  const sample = text.slice(0, 4_096)
  const count = (separator: string) => sample.split(separator).length
  return [',', ';', '\t'].sort((a, b) => count(b) - count(a))[0] ?? ','
}

/** The cells of a line; quotes may hold separators, and are doubled inside.   @see RFC 4180 2 */
function cellsOf(line: string, separator: string): string[] {
  const cells: string[] = []
  let cell = ''
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? ''
    if (quoted) {
      if (char !== '"') cell += char
      else if (line[at + 1] === '"') {
        cell += '"'
        at++
      } else quoted = false
    } else if (char === '"' && cell.trim() === '') {
      quoted = true
      cell = ''
    } else if (char === separator) {
      cells.push(cell.trim())
      cell = ''
    } else cell += char
  }
  cells.push(cell.trim())
  return cells
}

function plainStatement(observable: Observable, { source, confidence, now }: ReadDefaults) {
  return { observable, source, confidence, tlp: 'amber' as const, validFrom: now, lastSeen: now, saidAt: now }
}

function instantOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{4}-\d\d-\d\d/.test(text)) return undefined
  const at = Date.parse(
    /[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.trim().replace(' ', 'T')}${text.length > 10 ? 'Z' : ''}`,
  )
  return Number.isNaN(at) ? undefined : at
}

function* linesOf(text: string): Generator<[number, string]> {
  let number = 0
  let items = 0
  for (const line of text.split('\n')) {
    number += 1
    if (line.trim() === '') continue
    items += 1
    if (items > IMPORT_ITEMS_MAX) {
      throw intelError('intel.import.tooLarge', `an import has at most ${IMPORT_ITEMS_MAX} lines; send it in parts`)
    }
    yield [number, line.replace(/\r$/, '')]
  }
}
