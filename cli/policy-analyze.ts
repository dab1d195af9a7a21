import { analyzeTexts, type Finding, policyKinds, severities } from '../iam/index.ts'
import { printable } from '../platform/base/index.ts'
import { clientOptions, connect } from './client.ts'
import { type Arguments, type Command, UsageError } from './command.ts'
import { readPolicyFile } from './policy-files.ts'

interface Page {
  readonly items: readonly Finding[]
  readonly complete: boolean
  readonly nextCursor?: string
}

/** `rampart policy analyze`: what somebody should look at, of policies in files or of those of the account. */
export const policyAnalyzeCommand: Command = {
  name: 'policy analyze',
  usage: 'policy analyze [--kind KIND] [--fail-on SEVERITY] [--json] [FILE…]',
  options: {
    ...clientOptions,
    kind: {
      type: 'string',
      value: 'KIND',
      default: 'identity',
      description: `what the documents in files are attached as: ${policyKinds.join(', ')}`,
    },
    'fail-on': {
      type: 'string',
      value: 'SEVERITY',
      default: 'high',
      description: `exit 1 for a finding as bad as this or worse: ${severities.join(', ')}`,
    },
    json: { type: 'boolean', description: 'one JSON object a line' },
  },
  async run({ values, positionals }, io): Promise<number> {
    const kind = policyKinds.find((one) => one === values.kind)
    if (!kind) throw new UsageError(`\`--kind\` is one of ${policyKinds.join(', ')}`)
    const failOn = (severities as readonly unknown[]).indexOf(values['fail-on'])
    if (failOn === -1) throw new UsageError(`\`--fail-on\` is one of ${severities.join(', ')}`)
    const files = await Promise.all(positionals.map(async (id) => ({ id, text: await readPolicyFile(id) })))
    let count = 0
    let worst = -1
    for await (const finding of files.length > 0 ? analyzeTexts(files, kind) : stored(values, io.stderr)) {
      count++
      worst = Math.max(worst, severities.indexOf(finding.severity))
      io.stdout.write(values.json === true ? `${JSON.stringify(finding)}\n` : `${printable(lineOf(finding))}\n`)
    }
    io.stderr.write(`${count} finding${count === 1 ? '' : 's'}\n`)
    return worst >= failOn ? 1 : 0
  },
}

async function* stored(values: Arguments['values'], stderr: NodeJS.WritableStream): AsyncGenerator<Finding> {
  const client = await connect(values)
  let cursor: string | undefined
  do {
    const body = cursor === undefined ? {} : { cursor }
    const page: Page = await client.call<Page>('/v1/iam/analyze', { body })
    yield* page.items
    if (!page.complete) stderr.write('there is more than was looked at\n')
    cursor = page.nextCursor
  } while (cursor !== undefined)
}

function lineOf({ subject, statement, line, column, severity, code, message, advice }: Finding): string {
  const place = line === undefined ? subject : `${subject}:${line}:${column}`
  const which = statement === undefined ? '' : ` ${statement.slice(statement.lastIndexOf('.') + 1)}`
  return `${place}: ${severity} ${code}${which}: ${message}; ${advice}`
}
