import { packRules, type RefusedRule, readRuleTree, runRuleTests } from '../detection/offline/index.ts'
import { ApiError, clientOptions, connect } from './client.ts'
import { type Arguments, type Command, type Io, UsageError } from './command.ts'
import { readTreeOptions, ruleOptions } from './rule-options.ts'

/** Says what is wrong in rule files, without a server. */
export const rulesLintCommand: Command = {
  name: 'rules lint',
  usage: 'rules lint DIR|FILE [--placeholders FILE] [--pipeline FILE]… [--no-cache] [--json]',
  options: { ...ruleOptions, json: { type: 'boolean', description: 'print one JSON object a problem' } },
  async run(args, io) {
    const tree = readRuleTree(onlyFolder(args), readTreeOptions(args.values, io))
    const json = args.values.json === true
    for (const { file, problem } of tree.warnings) {
      io.stdout.write(
        json
          ? `${JSON.stringify({ file, ...problem })}\n`
          : `${file}:${problem.line}:${problem.column} warning: ${problem.message}\n`,
      )
    }
    for (const refusal of tree.refused) tellRefusal(refusal, json, io)
    const { rules, correlations } = tree.ruleSet
    io.stderr.write(
      `${tree.fileCount} files: ${rules.length} rules and ${correlations.length} correlations are good, ${tree.refused.length} refused, ${tree.warnings.length} warnings\n`,
    )
    return tree.refused.length > 0 ? 1 : 0
  },
}

/** Runs the tests that rules carry, without a server. */
export const rulesTestCommand: Command = {
  name: 'rules test',
  usage: 'rules test DIR|FILE [--placeholders FILE] [--pipeline FILE]… [--no-cache] [--json]',
  options: { ...ruleOptions, json: { type: 'boolean', description: 'print one JSON object a failed test' } },
  async run(args, io) {
    const tree = readRuleTree(onlyFolder(args), readTreeOptions(args.values, io))
    const json = args.values.json === true
    for (const refusal of tree.refused) tellRefusal(refusal, json, io)
    const { passed, failed, untested } = runRuleTests(tree)
    for (const failure of failed) {
      const { file, rule, test, expected } = failure
      io.stdout.write(json ? `${JSON.stringify(failure)}\n` : `${file}: ${rule}: ${test}: expected ${expected}\n`)
    }
    io.stderr.write(
      `${passed} passed, ${failed.length} failed; ${untested} rules without tests, ${tree.refused.length} refused\n`,
    )
    return failed.length > 0 || tree.refused.length > 0 ? 1 : 0
  },
}

/** Imports a folder of rules into a running service. */
export const rulesImportCommand: Command = {
  name: 'rules import',
  usage: 'rules import DIR [--workspace NAME] [--json]',
  options: { ...clientOptions, json: { type: 'boolean', description: 'print the answer as JSON' } },
  async run(args, io) {
    const archive = packRules(onlyFolder(args))
    const client = await connect(args.values)
    try {
      const answer = await client.call<{ imported: number; refused: readonly RefusedRule[] }>(
        `/v1/workspaces/${encodeURIComponent(client.workspace)}/rules:import`,
        { body: archive, contentType: 'application/gzip' },
      )
      if (args.values.json === true) io.stdout.write(`${JSON.stringify(answer)}\n`)
      else {
        for (const refusal of answer.refused) tellRefusal(refusal, false, io)
        io.stderr.write(`${answer.imported} imported, ${answer.refused.length} refused\n`)
      }
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      io.stderr.write(`rampart rules import: ${error.message}\n`)
      return 1
    }
  },
}

export function onlyFolder({ positionals }: Arguments): string {
  const [folder, ...more] = positionals
  if (folder === undefined || more.length > 0) throw new UsageError('name one folder of rules')
  return folder
}

export function tellRefusal(refusal: RefusedRule, json: boolean, io: Io): void {
  const { file, id, reasons } = refusal
  if (json) io.stdout.write(`${JSON.stringify(refusal)}\n`)
  else for (const reason of reasons) io.stdout.write(`${file}: ${id}: ${reason}\n`)
}
