import { clientOptions } from './client.ts'
import { type Command, UsageError } from './command.ts'
import { type ListedRule, stateText } from './rules-list.ts'
import { callService, listAll, rulesPath } from './service-call.ts'
import { renderTable } from './table.ts'

interface CanaryFinding {
  readonly id: string
  readonly time: string
  readonly recordIds: readonly string[]
  readonly entities: Readonly<Record<string, readonly string[]>>
  readonly group?: Readonly<Record<string, string>>
}

/** Shows what rules found while they were tried out. */
export const rulesCanaryCommand: Command = {
  name: 'rules canary',
  usage: 'rules canary [ID] [--limit N] [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    limit: { type: 'string', value: 'N', default: '50', description: 'so many findings, the newest' },
    json: { type: 'boolean', description: 'print one JSON object a finding, or a rule' },
  },
  async run({ values, positionals }, io) {
    const [id, ...more] = positionals
    if (more.length > 0) throw new UsageError('name one rule, or none for a list of canaries')
    const limit = Number(values.limit)
    if (!Number.isInteger(limit) || limit < 1) throw new UsageError(`--limit takes a number, not \`${values.limit}\``)
    const print = (items: readonly object[], columns: readonly string[], rows: readonly (readonly unknown[])[]) => {
      if (values.json === true) for (const item of items) io.stdout.write(`${JSON.stringify(item)}\n`)
      else io.stdout.write(renderTable({ columns, rows }, io.stdout.columns))
    }
    return callService(rulesCanaryCommand, values, io, async (client) => {
      if (id === undefined) {
        const filter = new URLSearchParams({ filter: "state = 'canary'" })
        const rules = await listAll<ListedRule>(client, `${rulesPath(client)}?${filter}`)
        const rows = rules.map((rule) => [rule.id, rule.title, rule.severity, stateText(rule), rule.updatedAt])
        print(rules, ['id', 'title', 'severity', 'state', 'changed'], rows)
        return
      }
      const findings = await listAll<CanaryFinding>(client, rulesPath(client, id, 'canary-findings'), limit)
      const rows = findings.map(({ time, entities, group, recordIds }) => [
        time,
        Object.entries(group ?? entities)
          .map(([kind, value]) => `${kind} ${[value].flat().join(' ')}`)
          .join(', '),
        recordIds.length,
        recordIds.at(-1),
      ])
      print(findings, ['time', 'about', 'records', 'newest record'], rows)
      io.stderr.write(`${findings.length} findings\n`)
    })
  },
}
