import { ApiError, type Client, connect } from './client.ts'
import type { Arguments, Command, Io } from './command.ts'

/** Runs what a command asks of a running service. What the service refuses is told in its own words. @returns the exit code */
export async function callService(
  { name }: Pick<Command, 'name'>,
  values: Arguments['values'],
  io: Io,
  ask: (client: Client) => Promise<void>,
): Promise<number> {
  const client = await connect(values)
  try {
    await ask(client)
    return 0
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    io.stderr.write(`rampart ${name}: ${error.message}\n`)
    const rows = Array.isArray(error.problem.errors)
      ? (error.problem.errors as { path: string; message: string }[])
      : []
    for (const { path, message } of rows) io.stderr.write(`  ${path}: ${message}\n`)
    return 1
  }
}

/** The path of a workspace's rules, or below it. */
export function rulesPath({ workspace }: Pick<Client, 'workspace'>, ...below: readonly string[]): string {
  return ['', 'v1', 'workspaces', workspace, 'rules', ...below].map(encodeURIComponent).join('/')
}

/** All items of a list, page by page. */
export async function listAll<Item>(client: Client, path: string, max = Number.POSITIVE_INFINITY): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const query = new URLSearchParams({
      limit: String(Math.min(1_000, max)),
      ...(cursor === undefined ? {} : { cursor }),
    })
    const page = await client.call<{ items: Item[]; nextCursor?: string }>(
      `${path}${path.includes('?') ? '&' : '?'}${query}`,
    )
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined && items.length < max)
  return items.slice(0, max)
}
