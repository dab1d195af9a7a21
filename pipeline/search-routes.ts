import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  type AccountId,
  type Api,
  type Authorizer,
  contextOf,
  formatArn,
  RampartError,
  REGION,
  requestContext,
} from '../platform/index.ts'
import { searchError } from './errors.ts'
import { AUDIT_PIPE, DEFAULT_NAME } from './pipes/types.ts'
import type { EventStore, JsonValue, SearchRequest, SearchResult } from './types.ts'

export interface SearchRouteDeps {
  readonly store: Pick<EventStore, 'search'>
  /** Who may search the workspace may search its pipes, but the audit trail only with the right on that pipe. */
  readonly authorizer: Authorizer
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
    // Not spelled out as arrays: JSON.stringify writes the whole of it faster than a serializer cell by cell.
    rows: Type.Unsafe<JsonValue[][]>({ description: 'Rows of values, in the order of `schema`' }),
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
        const { limit, cursor, ...asks } = request.body
        const search = await searchOf(deps, request, request.params.ws, asks)
        return deps.store.search({
          ...search,
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
        const search = await searchOf(deps, request, request.params.ws, request.query)
        // What is wrong with the query is told as a problem, before any row.
        const first = await deps.store.search({ ...search, limit: STREAM_ROWS })
        return reply
          .header('content-type', 'application/x-ndjson')
          .send(Readable.from(streamRows(deps.store, search, first, request.log)))
      },
    })
  }
}

interface Asks {
  readonly query: string
  readonly from?: string
  readonly to?: string
}

/** What the caller asks for, in the bounds of what he may see. */
async function searchOf(
  deps: SearchRouteDeps,
  request: FastifyRequest,
  workspace: string,
  { query, from, to }: Asks,
): Promise<SearchRequest> {
  const { account } = contextOf(request).principal
  await deps.requireWorkspace(account, workspace)
  return {
    account,
    workspace,
    query,
    ...(from === undefined ? {} : { from: parseInstant('from', from) }),
    ...(to === undefined ? {} : { to: parseInstant('to', to) }),
    ...(await hiddenPipes(deps.authorizer, request, workspace)),
  }
}

/** What of a workspace the caller may not search: who may search the workspace may search its pipes, but the audit trail
 * only with the right on that pipe. */
export async function hiddenPipes(
  authorizer: Authorizer,
  request: FastifyRequest,
  workspace: string,
): Promise<Pick<SearchRequest, 'hidden'>> {
  if (workspace !== DEFAULT_NAME) return {}
  const { principal } = contextOf(request)
  const { allowed } = await authorizer.authorize({
    principal,
    action: access.action,
    resource: auditPipeArn(principal.account),
    context: requestContext(request),
  })
  return allowed ? {} : { hidden: [{ dataspace: DEFAULT_NAME, pipe: AUDIT_PIPE }] }
}

function auditPipeArn(account: AccountId): string {
  const resource = `pipe/${DEFAULT_NAME}/${DEFAULT_NAME}/${AUDIT_PIPE}`
  return formatArn({ service: 'siem', region: REGION, account, resource })
}

/** An instant that the schema lets through may still be none of our calendar: a leap second. */
function parseInstant(member: string, text: string): number {
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  throw searchError('pipeline.search.badTime', `\`${member}\` is \`${text}\`, which is no instant of this calendar`)
}

async function* streamRows(
  store: SearchRouteDeps['store'],
  search: SearchRequest,
  first: SearchResult,
  log: FastifyRequest['log'],
) {
  try {
    for (let page = first; ; page = await store.search({ ...search, limit: STREAM_ROWS, cursor: page.cursor })) {
      yield linesOf(page)
      if (page.cursor === undefined) return
    }
  } catch (error) {
    if (!(error instanceof RampartError)) log.error({ err: error }, 'a search failed half-way')
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
