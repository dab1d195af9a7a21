import type { RecordFormat } from '../../pipeline/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import type { createRecordReader } from '../parse/parser.ts'
import { decodeText } from '../parse/text.ts'
import { delimiterOf, isOpenAfter } from '../records/csv-rows.ts'
import { TYPE_LINE } from './form.ts'
import type { FileEvent, LineReader } from './types.ts'

export type ReadRecord = ReturnType<typeof createRecordReader>

/** What the records of one file have in common. */
export interface FileFrame {
  readonly read: ReadRecord
  /** When the file was written last, ms: the year of times that name none. */
  readonly writtenAt: number
}

const noHeaders: Readonly<Record<string, string>> = {}

function toEvent(
  { read, writtenAt }: FileFrame,
  record: {
    readonly payload: Uint8Array
    readonly line: number
    readonly format: RecordFormat
    readonly headers?: Readonly<Record<string, string>>
  },
): FileEvent {
  const { payload, line, format, headers = noHeaders } = record
  const { event, reading } = read({ offset: line, receivedAt: writtenAt, source: 'file', format, headers, payload })
  const { original, ocsf, logsource } = event
  return { original, ocsf, logsource, line, time: reading.time, isKnown: reading.isBare !== true }
}

const OPEN_OBJECT = 0x7b

/** Lines that are a record each. */
export function readTextLines(frame: FileFrame): LineReader {
  return {
    take(bytes, number) {
      const line = withoutReturn(bytes)
      const first = firstByte(line)
      if (first === undefined) return undefined
      return toEvent(frame, { payload: line, line: number, format: first === OPEN_OBJECT ? 'json' : 'text' })
    },
    end: () => undefined,
  }
}

/** Rows of CSV, whatever their delimiter. */
export function readCsvLines(frame: FileFrame): LineReader {
  let headers: Readonly<Record<string, string>> | undefined
  let delimiter = 0
  let row: Buffer[] = []
  let rowBytes = 0
  let rowLine = 0
  let isOpen = false
  const flush = (): FileEvent | undefined => {
    if (row.length === 0 || headers === undefined) return undefined
    const payload = row.length === 1 ? (row[0] as Buffer) : Buffer.concat(row)
    row = []
    rowBytes = 0
    isOpen = false
    return toEvent(frame, { payload, line: rowLine, format: 'csv', headers })
  }
  return {
    take(line, number) {
      if (headers === undefined) {
        const { text } = decodeText(withoutReturn(line))
        if (text === '' || text.startsWith(TYPE_LINE)) return undefined
        headers = { columns: text, delimiter: delimiterOf(text) }
        delimiter = (headers.delimiter as string).charCodeAt(0)
        return undefined
      }
      if (row.length === 0) {
        if (withoutReturn(line).length === 0) return undefined
        rowLine = number
      } else row.push(NEWLINE)
      isOpen = isOpenAfter(line, delimiter, isOpen)
      rowBytes += line.length + 1
      if (isOpen && rowBytes <= PARSE_LIMITS.recordBytesMax) {
        row.push(Buffer.from(line))
        return undefined
      }
      row.push(withoutReturn(line))
      return flush()
    },
    end: flush,
  }
}

const NEWLINE = Buffer.from('\n')
const HASH = 0x23

/** Rows below directives, which may come again and then hold from there on. */
export function readDirectedLines(frame: FileFrame, dialect: 'zeek' | 'w3c'): LineReader {
  let headers: Record<string, string> | undefined
  const directive = dialect === 'zeek' ? zeekDirective : w3cDirective
  return {
    take(bytes, number) {
      const line = withoutReturn(bytes)
      if (line[0] === HASH) {
        const told = directive(decodeText(line).text)
        if (told !== undefined && told.value.length <= DIRECTIVE_CHARS_MAX) {
          headers = { dialect, ...headers, [told.name]: told.value }
        }
        return undefined
      }
      if (firstByte(line) === undefined) return undefined
      if (headers?.columns === undefined) return toEvent(frame, { payload: line, line: number, format: 'text' })
      return toEvent(frame, { payload: line, line: number, format: 'csv', headers })
    },
    end: () => undefined,
  }
}

/** A head that is longer is none; it would stand beside each of its rows. */
const DIRECTIVE_CHARS_MAX = 64 * 1024

interface Directive {
  readonly name: string
  readonly value: string
}

const zeekNames: ReadonlyMap<string, string> = new Map([
  ['#separator', 'separator'],
  ['#set_separator', 'set_separator'],
  ['#empty_field', 'empty_field'],
  ['#unset_field', 'unset_field'],
  ['#path', 'path'],
  ['#fields', 'columns'],
  ['#types', 'types'],
])

/** @see https://docs.zeek.org/en/master/log-formats.html */
function zeekDirective(text: string): Directive | undefined {
  const found = /^(#[a-z_]{1,16})(\s)/.exec(text)
  const name = zeekNames.get(found?.[1] ?? '')
  if (found === null || name === undefined) return undefined
  const value = text.slice(found[0].length)
  return { name, value: name === 'separator' ? unescapeHex(value) : value }
}

const unescapeHex = (text: string): string =>
  text.replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

const w3cNames: ReadonlyMap<string, string> = new Map([
  ['fields', 'columns'],
  ['software', 'software'],
  ['date', 'date'],
])

/** @see W3C, Extended Log File Format (WD-logfile-960323), Directives */
function w3cDirective(text: string): Directive | undefined {
  const colon = text.indexOf(':')
  const name = w3cNames.get(text.slice(1, Math.max(1, colon)).toLowerCase())
  return name === undefined ? undefined : { name, value: text.slice(colon + 1).trim() }
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line
}

/** The first that is no white space. */
function firstByte(line: Buffer): number | undefined {
  return line.find((byte) => byte !== 0x20 && byte !== 0x09)
}
