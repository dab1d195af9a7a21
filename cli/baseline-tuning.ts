import { printable } from '../platform/base/index.ts'
import { ApiError, type Client, clientOptions, connect } from './client.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'
import { renderTable } from './table.ts'

interface Settings {
  readonly enabled: boolean
  readonly threshold: number
  readonly exclusions: readonly { readonly entity: string; readonly reason?: string; readonly until?: string }[]
}

interface Baseline extends Settings {
  readonly name: string
  readonly title: string
  readonly version: number
  readonly watches: string
  readonly needs: string
  readonly window: string
  readonly state: string
  readonly progress: number
  readonly samples: number
  readonly entities: { readonly known: number; readonly active: number; readonly frozen: number }
  readonly deviations: { readonly known: number; readonly told: number }
}

interface Deviation {
  readonly at: string
  readonly since: string
  readonly entity: string
  readonly score: number
  readonly expected: string
  readonly seen: string
  readonly held?: string
}

interface EntityReport {
  readonly entity: string
  readonly state: string
  readonly progress: number
  readonly deviations: readonly Deviation[]
}

interface Offer {
  readonly kind: string
  readonly summary: string
  readonly settings: Settings
  readonly hides: { readonly count: number; readonly entities: number; readonly examples: readonly Deviation[] }
}

const json = { type: 'boolean', description: 'print the answer as JSON' } as const

/** Where the baselines of a workspace stand. */
export const baselineListCommand: Command = {
  name: 'baseline list',
  usage: 'baseline list [--json] [--workspace NAME]',
  options: { ...clientOptions, json },
  async run({ values, positionals }, io) {
    if (positionals.length > 0) throw new UsageError('`baseline list` takes no names; `baseline show NAME` does')
    return asking('baseline list', values, io, async (client, base) => {
      const answer = await client.call<{ items: readonly Baseline[] }>(base)
      if (values.json === true) return answer
      const rows = answer.items.map((one) => [
        one.name,
        one.enabled ? one.state : 'off',
        percent(one.progress),
        one.samples,
        one.entities.known,
        one.deviations.told,
        one.deviations.known - one.deviations.told,
        one.threshold,
        one.exclusions.length,
      ])
      const columns = ['baseline', 'state', 'learned', 'samples', 'entities', 'told', 'held', 'threshold', 'exclusions']
      io.stdout.write(renderTable({ columns, rows }, io.stdout.columns))
      return undefined
    })
  },
}

/** One baseline, or what it knows of an entity, with what it stated. */
export const baselineShowCommand: Command = {
  name: 'baseline show',
  usage: 'baseline show NAME [--entity ENTITY] [--json] [--workspace NAME]',
  options: {
    ...clientOptions,
    entity: {
      type: 'string',
      value: 'ENTITY',
      description: 'of this one only, such as a user or `SOURCE DESTINATION`',
    },
    json,
  },
  async run({ values, positionals }, io) {
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0) throw new UsageError('name one baseline, as `baseline list` does')
    return asking('baseline show', values, io, async (client, base) => {
      const path = `${base}/${encodeURIComponent(name)}`
      if (typeof values.entity === 'string') {
        const report = await client.call<EntityReport>(`${path}/entities/${encodeURIComponent(values.entity)}`)
        if (values.json === true) return report
        const { deviations, entity, state, progress } = report
        printFacts({ entity, state, learned: percent(progress) }, io)
        printDeviations(deviations, io)
        return undefined
      }
      const baseline = await client.call<Baseline>(path)
      const { items } = await client.call<{ items: readonly Deviation[] }>(`${path}/deviations`)
      if (values.json === true) return { ...baseline, deviations: items }
      const { title, version, watches, needs, window, state, progress, samples, entities, enabled, threshold } =
        baseline
      const known = `${entities.known}, of them ${entities.active} learned and ${entities.frozen} frozen`
      const facts = { title, version, watches, needs, learns: window, state, learned: percent(progress), samples }
      printFacts({ ...facts, entities: known, enabled, threshold }, io)
      for (const { entity, reason, until } of baseline.exclusions)
        io.stdout.write(
          `excluded: ${printable([entity, reason, until && `until ${until}`].filter(Boolean).join(', '))}\n`,
        )
      printDeviations(items, io)
      return undefined
    })
  },
}

/** What could be done about a false alert. */
export const baselineOffersCommand: Command = {
  name: 'baseline offers',
  usage: 'baseline offers ALERT [--json] [--workspace NAME]',
  options: { ...clientOptions, json },
  async run({ values, positionals }, io) {
    const [alert, ...more] = positionals
    if (alert === undefined || more.length > 0) throw new UsageError('name one alert by its id')
    return asking('baseline offers', values, io, async (client, base) => {
      const { name, offers } = await offersOf(client, base, alert)
      if (values.json === true) return { baseline: name, items: offers }
      io.stdout.write(`${name} offers, with \`rampart baseline accept ${alert} NUMBER\`:\n`)
      for (const [i, offer] of offers.entries()) io.stdout.write(`${i + 1}. ${say(offer)}\n`)
      return undefined
    })
  },
}

/** Sets a baseline as one of the offers says. */
export const baselineAcceptCommand: Command = {
  name: 'baseline accept',
  usage: 'baseline accept ALERT NUMBER [--json] [--workspace NAME]',
  options: { ...clientOptions, json },
  async run({ values, positionals }, io) {
    const [alert, number, ...more] = positionals
    if (alert === undefined || number === undefined || more.length > 0)
      throw new UsageError('name an alert by its id, and the number of an offer, as `baseline offers` does')
    return asking('baseline accept', values, io, async (client, base) => {
      const { name, offers } = await offersOf(client, base, alert)
      const offer = /^\d{1,3}$/.test(number) ? offers[Number(number) - 1] : undefined
      if (!offer) throw new UsageError(`there are offers 1 to ${offers.length}, not \`${number}\``)
      const set = await client.call<Baseline>(`${base}/${encodeURIComponent(name)}`, {
        method: 'PUT',
        body: offer.settings,
      })
      if (values.json === true) return set
      io.stdout.write(`${name} is set: ${say(offer)}\n`)
      return undefined
    })
  },
}

/** Asks a running service; what it refuses is said, and exits with 1. @param ask what it gives is printed as JSON */
async function asking(
  name: string,
  values: Arguments['values'],
  io: Io,
  ask: (client: Client, base: string) => Promise<object | undefined>,
): Promise<number> {
  const client = await connect(values)
  try {
    const answer = await ask(client, `/v1/workspaces/${encodeURIComponent(client.workspace)}/baselines`)
    if (answer) io.stdout.write(`${JSON.stringify(answer)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    io.stderr.write(`rampart ${name}: ${error.message}\n`)
    return 1
  }
}

async function offersOf(
  client: Client,
  base: string,
  alert: string,
): Promise<{ readonly name: string; readonly offers: readonly Offer[] }> {
  const id = encodeURIComponent(alert)
  const { ruleId } = await client.call<{ ruleId: string }>(base.replace(/baselines$/, `alerts/${id}`))
  if (!ruleId.startsWith('baseline/')) throw new UsageError(`alert ${alert} is of \`${ruleId}\`, which is no baseline`)
  const name = ruleId.slice('baseline/'.length)
  const { items } = await client.call<{ items: readonly Offer[] }>(
    `${base}/${encodeURIComponent(name)}/offers?alert=${id}`,
  )
  return { name, offers: items }
}

const percent = (share: number): string => `${Math.round(100 * share)} %`

const say = ({ kind, summary, hides }: Offer): string =>
  `${kind}: ${printable(summary)}; would have hidden ${hides.count} of what was told lately, of ${hides.entities} ${hides.entities === 1 ? 'entity' : 'entities'}`

function printFacts(facts: Readonly<Record<string, unknown>>, io: Io): void {
  for (const [name, value] of Object.entries(facts)) io.stdout.write(`${name}: ${printable(String(value))}\n`)
}

function printDeviations(deviations: readonly Deviation[], io: Io): void {
  if (deviations.length === 0) return
  const columns = ['at', 'since', 'entity', 'score', 'held', 'expected', 'seen']
  const rows = deviations.map((one) => [
    one.at,
    one.since,
    one.entity,
    one.score.toFixed(3),
    one.held ?? '',
    one.expected,
    one.seen,
  ])
  io.stdout.write(`\n${renderTable({ columns, rows }, io.stdout.columns)}`)
}
