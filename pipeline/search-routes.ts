import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { type AccountId, type Api, contextOf, RampartError } from '../platform/index.ts'
import type { EventStore, SearchRequest, SearchResult } from './types.ts'

export interface SearchRouteDeps {
  readonly store: Pick<EventStore, 'search'>
  /** @throws what the caller is told where there is no such workspace */
  readonly requireWorkspace: (account: AccountId, workspace: string) => Promise<unknown>
}

const QUERY_LENGTH_MAX = 65_536
const ROWS_MAX = 10_000
/** Rows that a stream takes from the store at once. */
const STREAM_ROWS = 2_000

const access = {
  action: 'siem:event:search',
  resource: 'arn:rampart:siem:{region}:{account}:workspace/{ws}',
  audit: 'refusals',
} as const
const params = Type.Object({ ws: Type.String() })
const instant = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }))
const asked = {
  query: Type.String({
    minLength: 1,
    maxLength: QUERY_LENGTH_MAX,
    description: 'PPL: `source=<pipe> | where … | stats … by … | sort … | head …`',
  }),
  from: instant('Event time, inclusive'),
  to: instant('Event time, exclusive'),
}

const answer = Type.Unsafe<SearchResult>(
  Type.Object({
    schema: Type.Array(Type.Object({ name: Type.String(), type: Type.String() })),
    rows: Type.Array(Type.Array(Type.Any())),
    tookMs: Type.Number(),
    scanned: Type.Integer({ description: 'Events looked at' }),
    cursor: Type.Optional(Type.String({ description: 'There are more rows; send it to get them' })),
  }),
)

/** `/v1/workspaces/{ws}/search`, as one answer or as a stream of rows. */
export function searchRoutes(deps: SearchRouteDeps) {
  return (api: Api): void => {
    api.route({
      method: 'POST',
      url: '/v1/workspaces/:ws/search',
      config: { access },
      schema: {
        summary: 'Searches events with PPL',
        tags: ['search'],
        params,
        body: Type.Object(
          {
            ...asked,
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ROWS_MAX })),
            cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: answer,
        },
      },
      handler: async (request) => {
        const { account } = contextOf(request).principal
        await deps.requireWorkspace(account, request.params.ws)
        const { query, limit, cursor, ...range } = request.body
        return deps.store.search({
          ...searchOf(account, request.params.ws, query, range),
          ...(limit === undefined ? {} : { limit }),
          ...(cursor === undefined ? {} : { cursor }),
        })
      },
    })

    api.route({
      method: 'GET',
      url: '/v1/workspaces/:ws/search/stream',
      config: { access },
      schema: {
        summary: 'Searches events with PPL and streams the rows as NDJSON, one object a line',
        description: 'When the search fails half-way, the last line is `{"error": …}` with the problem.',
        tags: ['search'],
        params,
        querystring: Type.Object(asked),
      },
      handler: async (request, reply) => {
        const { account } = contextOf(request).principal
        await deps.requireWorkspace(account, request.params.ws)
        const { query, ...range } = request.query
        const search = searchOf(account, request.params.ws, query, range)
        // What is wrong with the query is told as a problem, before any row.
        const first = await deps.store.search({ ...search, limit: STREAM_ROWS })
        return reply
          .header('content-type', 'application/x-ndjson')
          .send(Readable.from(streamRows(deps.store, search, first)))
      },
    })
  }
}

interface Range {
  readonly from?: string
  readonly to?: string
}

function searchOf(account: AccountId, workspace: string, query: string, { from, to }: Range): SearchRequest {
  return {
    account,
    workspace,
    query,
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    ...(to === undefined ? {} : { to: Date.parse(to) }),
  }
}

async function* streamRows(store: SearchRouteDeps['store'], search: SearchRequest, first: SearchResult) {
  try {
    for (let page = first; ; page = await store.search({ ...search, limit: STREAM_ROWS, cursor: page.cursor })) {
      yield linesOf(page)
      if (page.cursor === undefined) return
    }
  } catch (error) {
    const told = error instanceof RampartError ? { code: error.code, detail: error.message } : { code: 'internal' }
    yield `${JSON.stringify({ error: told })}\n`
  }
}

function linesOf({ schema, rows }: SearchResult): string {
  const names = schema.map((column) => column.name)
  return rows
    .map((row) => `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, row[index] ?? null])))}\n`)
    .join('')
}
