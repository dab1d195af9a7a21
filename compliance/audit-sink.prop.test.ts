import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { pino } from 'pino'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPartitionLog } from '../pipeline/log/index.ts'
import {
  type Api,
  createMetrics,
  createServer,
  defineErrors,
  iamArn,
  type Principal,
  parseAccountId,
  systemClock,
} from '../platform/index.ts'
import { createAuditSink, type RunningAuditSink } from './audit-sink.ts'

const account = parseAccountId('000000000001')
const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }
const unauthenticated = defineErrors({ 'test.caller.unknown': { status: 401, title: 'Who are you?' } })

/** Long enough that it stands nowhere by chance. */
const secret = fc.stringMatching(/^[A-Za-z0-9+/=_-]{16,40}$/)
const SECRET_HEADERS = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-amz-security-token',
  'x-api-key',
  'referer',
]

const call = fc.record({
  known: fc.boolean(),
  allowed: fc.boolean(),
  header: fc.constantFrom(...SECRET_HEADERS),
  headerSecret: secret,
  scheme: fc.constantFrom('Bearer ', 'Basic ', 'Splunk ', ''),
  bodySecret: secret,
  querySecret: secret,
  malformed: fc.boolean(),
})

describe('the audit trail', () => {
  let dir: string
  let log: Awaited<ReturnType<typeof openPartitionLog>>
  let sink: RunningAuditSink
  let server: Api
  let next: { known: boolean; allowed: boolean } = { known: true, allowed: true }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rampart-audit-'))
    log = await openPartitionLog({ dir: join(dir, 'log'), clock: systemClock })
    sink = createAuditSink({ log, clock: systemClock, metrics: createMetrics(), firstAccount: () => account })
    server = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock: systemClock,
      authenticator: {
        authenticate: async (head) => {
          if (next.known) return ann
          const told = head.headers.find(([name]) => SECRET_HEADERS.includes(name))
          throw unauthenticated('test.caller.unknown', `nobody known by \`${told?.[1]}\``)
        },
      },
      authorizer: {
        authorize: async () => ({ allowed: next.allowed, id: 'd-1', reason: 'allow', determining: [] }),
      },
      audit: sink,
      routes: [
        (api) =>
          void api.route({
            method: 'PUT',
            url: '/v1/things/:id',
            config: {
              access: { action: 'test:thing:put', resource: 'arn:rampart:test:{region}:{account}:thing/{id}' },
            },
            schema: { body: Type.Object({ password: Type.String() }, { additionalProperties: false }) },
            handler: async (request) => {
              if (request.body.password.includes('=')) throw new Error(`cannot take ${request.body.password}`)
              return {}
            },
          }),
      ],
    })
  })
  afterAll(async () => {
    await server.close()
    await log.close()
    await rm(dir, { recursive: true, force: true })
  })

  it('holds each call and nothing secret of it', async () => {
    let told = 0
    let from = 0
    const shard = { account, workspace: 'default', dataspace: 'default', pipe: 'audit', shard: 0 }
    const readNew = async () => {
      const batch = await log.read(shard, from, 10_000_000)
      from = batch.nextOffset
      told += batch.records.length
      return batch.records.map((record) => Buffer.from(record.payload).toString('latin1')).join('\n')
    }
    await fc.assert(
      fc.asyncProperty(call, async (made) => {
        next = made
        const before = told
        await server.inject({
          method: 'PUT',
          url: `/v1/things/a?token=${encodeURIComponent(made.querySecret)}`,
          headers: { [made.header]: `${made.scheme}${made.headerSecret}`, 'content-type': 'application/json' },
          payload: JSON.stringify(
            made.malformed ? { [made.bodySecret]: made.bodySecret } : { password: made.bodySecret },
          ),
        })
        const bytes = await readNew()
        expect(told - before).toBe(made.known ? 1 : 0)
        for (const value of [made.headerSecret, made.bodySecret, made.querySecret]) expect(bytes).not.toContain(value)
      }),
      { numRuns: 300 },
    )
    await sink.stop()
    expect(await readNew()).not.toMatch(/Bearer|Basic|Splunk/)
  })
})
