import { convertRules } from '../detection/index.ts'
import { readRuleTree } from '../detection/offline/index.ts'
import { type Command, UsageError } from './command.ts'
import { readTreeOptions, ruleOptions } from './rule-options.ts'
import { onlyFolder, tellRefusal } from './rules.ts'

/** Turns rules into searches, without a server. */
export const rulesConvertCommand: Command = {
  name: 'rules convert',
  usage:
    'rules convert DIR|FILE [--to ppl|json] [--pipe NAME] [--id ID] [--placeholders FILE] [--pipeline FILE]… [--no-cache] [--json]',
  options: {
    to: { type: 'string', value: 'ppl|json', description: 'a search (default), or what a rule asks as JSON' },
    pipe: { type: 'string', value: 'NAME', description: 'the pipe to search (default logs)' },
    id: { type: 'string', value: 'ID', description: 'only the rule or correlation of that id' },
    ...ruleOptions,
    json: { type: 'boolean', description: 'print one JSON object a rule' },
  },
  async run(args, io) {
    const { to = 'ppl', pipe = 'logs', id, json } = args.values
    if (to !== 'ppl' && to !== 'json') throw new UsageError('`--to` is `ppl` or `json`')
    const tree = readRuleTree(onlyFolder(args), readTreeOptions(args.values, io))
    for (const refusal of tree.refused) tellRefusal(refusal, json === true, io)
    const converted = convertRules(tree, { to, pipe: String(pipe), ...(typeof id === 'string' ? { id } : {}) })
    let good = 0
    for (const { file, id: ruleId, title, result } of converted) {
      if (result.ok) good++
      if (!result.ok && json !== true) io.stderr.write(`${file}: ${ruleId}: ${result.error}\n`)
      else if (result.ok && json !== true && 'query' in result.value) {
        io.stdout.write(`// ${title} (${ruleId})\n${result.value.query}\n\n`)
      } else {
        const said = result.ok ? result.value : { reason: result.error }
        io.stdout.write(`${JSON.stringify({ file, id: ruleId, title, ...said })}\n`)
      }
    }
    io.stderr.write(`${good} converted, ${converted.length - good} not, ${tree.refused.length} refused\n`)
    return good > 0 ? 0 : 1
  },
}
