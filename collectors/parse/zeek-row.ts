import type { JsonValue } from '../../pipeline/index.ts'
import { parseTime } from '../../platform/base/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import { type Draft, startEvent } from '../ocsf/event.ts'
import { put } from '../ocsf/objects.ts'
import { set } from './members.ts'
import type { Reading } from './reading.ts'
import { tryReadZeek } from './zeek.ts'

const numeric: ReadonlySet<string> = new Set(['count', 'int', 'port', 'double', 'time', 'interval'])

/** Bytes that would break the row or are no text stand as `\x09`. */
function unescapeBytes(text: string): string {
  if (!text.includes('\\x')) return text
  return text.replace(/(?:\\x[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('\\x', ''), 'hex').toString('utf8'),
  )
}

function readValue(text: string, type: string): JsonValue {
  if (type === 'bool') return text === 'T'
  if (!numeric.has(type)) return unescapeBytes(text)
  const number = Number(text)
  return Number.isFinite(number) ? number : text
}

interface Head {
  readonly separator: string
  readonly comma: string
  readonly empty: string
  readonly unset: string
  readonly path: string | undefined
  /** `element`: the type of what a set or vector holds. */
  readonly fields: readonly { readonly name: string; readonly type?: string; readonly element?: string }[]
}

/** By the headers of records, which those of one log share. */
const heads = new WeakMap<Readonly<Record<string, string>>, Head>()

function headOf(columns: string, headers: Readonly<Record<string, string>>): Head {
  const known = heads.get(headers)
  if (known) return known
  const { separator = '\t', set_separator: comma = ',', empty_field: empty = '(empty)', path } = headers
  const unset = headers.unset_field ?? '-'
  const types = headers.types?.split(separator, PARSE_LIMITS.columnsMax) ?? []
  const fields = columns.split(separator, PARSE_LIMITS.columnsMax).map((name, i) => {
    const type = types[i]
    const element = type === undefined ? undefined : /^(?:set|vector)\[(\w+)\]$/.exec(type)?.[1]
    return { name, ...(type === undefined ? {} : { type }), ...(element === undefined ? {} : { element }) }
  })
  const head = { separator, comma, empty, unset, path, fields }
  heads.set(headers, head)
  return head
}

/** A row of one of Zeek's logs of text, as the same log has it in JSON. What is not set is not there.
 * @param columns what `#fields` names
 * @param headers `separator`, `types`, `path`, `set_separator`, `empty_field`, `unset_field`, as the log's head says
 * @see https://docs.zeek.org/en/master/log-formats.html */
export function readZeekRow(row: string, columns: string, headers: Readonly<Record<string, string>>): Reading {
  const { separator, comma, empty, unset, path, fields } = headOf(columns, headers)
  const values = row.split(separator, PARSE_LIMITS.columnsMax + 1)
  const record: Draft = {}
  if (path !== undefined) record._path = path
  for (let i = 0; i < values.length; i++) {
    const text = values[i] as string
    if (text === unset) continue
    const { name = `column${i + 1}`, type = 'string', element } = fields[i] ?? {}
    const isEmpty = text === empty
    const value =
      element === undefined
        ? readValue(isEmpty ? '' : text, type)
        : isEmpty
          ? []
          : text.split(comma, PARSE_LIMITS.membersMax).map((one) => readValue(one, element))
    set(record, name, value)
  }
  const reading = tryReadZeek(record) ?? readOther(record, path)
  return values.length === fields.length ? reading : { ...reading, error: 'csv.columnsDiffer' }
}

/** Of a log that has no class of its own. */
function readOther(record: Draft, path: string | undefined): Reading {
  const ocsf = startEvent(0, 0)
  const metadata: Draft = { product: { name: 'Zeek', vendor_name: 'Zeek' } }
  put(metadata, 'log_name', path)
  ocsf.metadata = metadata
  const logsource = path === undefined ? { product: 'zeek' } : { product: 'zeek', service: path }
  return { original: record, logsource, time: parseTime(record.ts), ocsf }
}
