import { clientOptions, connect } from './client.ts'
import { type Command, UsageError } from './command.ts'

interface Page {
  readonly items: readonly {
    readonly principal: string
    readonly statements: readonly string[]
    readonly if?: string
  }[]
  readonly nextCursor?: string
}

/** `rampart policy who-can`: users and roles that can do something, by the engine that decides requests. */
export const policyWhoCanCommand: Command = {
  name: 'policy who-can',
  usage: 'policy who-can [--json] ACTION RESOURCE',
  options: { ...clientOptions, json: { type: 'boolean', description: 'one JSON object a line' } },
  async run({ values, positionals }, io): Promise<number> {
    const [action, resource, ...rest] = positionals
    if (!action || !resource || rest.length > 0) throw new UsageError('name an action and a resource')
    const client = await connect(values)
    let count = 0
    let cursor: string | undefined
    do {
      const body = { action, resource, ...(cursor === undefined ? {} : { cursor }) }
      const page: Page = await client.call<Page>('/v1/iam/who-can', { body })
      for (const item of page.items) {
        count++
        const { principal, statements } = item
        const when = item.if === undefined ? '' : ` if ${item.if}`
        io.stdout.write(
          values.json === true ? `${JSON.stringify(item)}\n` : `${principal}${when} by ${statements.join(', ')}\n`,
        )
      }
      cursor = page.nextCursor
    } while (cursor !== undefined)
    io.stderr.write(`${count} can\n`)
    return 0
  },
}
