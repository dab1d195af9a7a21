import { createReadStream } from 'node:fs'
import { baselineError } from '../errors.ts'
import { SERIES_LINE_CHARS_MAX } from '../limits.ts'

/** One row of a series, and its timestamp as it was written. */
export interface SeriesRow {
  readonly timestamp: string
  /** ms since the epoch. */
  readonly at: number
  readonly value: number
}

/** The rows of a CSV file with the columns `timestamp` and `value`, as they are read; other columns are passed over.
 * @param onBytes is told how many bytes were read
 * @throws detection.baseline.seriesUnreadable with the line, at the first thing that is no row; what reading throws */
export async function* readSeries(path: string, onBytes: (count: number) => void): AsyncGenerator<SeriesRow> {
  let columns: { readonly timestamp: number; readonly value: number } | undefined
  let number = 0
  for await (const line of linesOf(path, onBytes)) {
    number += 1
    const text = number === 1 ? line.replace(/^\uFEFF/, '') : line
    if (text.trim() === '') continue
    const cells = text.split(',').map(bare)
    if (columns) yield parseRow(cells, columns, { path, number })
    else columns = parseHeader(cells, { path, number })
  }
  if (!columns) throw unreadable({ path, number: 1 }, 'there is no header `timestamp,value`')
}

interface Place {
  readonly path: string
  readonly number: number
}

const unreadable = ({ path, number }: Place, problem: string) =>
  baselineError('detection.baseline.seriesUnreadable', `${path}:${number}: ${problem}`)

function parseHeader(cells: readonly string[], place: Place) {
  const timestamp = cells.indexOf('timestamp')
  const value = cells.indexOf('value')
  if (timestamp < 0 || value < 0)
    throw unreadable(
      place,
      `the header names no \`${timestamp < 0 ? 'timestamp' : 'value'}\`; \`timestamp,value\` is wanted`,
    )
  return { timestamp, value }
}

function parseRow(cells: readonly string[], columns: { timestamp: number; value: number }, place: Place): SeriesRow {
  const timestamp = cells[columns.timestamp] ?? ''
  const text = cells[columns.value] ?? ''
  const at = parseInstant(timestamp)
  if (at === undefined)
    throw unreadable(place, `\`${timestamp}\` is no time; \`2026-01-31 23:59:59\` is one (UTC unless it says else)`)
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (!(Math.abs(value) <= VALUE_MAX)) throw unreadable(place, `\`${text}\` is no number from -1e100 to 1e100`)
  return { timestamp, at, value }
}

/** Beyond it squares of values would not be finite any more. */
const VALUE_MAX = 1e100
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const INSTANT = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?$/

/** @returns ms since the epoch, undefined for what is no time of the calendar */
function parseInstant(text: string): number | undefined {
  const parts = INSTANT.exec(text)
  if (!parts) return undefined
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0))
  const at = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second)
  // Date.UTC lets the 31st of February be in March.
  if (new Date(at).toISOString().slice(0, 16) !== text.slice(0, 16).replace(' ', 'T') || (second ?? 0) > 59)
    return undefined
  return at + Math.round(Number(parts[7] ?? 0) * 1000) - offsetMs(parts[8])
}

function offsetMs(zone: string | undefined): number {
  if (!zone || zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

function bare(cell: string): string {
  const trimmed = cell.trim()
  return trimmed.length > 1 && trimmed.startsWith('"') && trimmed.endsWith('"') ? trimmed.slice(1, -1) : trimmed
}

async function* linesOf(path: string, onBytes: (count: number) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let number = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    onBytes(chunk.length)
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield checked(line, { path, number: ++number })
    checked(rest, { path, number: number + 1 })
  }
  rest += decoder.decode()
  if (rest !== '') yield checked(rest, { path, number: number + 1 })
}

function checked(line: string, place: Place): string {
  if (line.length > SERIES_LINE_CHARS_MAX)
    throw unreadable(place, `the line is longer than ${SERIES_LINE_CHARS_MAX} characters`)
  return line
}
