import { clientOptions } from './client.ts'
import { type Arguments, type Command, UsageError } from './command.ts'
import { callService, listAll, rulesPath } from './service-call.ts'
import { renderTable } from './table.ts'

export interface ListedRule {
  readonly id: string
  readonly kind: string
  readonly title: string
  readonly severity: string
  readonly state: 'enabled' | 'canary' | 'disabled'
  readonly canary?: { readonly until?: string; readonly alertPercent?: number }
  readonly revision: number
  readonly source?: string
  readonly commit?: string
  readonly author: string
  readonly updatedAt: string
}

/** Lists the rules of a workspace. */
export const rulesListCommand: Command = {
  name: 'rules list',
  usage: 'rules list [--state STATE] [--filter PPL] [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    state: { type: 'string', value: 'STATE', description: 'only enabled, canary or disabled ones' },
    filter: { type: 'string', value: 'PPL', description: "only those that fit, such as `severity = 'high'`" },
    json: { type: 'boolean', description: 'print one JSON object a rule' },
  },
  async run({ values, positionals }, io) {
    if (positionals.length > 0) throw new UsageError('takes no argument; `rules show ID` shows one rule')
    const filters = [
      ...(typeof values.filter === 'string' ? [`(${values.filter})`] : []),
      ...(values.state === undefined ? [] : [`state = '${readState(values.state)}'`]),
    ]
    return callService(rulesListCommand, values, io, async (client) => {
      const query = filters.length === 0 ? '' : `?${new URLSearchParams({ filter: filters.join(' and ') })}`
      const rules = await listAll<ListedRule>(client, `${rulesPath(client)}${query}`)
      if (values.json === true) for (const rule of rules) io.stdout.write(`${JSON.stringify(rule)}\n`)
      else {
        const columns = ['id', 'title', 'kind', 'severity', 'state', 'revision', 'source']
        const rows = rules.map((rule) => [
          ...[rule.id, rule.title, rule.kind, rule.severity, stateText(rule), rule.revision, rule.source],
        ])
        io.stdout.write(renderTable({ columns, rows }, io.stdout.columns))
        io.stderr.write(`${rules.length} rules\n`)
      }
    })
  },
}

/** Prints the text of a rule. */
export const rulesShowCommand: Command = {
  name: 'rules show',
  usage: 'rules show ID [--workspace NAME] [--json]',
  options: { ...clientOptions, json: { type: 'boolean', description: 'print all that is known of it as JSON' } },
  async run(args, io) {
    const id = onlyRule(args)
    return callService(rulesShowCommand, args.values, io, async (client) => {
      const rule = await client.call<ListedRule & { text: string }>(rulesPath(client, id))
      if (args.values.json === true) {
        io.stdout.write(`${JSON.stringify(rule)}\n`)
        return
      }
      io.stdout.write(rule.text.endsWith('\n') ? rule.text : `${rule.text}\n`)
      const from = rule.source === undefined ? '' : `, from ${rule.source}${rule.commit ? ` at ${rule.commit}` : ''}`
      io.stderr.write(`${stateText(rule)}; revision ${rule.revision} by ${rule.author} at ${rule.updatedAt}${from}\n`)
    })
  },
}

/** The one rule that is named. */
export function onlyRule({ positionals }: Pick<Arguments, 'positionals'>): string {
  const [id, ...more] = positionals
  if (id === undefined || more.length > 0) throw new UsageError('name one rule by its id; `rules list` has them')
  return id
}

export const ruleStates = ['enabled', 'canary', 'disabled'] as const

export function readState(value: unknown): (typeof ruleStates)[number] {
  const state = ruleStates.find((known) => known === value)
  if (!state) throw new UsageError(`a rule is ${ruleStates.join(', ')}; \`${String(value)}\` is none of these`)
  return state
}

/** `canary until …, 10 % alert`. */
export function stateText({ state, canary }: Pick<ListedRule, 'state' | 'canary'>): string {
  const until = canary?.until === undefined ? '' : ` until ${canary.until}`
  const percent =
    canary?.alertPercent === undefined || canary.alertPercent === 0 ? '' : `, ${canary.alertPercent} % alert`
  return `${state}${until}${percent}`
}
