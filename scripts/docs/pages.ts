import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from '../../cli/command.ts'
import { commandNames, loadCommand, summaryOf } from '../../cli/commands.ts'
import { configKeys, listErrors, listMetrics } from '../../platform/index.ts'
import { foundTable } from './baselines-found.ts'
import { benchTable } from './bench.ts'
import { openapiText } from './openapi.ts'

/** A file that is made from the code. */
export interface Page {
  /** From the root of the project. */
  readonly path: string
  make(root: string): Promise<string>
}

const GENERATED = '<!-- Made from the code by `npm run docs`. Change the code, not this file. -->'

export const pages: readonly Page[] = [
  { path: 'docs/config.md', make: async () => configPage() },
  { path: 'docs/cli.md', make: async () => cliPage(await Promise.all([...commandNames].sort().map(loadCommand))) },
  { path: 'docs/errors.md', make: (root) => loadDefinitions(root).then(errorsPage) },
  { path: 'docs/metrics.md', make: (root) => loadDefinitions(root).then(metricsPage) },
  { path: 'docs/bench.md', make: async (root) => page('Measurements', benchIntroduction, benchTable(root)) },
  {
    path: 'docs/baselines-found.md',
    make: async (root) => page('What the baselines find', foundIntroduction, foundTable(root)),
  },
  { path: 'openapi.json', make: async () => openapiText() },
]

function page(title: string, introduction: string, body: string): string {
  return `# ${title}\n\n${GENERATED}\n\n${introduction}\n\n${body}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}

function configPage(): string {
  const rows = configKeys.map(({ path, env, schema }) => {
    const preset = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``
    const unit = schema.unit === undefined ? '' : ` (${schema.unit})`
    const secret = schema.secret ? ' Hidden wherever the configuration is shown.' : ''
    return [`\`${path}\``, `\`${env}\``, schema.type ?? '', preset, `${schema.description}${unit}${secret}`]
  })
  const introduction = `\`--config FILE\` names a YAML file; every key can also come from the environment, which wins over the file, and options
of the command line win over both. Lists in the environment are JSON or separated by commas; an empty variable says
nothing. An unknown key in the file is an error that names the nearest, an unknown \`RAMPART_*\` variable a warning.
\`rampart config check\` says whether a configuration is good, \`rampart config show\` what is in force and where it came
from. A key \`section.key\` stands in the file as \`key\` under \`section\`. Ports of parts that are not built in this version
accept -1, and otherwise warn; \`log.url\`, \`store.url\` and \`hsm\` are refused until their engines are built.`
  return page('Configuration', introduction, table(['key', 'environment', 'type', 'default', 'meaning'], rows))
}

function cliPage(commands: readonly Command[]): string {
  const sections = commands.map((command) => {
    const rows = Object.entries(command.options).map(([name, option]) => {
      const short = option.short === undefined ? '' : `\`-${option.short}\`, `
      const value = option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''
      const preset = option.default === undefined || option.default === false ? '' : `\`${option.default}\``
      return [`${short}\`--${name}${value}\``, preset, option.description]
    })
    const options = rows.length === 0 ? '' : `\n${table(['option', 'default', 'meaning'], rows)}`
    const details = command.details === undefined ? '' : `\n${command.details}\n`
    return `## rampart ${command.name}\n\n${summaryOf(command.name)}.\n\n\`\`\`text\nrampart ${command.usage}\n\`\`\`\n${options}${details}`
  })
  const introduction = `\`npx rampart <command>\` from any folder; \`--help\` everywhere. Exit code 0 ok, 1 failed, 2 wrong use.`
  return page('Command line', introduction, sections.join('\n'))
}

function errorsPage(): string {
  const rows = listErrors().map(({ code, status, title }) => [`\`${code}\``, String(status), title])
  const introduction = `An error of the API is \`application/problem+json\` (RFC 9457) with one of these codes; codes are stable for ever. Where a route
speaks a foreign protocol it answers in that protocol's own form.`
  return page('Errors', introduction, table(['code', 'status', 'title'], rows))
}

function metricsPage(): string {
  const rows = listMetrics().map(({ name, kind, labels = [], help }) => [
    `\`${name}\``,
    kind,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  const introduction = `\`GET /metrics\` tells these in Prometheus' text form, and beside them what is usual of a Node process (\`process_*\`, \`nodejs_*\`).
The number of series of a metric is bounded: what comes above goes to the label value \`other\`.`
  return page('Metrics', introduction, table(['name', 'kind', 'labels', 'meaning'], rows))
}

const benchIntroduction =
  'The last full run of each module of `npm run bench`; the history is in `bench/results/`. Read them as ratios: they hold for the machine named.'

const foundIntroduction = `Attacks of a stated strength, planted in generated populations of ordinary users and hosts: five populations a row, drawn from
seeds, means of them. *Found* is the share of attacks that were stated while they lasted, *right* the share of statements that were
of an attack, *after* the median time from an attack's beginning to its statement. *False alerts a day* are those of the whole
population, from the day of the first attack on, of so many names (users, hosts, or pairs) that the detector knew at the end. The populations are ours, and so is what is ordinary in them: read the table as what to expect at
which strength, not as what your network will show. \`npm run bench -- baseline\` measures it anew, \`npm run docs\` writes this page.`

/** Loads every module that defines errors or metrics, so that the catalogues are whole. */
async function loadDefinitions(root: string): Promise<void> {
  for (const file of definingModules(root)) await import(pathToFileURL(file).href)
}

function definingModules(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'index.ts')))
    .flatMap(({ name }) =>
      readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }).map((at) => join(root, name, at)),
    )
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .filter((file) => /\bdefine(?:Errors|Metrics)\(/.test(readFileSync(file, 'utf8')))
    .sort()
}
