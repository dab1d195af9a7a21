import { clientOptions } from './client.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'
import { type ListedRule, onlyRule, readState, stateText } from './rules-list.ts'
import { callService, rulesPath } from './service-call.ts'

const options = { ...clientOptions, json: { type: 'boolean', description: 'print one JSON object a rule' } } as const

/** Runs rules, so that what they find makes alerts. */
export const rulesEnableCommand: Command = {
  name: 'rules enable',
  usage: 'rules enable ID… [--workspace NAME] [--json]',
  options,
  run: (args, io) => putStates(rulesEnableCommand, args, io, { state: 'enabled' }),
}

/** Has rules look at nothing. */
export const rulesDisableCommand: Command = {
  name: 'rules disable',
  usage: 'rules disable ID… [--workspace NAME] [--json]',
  options,
  run: (args, io) => putStates(rulesDisableCommand, args, io, { state: 'disabled' }),
}

/** Says how a rule is run, or changes that. */
export const rulesStateCommand: Command = {
  name: 'rules state',
  usage: 'rules state ID [STATE] [--until TIME] [--alert-percent N] [--workspace NAME] [--json]',
  options: {
    ...options,
    until: { type: 'string', value: 'TIME', description: 'of a canary: from then on (RFC 3339) it alerts' },
    'alert-percent': {
      type: 'string',
      value: 'N',
      description: 'of a canary: this share of its findings alerts already, 0 to 99',
    },
  },
  async run(args, io) {
    const { values, positionals } = args
    const [id, state, ...more] = positionals
    if (more.length > 0) throw new UsageError('name one rule, and one state')
    const canary = { ...readUntil(values.until), ...readPercent(values['alert-percent']) }
    if (state !== undefined) {
      return putStates(rulesStateCommand, { ...args, positionals: [id ?? ''] }, io, {
        state: readState(state),
        ...canary,
      })
    }
    if (Object.keys(canary).length > 0) throw new UsageError('--until and --alert-percent go with the state `canary`')
    const only = onlyRule(args)
    return callService(rulesStateCommand, values, io, async (client) => {
      tell(await client.call<ListedRule>(rulesPath(client, only)), values, io)
    })
  },
}

interface RunRequest {
  readonly state: ListedRule['state']
  readonly until?: string
  readonly alertPercent?: number
}

function putStates(command: Command, args: Arguments, io: Io, run: RunRequest): Promise<number> {
  const { values, positionals } = args
  if (positionals.length === 0) throw new UsageError('name a rule by its id; `rules list` has them')
  return callService(command, values, io, async (client) => {
    for (const id of positionals) {
      tell(await client.call<ListedRule>(rulesPath(client, id, 'state'), { method: 'PUT', body: run }), values, io)
    }
  })
}

function tell(rule: ListedRule, values: Arguments['values'], io: Io): void {
  const { id, state, canary, revision } = rule
  if (values.json === true) {
    io.stdout.write(`${JSON.stringify({ id, state, ...(canary ? { canary } : {}), revision })}\n`)
  } else io.stdout.write(`${id}: ${stateText(rule)}\n`)
}

function readUntil(value: unknown): { readonly until?: string } {
  if (typeof value !== 'string') return {}
  const at = Date.parse(value)
  if (Number.isNaN(at)) throw new UsageError(`--until takes a time such as 2026-03-01T09:00:00Z, not \`${value}\``)
  return { until: new Date(at).toISOString() }
}

function readPercent(value: unknown): { readonly alertPercent?: number } {
  if (typeof value !== 'string') return {}
  const percent = Number(value)
  if (!Number.isInteger(percent) || percent < 0 || percent > 99) {
    throw new UsageError(`--alert-percent takes a whole number from 0 to 99, not \`${value}\``)
  }
  return { alertPercent: percent }
}
