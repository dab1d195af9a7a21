import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compileFilter } from '../pipeline/ppl/index.ts'
import { type Api, createMetrics, createServer, iamArn, migrate, type Principal } from '../platform/index.ts'
import { testDatabases } from '../test/support/databases.ts'
import { type Cases, createCases } from './cases.ts'
import { caseError } from './errors.ts'
import { caseMigrations } from './migrations.ts'
import { alertRoutes } from './routes.ts'
import { aClock, account, aFinding, START } from './testing/builders.ts'

const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }

describe('the alert API', () => {
  let server: Api
  let cases: Cases
  let drop: () => Promise<void>
  const asked: string[] = []

  beforeEach(async () => {
    const opened = await testDatabases()[0]!.open()
    drop = opened.drop
    const clock = aClock()
    await migrate(opened.database, caseMigrations, clock)
    cases = createCases({ database: opened.database, clock, metrics: createMetrics() })
    asked.length = 0
    server = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock,
      authenticator: { authenticate: async () => ann },
      authorizer: {
        authorize: async ({ action, resource }) => {
          asked.push(`${action} ${resource}`)
          return { allowed: true, id: 'd', reason: 'allow', determining: [] }
        },
      },
      audit: { record: async () => {} },
      routes: [
        alertRoutes(cases, {
          compileFilter,
          requireWorkspace: async (_, workspace) => {
            if (workspace !== 'default') throw caseError('cases.alert.notFound', `no workspace ${workspace}`)
          },
        }),
      ],
    })
  })
  afterEach(async () => {
    await server.close()
    await drop()
  })

  const alerts = '/v1/workspaces/default/alerts'
  const get = async (url: string) => (await server.inject({ url })).json()
  const patch = (id: string, payload: object, headers = {}) =>
    server.inject({ method: 'PATCH', url: `${alerts}/${id}`, payload, headers })
  const post = (payload: object) => server.inject({ method: 'POST', url: alerts, payload })

  /** A foreign alert with all that the hub reads. */
  const foreign = {
    class_uid: 2004,
    activity_id: 1,
    time: START,
    severity_id: 4,
    metadata: { version: '1.8.0', product: { name: 'Edr', vendor_name: 'Vendor' } },
    finding_info: {
      uid: 'edr-17',
      title: 'LSASS read',
      analytic: { uid: 'edr-rule-3', type_id: 1 },
      attacks: [{ technique: { uid: 'T1003' }, sub_technique: { uid: 'T1003.001' }, tactic: { uid: 'TA0006' } }],
      first_seen_time: START - 5,
      related_events: [{ uid: 'e1' }, { uid: 'e2' }],
      related_events_count: 12,
    },
    observables: [
      { type_id: 8, value: 'abcd', name: 'hash' },
      { type_id: 2, value: '192.0.2.7' },
    ],
    evidences: [{ actor: { user: { name: 'eve' } }, src_endpoint: { hostname: 'pc-1', ip: '10.0.0.5' } }],
    unmapped: { anything: true },
  }

  it('shows what the author of the rule says, cut where it is endless', async () => {
    const guidance = { description: 'Why it matters.', falsePositives: ['Backups'], response: 'Isolate the host.' }
    await cases.takeFindings([
      aFinding('a', { rule: guidance }),
      aFinding('b', { rule: { id: 'r2', response: 'x'.repeat(10_000) } }),
      aFinding('c', { rule: { id: 'r3' } }),
    ])
    const { items } = await get(alerts)
    const of = (id: string) => items.find(({ ruleId }: { ruleId: string }) => ruleId === id)
    expect(of('r1').guidance).toEqual(guidance)
    expect(of('r2').guidance.response).toHaveLength(4096)
    expect(of('r3')).not.toHaveProperty('guidance')
  })

  it('lists, gets and changes with entity tags', async () => {
    await cases.takeFindings([aFinding('a'), aFinding('b', { rule: { id: 'r2', severity: 'high' } })])
    const list = await get(alerts)
    expect(list.items).toHaveLength(2)
    const filtered = await get(
      `${alerts}?filter=${encodeURIComponent("severity = 'high' and firstSeen <= now() and firstSeen >= timestamp '2026-01-01 00:00:00'")}`,
    )
    expect(filtered.items.map((alert: { ruleId: string }) => alert.ruleId)).toEqual(['r2'])

    const { id } = filtered.items[0]
    const got = await server.inject({ url: `${alerts}/${id}` })
    expect(got.headers.etag).toBe('"1"')
    expect(got.json()).toEqual(filtered.items[0])
    const changed = await patch(id, { state: 'in_progress', comment: 'looking' }, { 'if-match': '"1"' })
    expect(changed.json()).toMatchObject({ state: 'in_progress' })
    expect(changed.headers.etag).toBe('"2"')
    expect((await patch(id, { owner: 'bob' }, { 'if-match': '"1"' })).statusCode).toBe(412)
    expect((await get(`${alerts}/${id}/comments`)).items).toMatchObject([{ text: 'looking', author: ann.arn }])
    expect((await get(`${alerts}/${id}/history`)).items).toMatchObject([{ to: 'in_progress', who: ann.arn }])
    expect(new Set(asked)).toEqual(
      new Set([
        'siem:alert:list arn:rampart:siem:local:000000000001:workspace/default',
        `siem:alert:get arn:rampart:siem:local:000000000001:alert/default/${id}`,
        `siem:alert:update arn:rampart:siem:local:000000000001:alert/default/${id}`,
      ]),
    )
  })

  it('pages through a list by cursor', async () => {
    await cases.takeFindings(['a', 'b', 'c'].map((id) => aFinding(id, { rule: { id } })))
    const first = await get(`${alerts}?limit=2`)
    const second = await get(`${alerts}?limit=2&cursor=${first.nextCursor}`)
    expect([...first.items, ...second.items].map((alert) => alert.ruleId).sort()).toEqual(['a', 'b', 'c'])
    expect(second).not.toHaveProperty('nextCursor')
  })

  it.each([
    ['an unlisted move', { state: 'archived' }, 409, 'cases.alert.wrongMove'],
    ['a state there is not', { state: 'deleted' }, 422, 'platform.http.invalid'],
    ['a member there is not', { severity: 'low' }, 422, 'platform.http.invalid'],
    ['nothing', {}, 422, 'platform.http.invalid'],
    ['a comment beyond all bounds', { comment: 'x'.repeat(10_001) }, 422, 'platform.http.invalid'],
  ])('refuses %s', async (_, body, status, code) => {
    await cases.takeFindings([aFinding('a')])
    const { id } = (await get(alerts)).items[0]
    expect((await patch(id, body)).json()).toMatchObject({ status, code })
  })

  it('changes an alert once under one Idempotency-Key', async () => {
    await cases.takeFindings([aFinding('a')])
    const { id } = (await get(alerts)).items[0]
    const headers = { 'idempotency-key': 'k-1', 'if-match': '"1"' }
    expect((await patch(id, { comment: 'once' }, headers)).headers.etag).toBe('"2"')
    expect((await patch(id, { comment: 'once' }, headers)).headers.etag).toBe('"2"')
    expect((await get(`${alerts}/${id}/comments`)).items).toHaveLength(1)
  })

  it('names the moves that are allowed', async () => {
    await cases.takeFindings([aFinding('a')])
    const { id } = (await get(alerts)).items[0]
    expect((await patch(id, { state: 'resolved', verdict: 'benign' })).json()).toMatchObject({
      status: 409,
      allowed: ['in_progress', 'suppressed'],
    })
  })

  it.each(['?limit=0', '?limit=501', '?cursor=%21', '?limit=x'])('calls the query %s malformed', async (query) => {
    expect((await get(alerts + query)).status).toBe(400)
  })

  it('answers 404 where there is no such alert or workspace', async () => {
    expect((await get(`${alerts}/nothing`)).code).toBe('cases.alert.notFound')
    expect((await get('/v1/workspaces/other/alerts')).status).toBe(404)
    expect(
      (await server.inject({ method: 'POST', url: '/v1/workspaces/other/alerts', payload: foreign })).statusCode,
    ).toBe(404)
  })

  describe('of other products', () => {
    it('takes a Detection Finding', async () => {
      const answer = await post(foreign)
      expect(answer.statusCode).toBe(200)
      expect(answer.json().items).toMatchObject([
        {
          ruleId: 'edr-rule-3',
          title: 'LSASS read',
          severity: 'high',
          state: 'new',
          count: 12,
          firstSeen: '2025-12-31T23:59:59.995Z',
          entities: { hashes: ['abcd'], ips: ['10.0.0.5', '192.0.2.7'], users: ['eve'], hosts: ['pc-1'] },
          techniques: ['T1003.001'],
          events: ['e1', 'e2'],
        },
      ])
    })

    it('updates by product and uid and never adds', async () => {
      const { id } = (await post(foreign)).json().items[0]
      await post(foreign)
      const more = {
        ...foreign,
        severity_id: 6,
        finding_info: { ...foreign.finding_info, title: 'LSASS dumped', related_events_count: 20 },
      }
      const other = { ...foreign, metadata: { product: { name: 'Other' } } }
      const answer = await post([more, other, more])
      const { items } = answer.json()
      expect(items.map((item: { id: string }) => item.id === id)).toEqual([true, false, true])
      expect(items[2]).toMatchObject({ severity: 'critical', title: 'LSASS dumped', count: 20 })
      expect((await get(alerts)).items).toHaveLength(2)
      const changes = await cases.alertChanges.take(100)
      expect(changes.map((change) => change.change)).toEqual(['created', 'severity_raised', 'created'])
    })

    it('is still never added when many come at once', async () => {
      await Promise.all(Array.from({ length: 10 }, () => post(foreign)))
      expect((await get(alerts)).items).toHaveLength(1)
    })

    it('leaves the state to those who work here', async () => {
      const { id } = (await post(foreign)).json().items[0]
      await patch(id, { state: 'in_progress' })
      await patch(id, { state: 'resolved', verdict: 'benign' })
      await post({ ...foreign, activity_id: 2, severity_id: 5 })
      expect(await get(`${alerts}/${id}`)).toMatchObject({ state: 'resolved', severity: 'critical' })
    })

    it('marks what it cannot classify instead of losing it', async () => {
      const bare = { class_uid: 2004, time: START, metadata: { product: { uid: 'p' } }, finding_info: { uid: '1' } }
      expect((await post(bare)).json().items).toMatchObject([
        { severity: 'medium', ruleId: 'p', title: 'Alert of p', count: 1 },
      ])
      expect((await cases.alertChanges.take(1))[0]?.alert.tags).toEqual(['unclassified'])
    })

    it.each([
      ['another class', { ...foreign, class_uid: 2005 }],
      ['no uid', { ...foreign, finding_info: {} }],
      ['no product', { ...foreign, metadata: { product: {} } }],
      ['a time beyond all calendars', { ...foreign, time: 1e17 }],
      ['an empty list', []],
      ['a text', 'x' as unknown as object],
    ])('refuses %s', async (_, body) => {
      const answer = await server.inject({
        method: 'POST',
        url: alerts,
        payload: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
      expect(answer.statusCode).toBe(422)
      expect(answer.json().errors.length).toBeGreaterThan(0)
      expect((await get(alerts)).items).toEqual([])
    })
  })
})
