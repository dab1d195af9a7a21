import { type Clock, formatInstant, systemClock } from '../platform/base/index.ts'
import { ApiError, clientOptions, connect } from './client.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'
import { renderTable } from './table.ts'

const ROWS_DEFAULT = 1000
/** Rows of one answer of the service. */
const PAGE_ROWS = 1000
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

interface Answer {
  readonly schema: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly unknown[])[]
  readonly tookMs: number
  readonly scanned: number
  readonly cursor?: string
}

/** Searches events of a running service. */
export const searchCommand: Command = {
  name: 'search',
  usage: "search 'source=logs | where …' [--from TIME] [--to TIME] [--limit N] [--json] [--workspace NAME]",
  options: {
    ...clientOptions,
    from: { type: 'string', value: 'TIME', description: 'event time, inclusive: RFC 3339, or 15m, 24h, 7d ago' },
    to: { type: 'string', value: 'TIME', description: 'event time, exclusive: likewise' },
    limit: { type: 'string', value: 'N', default: String(ROWS_DEFAULT), description: 'rows at most' },
    json: { type: 'boolean', description: 'print one JSON object a row' },
  },
  async run(args, io) {
    const [query, ...more] = args.positionals
    if (query === undefined || more.length > 0) throw new UsageError('give one query, in quotes')
    const limit = rowsOf(String(args.values.limit ?? ROWS_DEFAULT))
    const range = rangeOf(args.values, systemClock)
    const client = await connect(args.values)
    const path = `/v1/workspaces/${encodeURIComponent(client.workspace)}/search`
    try {
      await print(io, args.values.json === true, limit, (rows, cursor) =>
        client.call<Answer>(path, {
          body: { query, ...range, limit: rows, ...(cursor === undefined ? {} : { cursor }) },
        }),
      )
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      io.stderr.write(`rampart search: ${error.message}\n`)
      return 1
    }
  },
}

async function print(
  io: Io,
  json: boolean,
  limit: number,
  ask: (rows: number, cursor: string | undefined) => Promise<Answer>,
): Promise<void> {
  let printed = 0
  let scanned = 0
  let tookMs = 0
  let cursor: string | undefined
  do {
    const answer = await ask(Math.min(PAGE_ROWS, limit - printed), cursor)
    const columns = answer.schema.map((column) => column.name)
    if (json) for (const row of answer.rows) io.stdout.write(`${JSON.stringify(objectOf(columns, row))}\n`)
    else if (answer.rows.length > 0) io.stdout.write(renderTable({ columns, rows: answer.rows }, io.stdout.columns))
    printed += answer.rows.length
    scanned = Math.max(scanned, answer.scanned)
    tookMs += answer.tookMs
    cursor = answer.rows.length > 0 ? answer.cursor : undefined
  } while (cursor !== undefined && printed < limit)
  const rest = cursor === undefined ? '' : '; there are more, see --limit'
  io.stderr.write(`${printed} rows of ${scanned} events in ${Math.round(tookMs)} ms${rest}\n`)
}

function objectOf(columns: readonly string[], row: readonly unknown[]): object {
  return Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null]))
}

function rowsOf(text: string): number {
  const rows = Number(text)
  if (!Number.isSafeInteger(rows) || rows < 1) throw new UsageError(`--limit takes a number of rows, not \`${text}\``)
  return rows
}

function rangeOf(values: Arguments['values'], clock: Clock): { from?: string; to?: string } {
  const range: { from?: string; to?: string } = {}
  for (const name of ['from', 'to'] as const) {
    const value = values[name]
    if (typeof value === 'string') range[name] = parseInstant(value, clock)
  }
  return range
}

/** An instant as the service takes it: RFC 3339 as it is, `15m` as so long ago. */
export function parseInstant(text: string, clock: Clock): string {
  const ago = /^-?(\d{1,6})([smhd])$/.exec(text)
  if (ago) return formatInstant(clock.now() - Number(ago[1]) * (UNIT_MS[ago[2] ?? ''] ?? 0))
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new UsageError(`\`${text}\` is no time: 2026-01-31T08:00:00Z is, and so is 15m, for 15 minutes ago`)
  return formatInstant(at)
}
