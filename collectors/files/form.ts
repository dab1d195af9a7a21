import { RECORDS_LIMITS } from '../limits.ts'
import { splitCsvRow } from '../parse/csv.ts'
import { decodeText } from '../parse/text.ts'
import { delimiterOf, scanCsvRows } from '../records/csv-rows.ts'
import { tellBinary } from './binary.ts'
import { EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES, EVTX_MAGIC } from './evtx/chunk.ts'
import type { FileForm } from './types.ts'

/** Directives and rows in front that are looked at. */
const ROWS_LOOKED_AT = 20
/** Fields of a head that nothing but itself announces. */
const BARE_COLUMNS_MIN = 3

const lines: FileForm = { kind: 'lines' }
const evtx: FileForm = { kind: 'chunks', from: EVTX_HEADER_BYTES, bytes: EVTX_CHUNK_BYTES }

/** What a file is, by its first bytes and its name.
 * @param isWhole whether there are no more */
export function formOfFile(head: Buffer, name: string, isWhole: boolean): FileForm {
  if (head.toString('latin1', 0, EVTX_MAGIC.length) === EVTX_MAGIC) return evtx
  const what = tellBinary(head)
  if (what !== undefined) return { kind: 'binary', what }
  const { text } = decodeText(head)
  const first = text.trimStart().charAt(0)
  if (first === '{' || first === '[') return isDocument(text) ? { kind: 'document' } : lines
  const table = directedTableOf(text) ?? csvOf(text, name, isWhole)
  return table ? { kind: 'table', table } : lines
}

/** An array of objects, or an object whose first line breaks off where another of its tokens follows: a line of its own, even
 * one that was cut off, is followed by a line that begins anew. */
function isDocument(text: string): boolean {
  if (/^\s*\[\s*[{\]]/.test(text)) return true
  const [first = ''] = /\S.*/.exec(text) ?? []
  const next = text
    .slice(text.indexOf(first) + first.length)
    .trimStart()
    .charAt(0)
  switch (first.trimEnd().at(-1)) {
    case '{':
      return next === '"' || next === '}'
    case '[':
      return /[[\]{"\w-]/.test(next)
    case ':':
      return /[["\w-]/.test(next)
    case ',':
      return next === '"'
    default:
      return next === ','
  }
}

function directedTableOf(text: string): 'zeek' | 'w3c' | undefined {
  for (const row of text.split('\n', ROWS_LOOKED_AT)) {
    if (!row.startsWith('#')) return undefined
    if (/^#(?:separator |fields\t)/.test(row)) return 'zeek'
    if (/^#(?:Version|Fields): ?\S/.test(row)) return 'w3c'
  }
  return undefined
}

/** By its name where its first row may be a head; by its rows where they have as many fields as it. */
function csvOf(text: string, name: string, isWhole: boolean): 'csv' | undefined {
  const headAt = text.startsWith(TYPE_LINE) ? text.indexOf('\n') + 1 : 0
  const feed = text.indexOf('\n', headAt)
  const headEnd = feed < 0 ? text.length : feed
  if (headEnd - headAt > RECORDS_LIMITS.csvHeaderBytesMax || (feed < 0 && !isWhole)) return undefined
  const head = text.slice(headAt, headEnd).replace(/\r$/, '')
  const delimiter = delimiterOf(head)
  const columns = splitCsvRow(head, delimiter)
  if (/\.[ct]sv(?:\.gz|\.zst)?$/i.test(name)) return columns.length < 2 || columns.some(isValue) ? undefined : 'csv'
  if (columns.length < BARE_COLUMNS_MIN || new Set(columns).size < columns.length || !columns.every(isName)) {
    return undefined
  }
  const bytes = Buffer.from(text.slice(headEnd + 1))
  const rows: string[] = []
  scanCsvRows(bytes, delimiter.charCodeAt(0), ({ start, end }) => rows.push(bytes.toString('utf8', start, end)))
  // The last is whole only if nothing follows.
  if (!isWhole) rows.pop()
  const looked = rows.slice(0, ROWS_LOOKED_AT)
  return looked.length > 0 && looked.every((row) => splitCsvRow(row, delimiter).length === columns.length)
    ? 'csv'
    : undefined
}

/** What PowerShell's Export-Csv writes above the head. */
export const TYPE_LINE = '#TYPE '

const isName = (column: string): boolean => /^[A-Za-z_@][\w .@()/#%-]{0,63}$/.test(column)

/** A number, a date, an address: no head holds one. */
const isValue = (column: string): boolean => /^[-\d][\d.:/TZ +-]*$/.test(column.trim())
