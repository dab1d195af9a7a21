import { clientOptions } from './client.ts'
import { type Command, type Io, UsageError } from './command.ts'
import { stateText } from './rules-list.ts'
import { callService, rulesPath } from './service-call.ts'
import { renderTable } from './table.ts'

interface RuleHealth {
  readonly ruleId: string
  readonly title: string
  readonly state: 'enabled' | 'canary' | 'disabled'
  readonly matches: number
  readonly excluded: number
  readonly heldBack: number
  readonly canaryFindings: number
  readonly alerts: number
  readonly closedAlerts: number
  readonly falsePositives: number
  readonly timeShare: number
  readonly problems: readonly string[]
  readonly advice: readonly string[]
}

interface Report {
  readonly days: number
  readonly events: number
  readonly rules: readonly RuleHealth[]
  readonly staleExclusions: readonly {
    readonly ruleId: string
    readonly name: string
    readonly owner: string
    readonly hits: number
    readonly lastHitAt?: string
    readonly expiresAt?: string
  }[]
}

const CALM_SHOWN = 20
const problemNames: Readonly<Record<string, string>> = {
  false_positives: 'mostly false positives',
  too_much: 'fires too much',
  throttled: 'throttled',
  costly: 'costs most',
  never_fired: 'never fired',
}

/** Tells what rules did and what to do about those that do badly. */
export const rulesHealthCommand: Command = {
  name: 'rules health',
  usage: 'rules health [--days N] [--problems] [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    days: { type: 'string', value: 'N', default: '30', description: 'over so many days up to now, at most 100' },
    problems: { type: 'boolean', description: 'only rules with something to do about' },
    json: { type: 'boolean', description: 'print the report as JSON' },
  },
  async run({ values, positionals }, io) {
    if (positionals.length > 0) throw new UsageError('takes no argument')
    const days = Number(values.days)
    if (!Number.isInteger(days) || days < 1)
      throw new UsageError(`--days takes a number of days, not \`${values.days}\``)
    return callService(rulesHealthCommand, values, io, async (client) => {
      const query = new URLSearchParams({ days: String(days), problems: String(values.problems === true) })
      const report = await client.call<Report>(`${rulesPath(client, 'health')}?${query}`)
      if (values.json === true) io.stdout.write(`${JSON.stringify(report)}\n`)
      else show(report, io)
    })
  },
}

function show({ days, events, rules, staleExclusions }: Report, io: Io): void {
  const { stdout } = io
  const print = (columns: readonly string[], rows: readonly (readonly unknown[])[]) =>
    stdout.write(renderTable({ columns, rows }, stdout.columns))
  const busy = [...rules].sort((a, b) => b.problems.length - a.problems.length || b.matches - a.matches)
  const shown = busy.filter(({ problems }, place) => problems.length > 0 || place < CALM_SHOWN)
  print(
    ['rule', 'state', 'matches', 'excluded', 'alerts', 'closed', 'false', 'time', 'problems'],
    shown.map((rule) => [
      ...[rule.title, stateText(rule), rule.matches, rule.excluded, rule.alerts, rule.closedAlerts],
      rule.closedAlerts === 0 ? '' : percent(rule.falsePositives / rule.closedAlerts),
      percent(rule.timeShare),
      rule.problems.map((problem) => problemNames[problem] ?? problem).join(', '),
    ]),
  )
  const advised = shown.filter(({ advice }) => advice.length > 0)
  if (advised.length > 0) {
    stdout.write('\nWhat to do:\n')
    for (const { title, ruleId, advice } of advised) {
      // A title may come from a stranger's rule: the table cleans it.
      const name = renderTable({ columns: [`${title} (${ruleId})`], rows: [] }, undefined).split('\n')[0]
      for (const sentence of advice) stdout.write(`- ${name}: ${sentence}\n`)
    }
  }
  if (staleExclusions.length > 0) {
    stdout.write('\n')
    print(
      ['exclusion that nothing needs', 'rule', 'owner', 'hits', 'last hit', 'expires'],
      staleExclusions.map(({ name, ruleId, owner, hits, lastHitAt, expiresAt }) => [
        ...[name, ruleId, owner, hits, lastHitAt, expiresAt],
      ]),
    )
  }
  const left = rules.length - shown.length
  const more = left > 0 ? `; ${left} rules more did their work (--json has them)` : ''
  io.stderr.write(`${events} events in ${days} days${more}\n`)
}

const percent = (share: number): string => `${Math.round(share * 100)} %`
