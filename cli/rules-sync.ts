import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { packRules, readRuleTree, runRuleTests } from '../detection/offline/index.ts'
import { ApiError, clientOptions, connect } from './client.ts'
import { type Command, type Io, UsageError } from './command.ts'

interface Plan {
  readonly source: string
  readonly commit?: string
  readonly previousCommit?: string
  readonly added: readonly { readonly id: string; readonly title: string }[]
  readonly changed: readonly { readonly id: string; readonly title: string }[]
  readonly removed: readonly { readonly id: string; readonly title: string }[]
  readonly unchanged: number
  readonly tests: number
}

/** Makes the rules that came from a folder equal to the folder. */
export const rulesSyncCommand: Command = {
  name: 'rules sync',
  usage: 'rules sync DIR [--source NAME] [--dry-run] [--adopt] [--new-state STATE] [--workspace NAME] [--json]',
  options: {
    ...clientOptions,
    source: {
      type: 'string',
      value: 'NAME',
      description: "names the folder for good (default: the folder's own name)",
    },
    'dry-run': { type: 'boolean', description: 'only show what would change' },
    adopt: { type: 'boolean', description: 'take over rules of the same ids that were put by hand' },
    'new-state': {
      type: 'string',
      value: 'STATE',
      default: 'enabled',
      description: 'how rules that are new are run: enabled, canary or disabled',
    },
    json: { type: 'boolean', description: 'print the plan as JSON' },
  },
  async run({ values, positionals }, io) {
    const [folder, ...more] = positionals
    if (folder === undefined || more.length > 0 || !isFolder(folder)) throw new UsageError('name one folder of rules')
    if (!passesTests(folder, io)) return 1
    const source = String(values.source ?? basename(resolve(folder)))
    const archive = packRules(folder)
    const commit = commitOf(folder)
    const client = await connect(values)
    const call = (dryRun: boolean) => {
      const query = new URLSearchParams({
        ...{ source, dryRun: String(dryRun), adopt: String(values.adopt === true) },
        newState: String(values['new-state']),
        ...(commit === undefined ? {} : { commit }),
      })
      return client.call<Plan>(`/v1/workspaces/${encodeURIComponent(client.workspace)}/rules:sync?${query}`, {
        body: archive,
        contentType: 'application/gzip',
      })
    }
    try {
      const plan = await call(true)
      if (values.json === true) io.stdout.write(`${JSON.stringify(plan)}\n`)
      else show(plan, io)
      if (values['dry-run'] === true) return 0
      await call(false)
      io.stderr.write('applied\n')
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      io.stderr.write(`rampart rules sync: ${error.message}\n`)
      for (const { path, message } of problemsOf(error)) io.stderr.write(`  ${path}: ${message}\n`)
      return 1
    }
  },
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Before anything is sent: what is wrong here need not be told by the service. */
function passesTests(folder: string, io: Io): boolean {
  const tree = readRuleTree(folder)
  const { failed } = runRuleTests(tree)
  for (const { file, rule, test, expected } of failed) {
    io.stderr.write(`${file}: ${rule}: ${test}: expected ${expected}\n`)
  }
  if (failed.length > 0) io.stderr.write(`rampart rules sync: ${failed.length} tests fail; nothing was changed\n`)
  return failed.length === 0
}

/** The commit that a git folder is at, `-dirty` where it holds what is not committed; undefined for any other folder. */
function commitOf(folder: string): string | undefined {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const commit = git('rev-parse', 'HEAD')
    return git('status', '--porcelain', '--', '.') === '' ? commit : `${commit}-dirty`
  } catch {
    return undefined
  }
}

function show({ source, commit, previousCommit, added, changed, removed, unchanged, tests }: Plan, io: Io): void {
  for (const [mark, rules] of [
    ['+', added],
    ['~', changed],
    ['-', removed],
  ] as const) {
    for (const { id, title } of rules) io.stdout.write(`${mark} ${id}  ${title}\n`)
  }
  const from = previousCommit === undefined ? '' : ` from ${previousCommit.slice(0, 12)}`
  const to = commit === undefined ? '' : ` to ${commit.slice(0, 12)}`
  io.stderr.write(
    `${source}${from}${to}: ${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged} unchanged; ${tests} tests pass\n`,
  )
}

function problemsOf({ problem }: ApiError): readonly { readonly path: string; readonly message: string }[] {
  return Array.isArray(problem.errors) ? problem.errors : []
}
