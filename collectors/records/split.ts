import type { RecordFormat } from '../../pipeline/index.ts'
import { collectError } from '../errors.ts'
import { RECORDS_LIMITS } from '../limits.ts'
import { delimiterOf, scanCsvRows } from './csv-rows.ts'
import { decodeBody } from './decode.ts'
import { findByte } from './find-byte.ts'
import { endOfValue, findRecordsArray, type Span, scanArray, skipSpace } from './json-array.ts'

/** A record that is not taken, by its place among the records of the request, from 0. */
export interface RejectedRecord {
  readonly index: number
  readonly code: string
  readonly message: string
}

/** The records of a request: stretches of its body, not copies. */
export interface SplitRecords {
  readonly format: RecordFormat
  readonly payloads: readonly Buffer[]
  /** The same for all of them. */
  readonly headers: Readonly<Record<string, string>>
  readonly rejected: readonly RejectedRecord[]
}

export interface RecordsBody {
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly body: Buffer
}

/** Takes records one by one and keeps the bounds. */
class Intake {
  readonly payloads: Buffer[] = []
  readonly rejected: RejectedRecord[] = []
  readonly #bytes: Buffer
  readonly #headerBytes: number
  #storedBytes = 0

  constructor(bytes: Buffer, headerBytes = 0) {
    this.#bytes = bytes
    this.#headerBytes = headerBytes
  }

  /** @throws collect.records.tooMany, collect.body.tooLarge */
  readonly take = ({ start, end }: Span): void => {
    const index = this.payloads.length + this.rejected.length
    if (index >= RECORDS_LIMITS.recordsMax) {
      throw collectError(
        'collect.records.tooMany',
        `the request holds more than ${RECORDS_LIMITS.recordsMax} records; send it in smaller ones. None was taken`,
      )
    }
    const length = end - start
    if (length > RECORDS_LIMITS.recordBytesMax) {
      this.rejected.push({
        index,
        code: 'collect.record.tooLarge',
        message: `the record has ${length} bytes; ${RECORDS_LIMITS.recordBytesMax} are allowed`,
      })
      return
    }
    this.#storedBytes += length + this.#headerBytes
    if (this.#storedBytes > RECORDS_LIMITS.storedBytesMax) {
      throw collectError(
        'collect.body.tooLarge',
        `rows and the header stored with each take more than ${RECORDS_LIMITS.storedBytesMax} bytes; shorten the header or send fewer rows. None was taken`,
      )
    }
    this.payloads.push(this.#bytes.subarray(start, end))
  }
}

/** Calls `onLine` with the place of each line that is not empty, its line end left out. */
function scanLines(bytes: Buffer, onLine: (span: Span) => void): void {
  for (let start = 0; start < bytes.length; ) {
    const feed = findByte(bytes, 0x0a, start)
    const next = feed < 0 ? bytes.length : feed
    const end = next > start && bytes[next - 1] === 0x0d ? next - 1 : next
    if (end > start) onLine({ start, end })
    start = next + 1
  }
}

function splitLines(bytes: Buffer, format: 'json' | 'text'): SplitRecords {
  const intake = new Intake(bytes)
  scanLines(bytes, (line) => {
    // White space alone is no JSON line; in a text it may be meant.
    if (format === 'text' || skipSpace(bytes, line.start) < line.end) intake.take(line)
  })
  return { format, headers: {}, payloads: intake.payloads, rejected: intake.rejected }
}

function malformed(offset: number, problem: string): Error {
  return collectError('collect.body.malformed', `the body is not a JSON array of records: ${problem} at byte ${offset}`)
}

function splitJson(bytes: Buffer): SplitRecords {
  const intake = new Intake(bytes)
  let at = skipSpace(bytes, 0)
  const isBare = bytes[at] === 0x5b
  const array = isBare ? at : findRecordsArray(bytes, at)
  if (array !== undefined) {
    const scanned = scanArray(bytes, array, intake.take)
    if ('problem' in scanned) throw malformed(scanned.offset, scanned.problem)
    at = skipSpace(bytes, scanned.end)
    if (!isBare) {
      if (bytes[at] !== 0x7d) throw malformed(at, 'the object around the array does not end')
      at = skipSpace(bytes, at + 1)
    }
    if (at < bytes.length) throw malformed(at, 'more follows the array')
  } else {
    // One object, or several one after the other.
    while (at < bytes.length) {
      if (bytes[at] !== 0x7b) throw malformed(at, 'neither an array nor an object starts')
      const end = endOfValue(bytes, at)
      if (end < 0) throw malformed(at, 'the object does not end')
      intake.take({ start: at, end })
      at = skipSpace(bytes, end)
    }
  }
  return { format: 'json', headers: {}, payloads: intake.payloads, rejected: intake.rejected }
}

function splitCsv(bytes: Buffer): SplitRecords {
  const feed = bytes.indexOf(0x0a)
  const headerEnd = feed < 0 ? bytes.length : feed
  const columns = bytes.toString('utf8', 0, headerEnd).replace(/\r$/, '')
  if (headerEnd > RECORDS_LIMITS.csvHeaderBytesMax) {
    throw collectError(
      'collect.body.tooLarge',
      `the header line has ${headerEnd} bytes; ${RECORDS_LIMITS.csvHeaderBytesMax} are allowed`,
    )
  }
  if (columns.trim() === '') throw collectError('collect.body.malformed', 'the CSV has no header line')
  const delimiter = delimiterOf(columns)
  const rows = bytes.subarray(headerEnd + 1)
  const intake = new Intake(rows, headerEnd)
  scanCsvRows(rows, delimiter.charCodeAt(0), intake.take)
  return { format: 'csv', headers: { columns, delimiter }, payloads: intake.payloads, rejected: intake.rejected }
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

type Split = (bytes: Buffer) => SplitRecords

const splitters: ReadonlyMap<string, Split> = new Map<string, Split>([
  ['application/x-ndjson', (bytes) => splitLines(bytes, 'json')],
  ['application/ndjson', (bytes) => splitLines(bytes, 'json')],
  ['application/jsonl', (bytes) => splitLines(bytes, 'json')],
  ['application/json', splitJson],
  ['text/plain', (bytes) => splitLines(bytes, 'text')],
  ['text/csv', splitCsv],
])

/** @throws collect.contentType.unsupported */
function splitterOf(contentType: string | undefined): Split {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';')
  const split = splitters.get(type.trim())
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith('charset='))
  const isUtf8 = charset === undefined || /^charset="?(?:utf-?8|us-ascii)"?$/.test(charset)
  if (split !== undefined && isUtf8) return split
  throw collectError(
    'collect.contentType.unsupported',
    split === undefined
      ? `content type \`${type.trim().slice(0, 80)}\` is not taken; send application/x-ndjson, application/json, text/plain or text/csv`
      : `\`${charset?.slice(0, 60)}\` is not taken; send UTF-8`,
  )
}

/** Takes a request's body apart into records, none of them parsed: a line that is no JSON is a record too, and is kept
 * raw later. Only records over a limit are rejected.
 * @throws collect.contentType.unsupported, collect.contentEncoding.unsupported (415), collect.body.malformed (400),
 * collect.body.tooLarge, collect.records.tooMany (413): then no record is taken */
export async function splitRecords(request: RecordsBody): Promise<SplitRecords> {
  const split = splitterOf(request.contentType)
  return split(withoutMark(await decodeBody(request.body, request.contentEncoding)))
}
