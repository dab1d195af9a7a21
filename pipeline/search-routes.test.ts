import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Api,
  type AuditEvent,
  createServer,
  defineErrors,
  iamArn,
  type Principal,
  parseAccountId,
  systemClock,
} from '../platform/index.ts'
import { searchRoutes } from './search-routes.ts'
import type { SearchRequest, SearchResult } from './types.ts'

const account = parseAccountId('000000000001')
const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }
const WORKSPACE = 'arn:rampart:siem:local:000000000001:workspace/default'
const AUDIT_PIPE = 'arn:rampart:siem:local:000000000001:pipe/default/default/audit'
const queryError = defineErrors({
  'test.query.wrong': { status: 422, title: 'Wrong query' },
  'test.workspace.notFound': { status: 404, title: 'No such workspace' },
})

/** Rows 0 … n−1 for the query `n`, in pages; any other query is wrong, and `n!` fails after its first page. */
async function searchNumbers(request: SearchRequest): Promise<SearchResult> {
  const parsed = /^(\d+)(!?)$/.exec(request.query)
  if (!parsed) throw queryError('test.query.wrong', `\`${request.query}\` is no query`)
  if (parsed[2] && request.cursor) throw queryError('test.query.wrong', 'the store has gone away')
  const total = Number(parsed[1])
  const from = Number(request.cursor ?? 0)
  const to = Math.min(total, from + (request.limit ?? 10))
  return {
    schema: [
      { name: 'n', type: 'long' },
      { name: '__proto__', type: 'string' },
    ],
    rows: Array.from({ length: to - from }, (_, index) => [from + index, index % 2 ? null : 'even']),
    tookMs: 1.5,
    scanned: total,
    ...(to < total ? { cursor: String(to) } : {}),
  }
}

describe('the search API', () => {
  let server: Api
  let allowed: Set<string>
  let searched: SearchRequest[]
  let audited: AuditEvent[]

  beforeEach(async () => {
    allowed = new Set([WORKSPACE, AUDIT_PIPE])
    searched = []
    audited = []
    const authorizer = {
      authorize: async ({ action, resource }: { action: string; resource: string }) => {
        const may = action === 'siem:event:search' && allowed.has(resource)
        return { allowed: may, id: 'd', reason: may ? 'allow' : 'implicitDeny', determining: [] } as const
      },
    }
    server = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock: systemClock,
      authenticator: { authenticate: async () => ann },
      authorizer,
      audit: { record: async (event) => void audited.push(event) },
      routes: [
        searchRoutes({
          store: {
            search: async (request) => {
              searched.push(request)
              return searchNumbers(request)
            },
          },
          authorizer,
          requireWorkspace: async (_, workspace) => {
            if (workspace !== 'default') throw queryError('test.workspace.notFound', `no workspace ${workspace}`)
          },
        }),
      ],
    })
  })
  afterEach(() => server.close())

  const search = (payload: object, workspace = 'default') =>
    server.inject({ method: 'POST', url: `/v1/workspaces/${workspace}/search`, payload })
  const stream = (query: string) => server.inject({ url: `/v1/workspaces/default/search/stream?query=${query}` })

  it('answers rows, and with its cursor the next ones', async () => {
    const first = (await search({ query: '5', limit: 3 })).json()
    expect(first).toEqual({
      schema: [
        { name: 'n', type: 'long' },
        { name: '__proto__', type: 'string' },
      ],
      rows: [
        [0, 'even'],
        [1, null],
        [2, 'even'],
      ],
      tookMs: 1.5,
      scanned: 5,
      cursor: '3',
    })
    const second = (await search({ query: '5', limit: 3, cursor: first.cursor })).json()
    expect(second.rows.map((row: unknown[]) => row[0])).toEqual([3, 4])
    expect(second).not.toHaveProperty('cursor')
    expect(audited).toEqual([])
  })

  it('takes a range of event time', async () => {
    await search({ query: '1', from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00+01:00' })
    expect(searched[0]).toEqual({
      account,
      workspace: 'default',
      query: '1',
      from: 1_767_225_600_000,
      to: 1_767_225_600_000,
    })
  })

  it('hides the audit trail from who has no right on it', async () => {
    allowed.delete(AUDIT_PIPE)
    expect((await search({ query: '1' })).statusCode).toBe(200)
    expect((await stream('1')).statusCode).toBe(200)
    for (const request of searched) expect(request.hidden).toEqual([{ dataspace: 'default', pipe: 'audit' }])
  })

  it('refuses and audits who may not search at all', async () => {
    allowed.delete(WORKSPACE)
    expect((await search({ query: '1' })).statusCode).toBe(403)
    expect(searched).toEqual([])
    expect(audited).toMatchObject([{ outcome: 'refused', action: 'siem:event:search', resources: [WORKSPACE] }])
  })

  it.each([
    [{ query: 'x' }, 422, 'test.query.wrong'],
    [{ query: '' }, 422, 'platform.http.invalid'],
    [{}, 422, 'platform.http.invalid'],
    [{ query: '1', from: 'yesterday' }, 422, 'platform.http.invalid'],
    [{ query: '1', from: '2026-06-30T23:59:60Z' }, 422, 'pipeline.search.badTime'],
    [{ query: '1', limit: 0 }, 422, 'platform.http.invalid'],
    [{ query: '1', limit: 10_001 }, 422, 'platform.http.invalid'],
    [{ query: '1', form: '' }, 422, 'platform.http.invalid'],
    [{ query: `1${' '.repeat(65_536)}` }, 422, 'platform.http.invalid'],
  ])('refuses %.80j', async (payload, status, code) => {
    expect((await search(payload)).json()).toMatchObject({ status, code })
  })

  it('answers 404 for a workspace that is not there', async () => {
    allowed.add('arn:rampart:siem:local:000000000001:workspace/other')
    expect((await search({ query: '1' }, 'other')).json().code).toBe('test.workspace.notFound')
  })

  it('streams every row as one object a line', async () => {
    const answer = await stream('4500')
    expect(answer.headers['content-type']).toBe('application/x-ndjson')
    const lines = answer.body.trimEnd().split('\n')
    expect(lines).toHaveLength(4500)
    expect(lines[0]).toBe('{"n":0,"__proto__":"even"}')
    expect(lines.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 4500 }, (_, index) => index))
    expect(searched.map((request) => request.cursor)).toEqual([undefined, '2000', '4000'])
  })

  it('tells what is wrong with a streamed query before any row, and what went wrong later on the last line', async () => {
    expect((await stream('x')).json()).toMatchObject({ status: 422, code: 'test.query.wrong' })
    const lines = (await stream('5000!')).body.trimEnd().split('\n')
    expect(lines).toHaveLength(2001)
    expect(JSON.parse(lines.at(-1)!)).toEqual({
      error: { code: 'test.query.wrong', detail: 'the store has gone away' },
    })
  })
})
