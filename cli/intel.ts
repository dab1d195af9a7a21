import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { findImportFiles, splitImport } from '../intel/index.ts'
import { ApiError, type Client, clientOptions, connect } from './client.ts'
import { type Command, type Io, UsageError } from './command.ts'
import { ProgressBar } from './progress.ts'
import { renderTable } from './table.ts'

interface Summary {
  format: string
  objects: number
  created: number
  updated: number
  unchanged: number
  revoked: number
  sightings: number
  notMatched: number
  refusedCount: number
  refused: { where: string; message: string }[]
}

const json = { type: 'boolean', description: 'print JSON' } as const

/** Imports files of indicators into a running service. */
export const intelImportCommand: Command = {
  name: 'intel import',
  usage: 'intel import FILE|DIR… [--format FORMAT] [--source NAME] [--confidence N] [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    format: {
      type: 'string',
      value: 'FORMAT',
      description: 'stix, misp, csv, ndjson or text (default: found by its looks)',
    },
    source: {
      type: 'string',
      value: 'NAME',
      description: 'whose word it is (default: the name of the file or folder)',
    },
    confidence: { type: 'string', value: 'N', description: '0 to 100, for what does not say it itself (default: 80)' },
    json: { ...json, description: 'print one JSON object a file' },
  },
  async run(args, io) {
    if (args.positionals.length === 0) throw new UsageError('name a file or folder to import')
    const files = args.positionals.flatMap((path) => findImportFiles(path).map((file) => ({ file, root: path })))
    const client = await connect(args.values)
    const bar = new ProgressBar(
      io.stderr,
      files.reduce((sum, { file }) => sum + statSync(file).size, 0),
    )
    let failed = false
    for (const { file, root } of files) {
      const query = new URLSearchParams({ source: String(args.values.source ?? sourceOf(root)) })
      for (const name of ['format', 'confidence'] as const) {
        const value = args.values[name]
        if (typeof value === 'string') query.set(name, value)
      }
      try {
        const summary = await importFile(client, file, query, bar)
        bar.end()
        tell(io, file, summary, args.values.json === true)
      } catch (error) {
        bar.end()
        if (!(error instanceof ApiError)) throw error
        failed = true
        io.stderr.write(`rampart intel import: ${file}: ${error.message}\n`)
      }
    }
    return failed ? 1 : 0
  },
}

interface SourceAnswer {
  readonly name: string
  readonly weight: number
  readonly truePositives: number
  readonly falsePositives: number
}

/** Says whose word indicators are, and sets what it is worth. */
export const intelSourcesCommand: Command = {
  name: 'intel sources',
  usage: 'intel sources [NAME=PERCENT…] [--workspace NAME] [--json]',
  options: { ...clientOptions, json: { ...json, description: 'print one JSON object a source' } },
  async run(args, io) {
    const weights = args.positionals.map((text) => {
      const [, name, percent] = /^(.+)=([0-9]{1,3})%?$/.exec(text) ?? []
      if (name === undefined || Number(percent) > 100) {
        throw new UsageError(`\`${text}\` says no weight; write NAME=PERCENT, such as partner=50`)
      }
      return { name, weight: Number(percent) }
    })
    const client = await connect(args.values)
    const path = `/v1/workspaces/${encodeURIComponent(client.workspace)}/indicator-sources`
    for (const { name, weight } of weights) {
      await client.call(`${path}/${encodeURIComponent(name)}`, { method: 'PUT', body: { weight } })
    }
    const { items } = await client.call<{ items: SourceAnswer[] }>(path)
    if (args.values.json === true) for (const item of items) io.stdout.write(`${JSON.stringify(item)}\n`)
    else if (items.length === 0) io.stdout.write('no source was weighed or judged yet; each weighs 100 %\n')
    else {
      const columns = ['source', 'weight', 'right', 'wrong']
      const rows = items.map(({ name, weight, truePositives, falsePositives }) => [
        ...[name, `${weight} %`, truePositives, falsePositives],
      ])
      io.stdout.write(renderTable({ columns, rows }, io.stdout.columns))
    }
    return 0
  },
}

/** Says what is known of a value. */
export const intelLookupCommand: Command = {
  name: 'intel lookup',
  usage: 'intel lookup VALUE… [--workspace NAME] [--json]',
  options: { ...clientOptions, json: { ...json, description: 'print one JSON object a value' } },
  async run(args, io) {
    if (args.positionals.length === 0) throw new UsageError('give a value to look up')
    const client = await connect(args.values)
    let failed = false
    for (const value of args.positionals) {
      try {
        const path = `/v1/workspaces/${encodeURIComponent(client.workspace)}/indicators:lookup`
        const answer = await client.call<LookupAnswer>(`${path}?${new URLSearchParams({ value })}`)
        if (args.values.json === true) io.stdout.write(`${JSON.stringify(answer)}\n`)
        else tellLookup(io, answer)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        failed = true
        io.stderr.write(`rampart intel lookup: ${error.message}\n`)
      }
    }
    return failed ? 1 : 0
  },
}

interface LookupAnswer {
  readonly type: string
  readonly value: string
  readonly items: readonly {
    readonly type: string
    readonly value: string
    readonly score: number
    readonly active: boolean
    readonly opinions: readonly { readonly source: string; readonly stated: number; readonly confidence: number }[]
    readonly labels: readonly string[]
    readonly expiresAt?: string
    readonly sightings: number
  }[]
}

function tellLookup(io: Io, { type, value, items }: LookupAnswer): void {
  if (items.length === 0) {
    io.stdout.write(`${type} ${value}: nothing is known\n`)
    return
  }
  const columns = ['type', 'value', 'score', 'active', 'sources', 'labels', 'expires', 'sightings']
  const rows = items.map((item) => [
    item.type,
    item.value,
    item.score,
    item.active,
    item.opinions.map(toldSource).join(', '),
    item.labels.join(', '),
    item.expiresAt ?? '',
    item.sightings,
  ])
  io.stdout.write(renderTable({ columns, rows }, io.stdout.columns))
}

/** A source with what it says, and what that is worth where it is worth less. */
function toldSource({ source, stated, confidence }: LookupAnswer['items'][number]['opinions'][number]): string {
  return stated === confidence ? `${source} ${stated}` : `${source} ${stated}→${confidence}`
}

/** Sends a file, one that is read line by line in parts. */
async function importFile(client: Client, file: string, query: URLSearchParams, bar: ProgressBar): Promise<Summary> {
  const path = `/v1/workspaces/${encodeURIComponent(client.workspace)}/indicators:import`
  let total: Summary | undefined
  for (const { bytes, format } of splitImport(readFileSync(file), query.get('format') ?? undefined)) {
    if (format !== undefined) query.set('format', format)
    const part = await client.call<Summary>(`${path}?${query}`, {
      body: bytes,
      contentType: 'application/octet-stream',
    })
    bar.add(bytes.length)
    total = total ? joinSummaries(total, part) : part
  }
  if (!total) throw new UsageError(`${file} is empty`)
  return total
}

function joinSummaries(a: Summary, b: Summary): Summary {
  const counts = [
    'objects',
    'created',
    'updated',
    'unchanged',
    'revoked',
    'sightings',
    'notMatched',
    'refusedCount',
  ] as const
  const joined = { ...a, refused: [...a.refused, ...b.refused].slice(0, 100) }
  for (const name of counts) joined[name] += b[name]
  return joined
}

function tell(io: Io, file: string, summary: Summary, asJson: boolean): void {
  if (asJson) {
    io.stdout.write(`${JSON.stringify({ file, ...summary })}\n`)
    return
  }
  for (const { where, message } of summary.refused) io.stderr.write(`${file}: ${where}: ${message}\n`)
  const { format, created, updated, unchanged, revoked, notMatched, refusedCount, objects } = summary
  const more = [
    ...(objects > 0 ? [`${objects} objects kept`] : []),
    ...(revoked > 0 ? [`${revoked} ended`] : []),
    ...(notMatched > 0 ? [`${notMatched} patterns not matched`] : []),
  ]
  io.stdout.write(
    `${file}: ${format}, ${created} new, ${updated} changed, ${unchanged} as before, ${refusedCount} refused${more.map((text) => `, ${text}`).join('')}\n`,
  )
}

function sourceOf(path: string): string {
  const name = basename(path)
    .replace(/\.[A-Za-z0-9]+$/, '')
    .replace(/[^A-Za-z0-9 ._:/@-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
  return name.slice(0, 128) || 'import'
}
