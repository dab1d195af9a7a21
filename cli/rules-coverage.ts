import { writeFileSync } from 'node:fs'
import { type Coverage, coverageOf, coverageSvg, navigatorLayer, readRuleTree } from '../detection/offline/index.ts'
import { ApiError, clientOptions, connect } from './client.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'
import { readTreeOptions, ruleOptions } from './rule-options.ts'
import { renderTable } from './table.ts'

const GAPS_SHOWN = 15
const WANTED_SHOWN = 8

/** Which ATT&CK techniques rules look for: of a folder without a service, or of what a service runs and receives. */
export const rulesCoverageCommand: Command = {
  name: 'rules coverage',
  usage: 'rules coverage [DIR] [--svg FILE] [--navigator FILE] [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    ...ruleOptions,
    svg: { type: 'string', value: 'FILE', description: 'write the matrix as a picture' },
    navigator: { type: 'string', value: 'FILE', description: 'write a layer for the ATT&CK Navigator' },
    json: { type: 'boolean', description: 'print the coverage as JSON' },
  },
  async run(args, io) {
    const [folder, ...more] = args.positionals
    if (more.length > 0) throw new UsageError('name one folder of rules, or none for those of a running service')
    try {
      const coverage = folder === undefined ? await ofService(args.values) : ofFolder(folder, args.values, io)
      if (typeof args.values.svg === 'string') writeFileSync(args.values.svg, coverageSvg(coverage))
      if (typeof args.values.navigator === 'string') {
        const layer = navigatorLayer(coverage, `Coverage of ${folder ?? `workspace ${args.values.workspace}`}`)
        writeFileSync(args.values.navigator, `${JSON.stringify(layer, undefined, 1)}\n`)
      }
      if (args.values.json === true) io.stdout.write(`${JSON.stringify(coverage)}\n`)
      else show(coverage, io)
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      io.stderr.write(`rampart rules coverage: ${error.message}\n`)
      return 1
    }
  },
}

async function ofService(values: Arguments['values']): Promise<Coverage> {
  const client = await connect(values)
  return client.call<Coverage>(`/v1/workspaces/${encodeURIComponent(client.workspace)}/coverage`)
}

function ofFolder(folder: string, values: Arguments['values'], io: Io): Coverage {
  const { documents } = readRuleTree(folder, readTreeOptions(values, io))
  return coverageOf(
    documents.map(({ document }) => document),
    undefined,
  )
}

function show({ tactics, summary, gaps, wanted, others, sourcesKnown, attack }: Coverage, io: Io): void {
  const table = (columns: readonly string[], rows: readonly (readonly unknown[])[]) =>
    rows.length === 0 ? '' : renderTable({ columns, rows }, io.stdout.columns)
  const columns = [
    'tactic',
    'techniques',
    'covered',
    'sub-techniques',
    'covered',
    ...(sourcesKnown ? ['no events'] : []),
  ]
  const rows = tactics.map(({ name, techniques }) => {
    const subs = techniques.flatMap(({ subTechniques }) => subTechniques)
    const covered = (cells: readonly { readonly state: string }[], state = 'covered') =>
      cells.filter((cell) => cell.state === state).length
    return [name, techniques.length, covered(techniques), subs.length, covered(subs), covered(techniques, 'no_events')]
  })
  io.stdout.write(table(columns, rows))
  if (gaps.length > 0) {
    const shown = gaps
      .slice(0, GAPS_SHOWN)
      .map(({ logsource, rules, techniques }) => [logsource, rules, techniques.length, techniques.join(' ')])
    io.stdout.write(`\n${table(['log source without events', 'rules', 'techniques', ''], shown)}`)
  }
  const shown = wanted
    .filter(({ logsource }) => logsource !== undefined)
    .slice(0, WANTED_SHOWN)
    .map(({ name, logsource, delivers, techniques }) => [
      ...[name, logsource, techniques.length, ...(delivers === undefined ? [] : [delivers ? 'yes' : 'no'])],
    ])
  const heads = ['log source by ATT&CK', 'as rules call it', 'not covered and seen there']
  io.stdout.write(`\n${table([...heads, ...(sourcesKnown ? ['events'] : [])], shown)}`)
  const unknown = others.length === 0 ? '' : `; not of this version: ${others.map(({ id }) => id).join(', ')}`
  const { subTechniques } = summary
  io.stderr.write(
    `${summary.rules} rules cover ${summary.covered} of ${summary.techniques} techniques and ${subTechniques.covered} of ${subTechniques.total} sub-techniques of ${attack}${unknown}\n`,
  )
}
