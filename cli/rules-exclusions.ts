import { readFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import { type Client, clientOptions } from './client.ts'
import { type Command, UsageError } from './command.ts'
import { printBacktest, runBacktestJob } from './rules-backtest.ts'
import { onlyRule } from './rules-list.ts'
import { callService, rulesPath } from './service-call.ts'
import { renderTable } from './table.ts'

interface Exclusion {
  readonly ruleId: string
  readonly name: string
  readonly filter: string
  readonly owner: string
  readonly reason: string
  readonly expiresAt?: string
  readonly hits: number
  readonly lastHitAt?: string
}

const json = { type: 'boolean', description: 'print JSON' } as const

/** Lists what is left out of a rule. */
export const rulesExclusionsListCommand: Command = {
  name: 'rules exclusions list',
  usage: 'rules exclusions list ID [--workspace NAME] [--json]',
  options: { ...clientOptions, json },
  async run(args, io) {
    const id = onlyRule(args)
    return callService(rulesExclusionsListCommand, args.values, io, async (client) => {
      const { items } = await client.call<{ items: readonly Exclusion[] }>(rulesPath(client, id, 'exclusions'))
      if (args.values.json === true) for (const item of items) io.stdout.write(`${JSON.stringify(item)}\n`)
      else {
        const columns = ['name', 'hits', 'last hit', 'expires', 'owner', 'reason']
        const rows = items.map(({ name, hits, lastHitAt, expiresAt, owner, reason }) => [
          ...[name, hits, lastHitAt, expiresAt, owner, reason],
        ])
        io.stdout.write(renderTable({ columns, rows }, io.stdout.columns))
      }
    })
  },
}

/** Leaves events out of a rule, or shows what that would have hidden. */
export const rulesExclusionsAddCommand: Command = {
  name: 'rules exclusions add',
  usage:
    'rules exclusions add ID NAME (--where FIELD=VALUE… | --filter FILE) (--owner NAME --reason TEXT [--expires TIME] | --preview [--days N]) [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    where: {
      type: 'string',
      multiple: true,
      value: 'FIELD=VALUE',
      description:
        'leave out events of which all of these hold (of two values of one field, either); FIELD may have modifiers, such as `Image|endswith`',
    },
    filter: { type: 'string', value: 'FILE', description: 'a Sigma filter (YAML) instead' },
    owner: { type: 'string', value: 'NAME', description: 'who answers for it' },
    reason: { type: 'string', value: 'TEXT', description: 'why it is right' },
    expires: { type: 'string', value: 'TIME', description: 'events of then (RFC 3339) and later count again' },
    preview: { type: 'boolean', description: 'change nothing: show what it would have hidden' },
    days: { type: 'string', value: 'N', default: '7', description: 'of a preview: events of so many days up to now' },
    json,
  },
  async run(args, io) {
    const { values, positionals } = args
    const { id, name } = ruleAndName(positionals)
    const wheres = Array.isArray(values.where) ? (values.where as readonly string[]).map(readWhere) : []
    if ((wheres.length === 0) === (values.filter === undefined)) throw new UsageError('give --where, or --filter')
    const { owner, reason, preview } = values
    if (preview !== true && (owner === undefined || reason === undefined)) {
      throw new UsageError('say who answers for it (--owner) and why it is right (--reason), or --preview it first')
    }
    const expiresAt = readExpiry(values.expires)
    const days = Number(values.days)
    if (!Number.isInteger(days) || days < 1)
      throw new UsageError(`--days takes a number of days, not \`${values.days}\``)
    return callService(rulesExclusionsAddCommand, values, io, async (client) => {
      const filter =
        typeof values.filter === 'string'
          ? readFileSync(values.filter, 'utf8')
          : await filterOf(client, { id, name }, wheres)
      const path = rulesPath(client, id, 'exclusions', name)
      if (preview === true) {
        const { jobId } = await client.call<{ jobId: string }>(`${path}:preview`, { body: { filter, days } })
        const result = await runBacktestJob(client, jobId, io)
        if (values.json === true) io.stdout.write(`${JSON.stringify(result)}\n`)
        else printBacktest(result, io)
        return
      }
      const put = await client.call<Exclusion>(path, {
        method: 'PUT',
        body: { filter, owner, reason, ...(expiresAt === undefined ? {} : { expiresAt }) },
      })
      if (values.json === true) io.stdout.write(`${JSON.stringify(put)}\n`)
      else {
        const until = put.expiresAt === undefined ? '' : ` until ${put.expiresAt}`
        io.stdout.write(`${put.name}: leaves events out of ${put.ruleId}${until}\n`)
      }
    })
  },
}

/** Has the events that an exclusion left out count again. */
export const rulesExclusionsRemoveCommand: Command = {
  name: 'rules exclusions remove',
  usage: 'rules exclusions remove ID NAME [--workspace NAME]',
  options: clientOptions,
  async run({ values, positionals }, io) {
    const { id, name } = ruleAndName(positionals)
    return callService(rulesExclusionsRemoveCommand, values, io, async (client) => {
      await client.call(rulesPath(client, id, 'exclusions', name), { method: 'DELETE' })
      io.stdout.write(`${name}: removed from ${id}\n`)
    })
  },
}

function ruleAndName([id, name, ...more]: readonly string[]): { readonly id: string; readonly name: string } {
  if (id === undefined || name === undefined || more.length > 0) {
    throw new UsageError('name one rule by its id, and the exclusion')
  }
  return { id, name }
}

function readWhere(text: string): readonly [field: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--where takes FIELD=VALUE, not \`${text}\``)
  return [text.slice(0, at), text.slice(at + 1)]
}

function readExpiry(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const at = Date.parse(value)
  if (Number.isNaN(at)) throw new UsageError(`--expires takes a time such as 2026-03-01T09:00:00Z, not \`${value}\``)
  return new Date(at).toISOString()
}

/** A filter for the rule's own log source that leaves out events of which all conditions hold. */
async function filterOf(
  client: Client,
  { id, name }: { readonly id: string; readonly name: string },
  wheres: readonly (readonly [string, string])[],
): Promise<string> {
  const { text } = await client.call<{ text: string }>(rulesPath(client, id))
  const { logsource } = parse(text, { maxAliasCount: 0 }) as { readonly logsource?: unknown }
  if (logsource === undefined) {
    throw new UsageError(
      `${id} has no log source of its own (a correlation?): write a Sigma filter, and give it by --filter`,
    )
  }
  // Of two values of one field either will do, as in Sigma.
  const known = Object.fromEntries(
    [...Map.groupBy(wheres, ([field]) => field)].map(([field, same]) => [field, same.map(([, value]) => value)]),
  )
  return stringify({
    title: `${name} is left out`,
    logsource,
    filter: { rules: 'any', known, condition: 'known' },
  })
}
