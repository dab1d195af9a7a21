import { accessRowText, comparePolicyTexts, policyKinds } from '../iam/index.ts'
import { printable } from '../platform/base/index.ts'
import { type Command, UsageError } from './command.ts'
import { readPolicyFile } from './policy-files.ts'

/** `rampart policy diff`: what a new policy document grants and takes; a gate that new access does not pass. */
export const policyDiffCommand: Command = {
  name: 'policy diff',
  usage: 'policy diff [--kind KIND] [--allow-new-access] [--json] OLD NEW',
  options: {
    kind: {
      type: 'string',
      value: 'KIND',
      default: 'identity',
      description: `what the documents are attached as: ${policyKinds.join(', ')}`,
    },
    'allow-new-access': { type: 'boolean', description: 'exit 0 also where the new document grants more' },
    json: { type: 'boolean', description: 'one JSON object with gains and loses' },
  },
  async run({ values, positionals }, io): Promise<number> {
    const [before, after, ...rest] = positionals
    if (before === undefined || after === undefined || rest.length > 0)
      throw new UsageError('name the old and the new document')
    const kind = policyKinds.find((one) => one === values.kind)
    if (!kind) throw new UsageError(`\`--kind\` is one of ${policyKinds.join(', ')}`)
    const found = comparePolicyTexts([await readPolicyFile(before)], [await readPolicyFile(after)], kind)
    if (values.json === true) io.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
    else {
      for (const row of found.gains) io.stdout.write(`${printable(`+ ${accessRowText(row, 'gain')}`)}\n`)
      for (const row of found.loses) io.stdout.write(`${printable(`- ${accessRowText(row, 'loss')}`)}\n`)
    }
    if (!found.complete) io.stderr.write('there is more than was compared: new access cannot be ruled out\n')
    const hasNew = found.gains.length > 0 || !found.complete
    return hasNew && values['allow-new-access'] !== true ? 1 : 0
  },
}
