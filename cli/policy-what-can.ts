import { printable } from '../platform/base/index.ts'
import { clientOptions, connect } from './client.ts'
import { type Command, UsageError } from './command.ts'

interface Page {
  readonly items: readonly {
    readonly action: string
    readonly exceptActions: readonly string[]
    readonly resource: string
    readonly exceptResources: readonly string[]
    readonly statements: readonly string[]
    readonly if?: string
    readonly escalation: readonly string[]
  }[]
  readonly complete: boolean
  readonly nextCursor?: string
}

/** `rampart policy what-can`: what a user or role can do, all layers counted. */
export const policyWhatCanCommand: Command = {
  name: 'policy what-can',
  usage: 'policy what-can [--action PATTERN] [--resource ARN] [--json] [PRINCIPAL]',
  options: {
    ...clientOptions,
    action: { type: 'string', value: 'PATTERN', description: 'only actions of this pattern' },
    resource: { type: 'string', value: 'ARN', description: 'only this resource, with the policy on it' },
    json: { type: 'boolean', description: 'one JSON object a line' },
  },
  async run({ values, positionals }, io): Promise<number> {
    const [principal, ...rest] = positionals
    if (rest.length > 0) throw new UsageError('name one user or role by its ARN, or none for yourself')
    const client = await connect(values)
    const { action, resource } = values
    let cursor: string | undefined
    do {
      const body = { principal, action, resource, ...(cursor === undefined ? {} : { cursor }) }
      const page: Page = await client.call<Page>('/v1/iam/what-can', { body })
      for (const item of page.items) {
        if (values.json === true) {
          io.stdout.write(`${JSON.stringify(item)}\n`)
          continue
        }
        const but = (texts: readonly string[]) => (texts.length > 0 ? ` but ${texts.join(', ')}` : '')
        const what = `${item.action}${but(item.exceptActions)} on ${item.resource}${but(item.exceptResources)}`
        const when = item.if === undefined ? '' : ` if ${item.if}`
        const more = item.escalation.length > 0 ? ' (can get more by it)' : ''
        io.stdout.write(`${printable(`${what}${when} by ${item.statements.join(', ')}${more}`)}\n`)
      }
      if (!page.complete) io.stderr.write('there is more than was looked at; name an action or a resource\n')
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return 0
  },
}
