import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { testDatabases } from '../../test/support/databases.ts'
import { type AccountId, iamArn, parseAccountId } from '../base/arn.ts'
import { systemClock } from '../base/clock.ts'
import { migrate } from '../db/migrate.ts'
import type { Api } from '../http/api.ts'
import { createServer } from '../http/server.ts'
import { createLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import type { AuthzRequest, Principal } from '../ports.ts'
import { createJobs, type Jobs } from './jobs.ts'
import { jobMigrations } from './migrations.ts'
import { jobRoutes } from './routes.ts'

const account = parseAccountId('000000000001')
const other = parseAccountId('000000000002')
const [sqlite] = testDatabases()

const userOf = (id: AccountId): Principal => ({
  kind: 'user',
  account: id,
  arn: iamArn(id, 'user', 'ann'),
  name: 'ann',
  auth: 'token',
})

describe('/v1/jobs', () => {
  let server: Api
  let jobs: Jobs
  let asked: AuthzRequest[]
  let close: () => Promise<void>

  beforeEach(async () => {
    const opened = await sqlite!.open()
    await migrate(opened.database, jobMigrations, systemClock)
    const log = createLog({ clock: systemClock, stream: new PassThrough(), level: 'silent' })
    jobs = createJobs({ database: opened.database, clock: systemClock, log, metrics: createMetrics() })
    jobs.define(
      'test.slow',
      (input) => input,
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    asked = []
    server = await createServer({
      log,
      version: '0.0.0',
      clock: systemClock,
      authenticator: {
        authenticate: async ({ headers }) =>
          userOf(
            headers.some(([name, value]) => name === 'authorization' && value === 'Bearer other') ? other : account,
          ),
      },
      authorizer: {
        authorize: async (request) => {
          asked.push(request)
          return { allowed: true, id: 'd', reason: 'allow', determining: [] }
        },
      },
      audit: { record: async () => {} },
      routes: [jobRoutes(jobs, { compileFilter: (text) => (job) => 'state' in job && job.state === text })],
    })
    close = async () => {
      await server.close()
      await jobs.stop()
      await opened.drop()
    }
  })
  afterEach(() => close())

  const call = async (method: 'GET' | 'POST', url: string, token = 'mine') => {
    const answer = await server.inject({ method, url, headers: { authorization: `Bearer ${token}` } })
    return { status: answer.statusCode, body: answer.json() as Record<string, never> }
  }

  it('tells how far a job is', async () => {
    const { id } = await jobs.enqueue(account, 'test.slow', { secret: 'input' })
    const { status, body } = await call('GET', `/v1/jobs/${id}`)
    expect(status).toBe(200)
    expect(body).toEqual({
      id,
      kind: 'test.slow',
      state: 'queued',
      progress: 0,
      attempts: 0,
      createdAt: expect.stringMatching(/^20.*Z$/),
    })
    expect(asked.at(-1)).toMatchObject({
      action: 'platform:job:get',
      resource: `arn:rampart:platform:local:000000000001:job/${id}`,
    })
  })

  it('shows no job of another account', async () => {
    const { id } = await jobs.enqueue(account, 'test.slow', null)
    expect(await call('GET', `/v1/jobs/${id}`, 'other')).toMatchObject({
      status: 404,
      body: { code: 'platform.job.notFound' },
    })
    expect(await call('POST', `/v1/jobs/${id}:cancel`, 'other')).toMatchObject({ status: 404 })
    expect((await call('GET', '/v1/jobs', 'other')).body).toEqual({ items: [] })
  })

  it('lists in pages and by filter', async () => {
    const first = await jobs.enqueue(account, 'test.slow', null)
    const second = await jobs.enqueue(account, 'test.slow', null)
    await jobs.cancel(account, first.id)
    const page = await call('GET', '/v1/jobs?limit=1')
    expect(page.body).toMatchObject({ items: [{ id: second.id }], nextCursor: expect.any(String) })
    const rest = await call('GET', `/v1/jobs?limit=1&cursor=${page.body.nextCursor}`)
    expect(rest.body).toMatchObject({ items: [{ id: first.id }] })
    expect(rest.body).not.toHaveProperty('nextCursor')
    expect((await call('GET', '/v1/jobs?filter=cancelled')).body).toMatchObject({ items: [{ id: first.id }] })
    expect((await call('GET', '/v1/jobs?cursor=%00')).status).toBe(400)
  })

  it('cancels a running job, and says where it has ended', async () => {
    await jobs.start()
    const { id } = await jobs.enqueue(account, 'test.slow', null)
    await vi.waitFor(async () => expect((await jobs.get(account, id)).state).toBe('running'))
    expect((await call('POST', `/v1/jobs/${id}:cancel`)).status).toBe(200)
    expect(asked.at(-1)?.resource).toBe(`arn:rampart:platform:local:000000000001:job/${id}`)
    await vi.waitFor(async () =>
      expect((await call('GET', `/v1/jobs/${id}`)).body).toMatchObject({ state: 'cancelled' }),
    )
    expect(await call('POST', `/v1/jobs/${id}:cancel`)).toMatchObject({
      status: 409,
      body: { code: 'platform.job.ended' },
    })
  })
})
