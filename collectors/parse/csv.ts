import { PARSE_LIMITS } from '../limits.ts'
import type { Draft } from '../ocsf/event.ts'
import { set } from './members.ts'

/** The fields of one CSV row. Quoted fields may hold the delimiter, doubled quotes and line ends; a quote inside a bare
 * field is itself.   @see RFC 4180 2 */
export function splitCsvRow(row: string, delimiter: string): string[] {
  const fields: string[] = []
  let at = 0
  while (fields.length <= PARSE_LIMITS.columnsMax) {
    if (row[at] !== '"') {
      const next = row.indexOf(delimiter, at)
      fields.push(next < 0 ? row.slice(at) : row.slice(at, next))
      if (next < 0) return fields
      at = next + 1
      continue
    }
    let field = ''
    let from = at + 1
    let close = row.indexOf('"', from)
    while (close >= 0 && row[close + 1] === '"') {
      field += row.slice(from, close + 1)
      from = close + 2
      close = row.indexOf('"', from)
    }
    field += close < 0 ? row.slice(from) : row.slice(from, close)
    const next = close < 0 ? -1 : row.indexOf(delimiter, close + 1)
    // What follows the closing quote before the delimiter is kept: senders forget to quote quotes.
    if (close >= 0) field += row.slice(close + 1, next < 0 ? row.length : next)
    fields.push(field)
    if (next < 0) return fields
    at = next + 1
  }
  return fields
}

/** Turns rows into objects under the names of their header. Headers come with every record, so the last ones are kept. */
export function createCsvReader(): (row: string, columns: string, delimiter: string) => CsvRow {
  const headers = new Map<string, readonly string[]>()
  const namesOf = (columns: string, delimiter: string): readonly string[] => {
    const key = delimiter + columns
    const known = headers.get(key)
    if (known !== undefined) return known
    const names = splitCsvRow(columns, delimiter).map((name, i) => name.trim() || `column${i + 1}`)
    if (headers.size >= PARSE_LIMITS.csvHeadersMax) headers.delete(headers.keys().next().value ?? '')
    headers.set(key, names)
    return names
  }
  return (row, columns, delimiter) => {
    const names = namesOf(columns, delimiter)
    const fields = splitCsvRow(row, delimiter)
    const members: Draft = {}
    for (let i = 0; i < fields.length && i <= PARSE_LIMITS.columnsMax; i++) {
      set(members, names[i] ?? `column${i + 1}`, fields[i] ?? '')
    }
    return { members, fits: fields.length === names.length }
  }
}

interface CsvRow {
  readonly members: Draft
  /** False when the row has more or fewer fields than its header. */
  readonly fits: boolean
}
