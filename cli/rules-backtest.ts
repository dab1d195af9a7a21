import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, type Client, clientOptions, connect } from './client.ts'
import { type Command, type Io, UsageError } from './command.ts'
import { ProgressBar } from './progress.ts'
import { renderTable } from './table.ts'

const POLL_MS = 250

interface Job {
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
  readonly progress: number
  readonly note?: string
  readonly error?: { readonly message: string }
  readonly output?: Result
}

interface Result {
  readonly from: string
  readonly to: string
  readonly events: number
  readonly rules: readonly {
    readonly id: string
    readonly title: string
    readonly matches: number
    readonly excluded: number
    readonly alerts: number
    readonly alertsPerDay: number
  }[]
  readonly topEntities: readonly { readonly kind: string; readonly value: string; readonly findings: number }[]
  readonly samples: readonly {
    readonly ruleId: string
    readonly recordId: string
    readonly time: string
    readonly raw: string
  }[]
  readonly cost: { readonly nsPerEvent: number }
  readonly approximate: boolean
}

/** Tries rules on the events of the last days in a running service. */
export const rulesBacktestCommand: Command = {
  name: 'rules backtest',
  usage: 'rules backtest FILE | --rule ID [--days N] [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    days: { type: 'string', value: 'N', default: '7', description: 'events of so many days up to now' },
    rule: { type: 'string', value: 'ID', description: 'a stored rule with its exclusions, instead of a file' },
    json: { type: 'boolean', description: 'print the result as JSON' },
  },
  async run({ values, positionals }, io) {
    const [file, ...more] = positionals
    const rule = typeof values.rule === 'string' ? values.rule : undefined
    if (more.length > 0 || (file === undefined) === (rule === undefined)) {
      throw new UsageError('name one file of rules, or --rule ID')
    }
    const days = Number(values.days)
    if (!Number.isInteger(days) || days < 1)
      throw new UsageError(`--days takes a number of days, not \`${values.days}\``)
    const client = await connect(values)
    try {
      const result = await runBacktestJob(client, await start(client, { file, rule, days }), io)
      if (values.json === true) io.stdout.write(`${JSON.stringify(result)}\n`)
      else printBacktest(result, io)
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      io.stderr.write(`rampart rules backtest: ${error.message}\n`)
      return 1
    }
  },
}

async function start(
  client: Client,
  what: { readonly file: string | undefined; readonly rule: string | undefined; readonly days: number },
): Promise<string> {
  const base = `/v1/workspaces/${encodeURIComponent(client.workspace)}/rules`
  const { jobId } =
    what.file === undefined
      ? await client.call<{ jobId: string }>(`${base}/${encodeURIComponent(what.rule ?? '')}:backtest`, {
          body: { days: what.days },
        })
      : await client.call<{ jobId: string }>(`${base}:backtest?days=${what.days}`, {
          body: readFileSync(what.file),
          contentType: 'application/yaml',
        })
  return jobId
}

/** The result of a back-test. Shows how far the job is until it ended; Ctrl-C cancels it.   @throws ApiError */
export async function runBacktestJob(client: Client, id: string, io: Io): Promise<Result> {
  const bar = new ProgressBar(io.stderr, 100)
  const cancel = () => void client.call(`/v1/jobs/${id}:cancel`, { method: 'POST' }).catch(() => {})
  process.once('SIGINT', cancel)
  let shown = 0
  try {
    for (;;) {
      const job = await client.call<Job>(`/v1/jobs/${id}`)
      bar.add(job.progress - shown)
      shown = job.progress
      if (job.state === 'succeeded' && job.output) return job.output
      if (job.state === 'failed' || job.state === 'cancelled') {
        throw new ApiError(409, { detail: job.error?.message ?? `the back-test was ${job.state}` })
      }
      await delay(POLL_MS)
    }
  } finally {
    bar.end()
    process.off('SIGINT', cancel)
  }
}

/** The result as tables for people. */
export function printBacktest(
  { from, to, events, rules, topEntities, samples, cost, approximate }: Result,
  io: Io,
): void {
  const { stdout } = io
  const table = (columns: readonly string[], rows: readonly (readonly unknown[])[]) => {
    if (rows.length > 0) stdout.write(`\n${renderTable({ columns, rows }, stdout.columns)}`)
  }
  stdout.write(`${events} events from ${from} to ${to}; ${cost.nsPerEvent} ns an event\n`)
  table(
    ['rule', 'title', 'matches', 'excluded', 'alerts', 'alerts a day'],
    rules.map(({ id, title, matches, excluded, alerts, alertsPerDay }) => [
      ...[id, title, matches, excluded, alerts, alertsPerDay],
    ]),
  )
  table(
    ['entity', 'kind', 'findings'],
    topEntities.map(({ value, kind, findings }) => [value, kind, findings]),
  )
  table(
    ['time', 'record', 'begins with'],
    samples.map(({ time, recordId, raw }) => [time, recordId, raw]),
  )
  if (approximate) io.stderr.write('There was more than is told apart: the estimates are too high.\n')
}
