import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPartitionLog } from '../pipeline/log/index.ts'
import { type AuditEvent, createMetrics, iamArn, parseAccountId } from '../platform/index.ts'
import { createAuditSink, type RunningAuditSink } from './audit-sink.ts'
import { UNKNOWN_SOURCES_MAX } from './limits.ts'

const account = parseAccountId('000000000001')
const otherAccount = parseAccountId('000000000002')
const MINUTE = 60_000
const START = 1_767_225_600_000

const change: AuditEvent = {
  account,
  at: START,
  principal: iamArn(account, 'user', 'ann'),
  accessKeyId: 'AKIAEXAMPLE',
  action: 'siem:pipe:put',
  resources: ['arn:rampart:siem:local:000000000001:pipe/default/default/dns'],
  outcome: 'success',
  status: 200,
  requestId: 'req-1',
  sourceIp: '192.0.2.1',
  userAgent: 'curl/8',
  count: 1,
}
const unknown = (parts: Partial<AuditEvent> = {}): AuditEvent => ({
  account: 'unknown',
  at: START,
  principal: 'anonymous',
  action: 'siem:event:search',
  resources: [],
  outcome: 'refused',
  status: 401,
  errorCode: 'platform.http.unauthenticated',
  requestId: 'req-2',
  sourceIp: '192.0.2.66',
  count: 1,
  ...parts,
})

describe('the audit sink', () => {
  let dir: string
  let log: Awaited<ReturnType<typeof openPartitionLog>>
  let sink: RunningAuditSink
  const clock = { at: START, now: () => clock.at }

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rampart-audit-'))
    clock.at = START
    log = await openPartitionLog({ dir: join(dir, 'log'), clock })
    sink = createAuditSink({ log, clock, metrics: createMetrics(), firstAccount: () => account })
  })
  afterEach(async () => {
    await sink.stop()
    await log.close()
    await rm(dir, { recursive: true, force: true })
  })

  const written = async (of = account) => {
    const shard = { account: of, workspace: 'default', dataspace: 'default', pipe: 'audit', shard: 0 }
    const found = []
    for (let from = 0; ; ) {
      const batch = await log.read(shard, from, 1_000_000)
      if (batch.records.length === 0) return found
      found.push(...batch.records.map((record) => JSON.parse(Buffer.from(record.payload).toString('utf8'))))
      from = batch.nextOffset
    }
  }

  it('writes a call as API Activity, durable when it says so', async () => {
    await sink.record(change)
    expect(await written()).toEqual([
      {
        category_uid: 6,
        category_name: 'Application Activity',
        class_uid: 6003,
        class_name: 'API Activity',
        activity_id: 1,
        activity_name: 'Create',
        type_uid: 600301,
        time: START,
        count: 1,
        severity_id: 1,
        severity: 'Informational',
        status: 'Success',
        status_id: 1,
        status_code: '200',
        status_detail: 'success',
        metadata: {
          version: '1.8.0',
          product: { name: 'Rampart', vendor_name: 'Rampart' },
          log_name: 'audit',
          correlation_uid: 'req-1',
        },
        actor: {
          user: {
            uid: 'arn:rampart:iam::000000000001:user/ann',
            name: 'ann',
            account: { uid: '000000000001' },
            credential_uid: 'AKIAEXAMPLE',
          },
        },
        api: {
          operation: 'siem:pipe:put',
          service: { name: 'siem' },
          request: { uid: 'req-1' },
          response: { code: 200 },
        },
        src_endpoint: { ip: '192.0.2.1' },
        resources: [{ uid: 'arn:rampart:siem:local:000000000001:pipe/default/default/dns' }],
        http_request: { user_agent: 'curl/8' },
        unmapped: { outcome: 'success' },
      },
    ])
  })

  it.each([
    ['iam:user:delete', 4, 600304],
    ['siem:alert:update', 3, 600303],
    ['soar:playbook:run', 99, 600399],
    ['secrets:credential:read', 2, 600302],
  ])('calls %s activity %i', async (action, activity, type) => {
    await sink.record({ ...change, action })
    expect(await written()).toMatchObject([{ activity_id: activity, type_uid: type, api: { operation: action } }])
  })

  it('tells a refusal with its reason and decision', async () => {
    await sink.record({
      ...change,
      outcome: 'refused',
      status: 403,
      errorCode: 'platform.http.forbidden',
      decisionId: 'd-1',
    })
    expect(await written()).toMatchObject([
      {
        status: 'Failure',
        status_id: 2,
        severity_id: 2,
        api: { response: { code: 403, error: 'platform.http.forbidden' } },
        unmapped: { outcome: 'refused', decision_id: 'd-1' },
      },
    ])
  })

  it("writes into the caller's account only", async () => {
    await sink.record({ ...change, account: otherAccount })
    expect(await written()).toEqual([])
    expect(await written(otherAccount)).toHaveLength(1)
  })

  it('rejects what it cannot write, and counts it', async () => {
    const metrics = createMetrics()
    const counted = createAuditSink({ log, clock, metrics, firstAccount: () => account })
    await counted.record(change)
    await counted.record(unknown({ count: 3 }))
    await log.close()
    await expect(counted.record(change)).rejects.toThrow()
    const { text } = await metrics.scrape()
    expect(text.split('\n').filter((line) => line.startsWith('rampart_compliance'))).toEqual([
      'rampart_compliance_audit_events_total{outcome="success"} 1',
      'rampart_compliance_audit_failures_total 1',
      'rampart_compliance_unknown_calls_total 3',
      'rampart_compliance_unknown_sources 1',
    ])
    await expect(counted.stop()).rejects.toThrow()
  })

  it('counts unknown callers and writes once per source and minute', async () => {
    for (let call = 0; call < 1000; call++) await sink.record(unknown())
    await sink.record(unknown({ action: 'iam:user:create' }))
    await sink.record(unknown({ sourceIp: '192.0.2.67' }))
    await sink.flush()
    expect(await written()).toEqual([])
    clock.at += MINUTE
    await sink.record(unknown({ at: clock.at }))
    await sink.flush()
    await sink.flush()
    const told = await written()
    expect(told.map((event) => [event.src_endpoint.ip, event.count, event.unmapped.other_operations])).toEqual([
      ['192.0.2.66', 1001, { 'iam:user:create': 1 }],
      ['192.0.2.67', 1, undefined],
    ])
    expect(told[0]).toMatchObject({ actor: { user: { uid: 'anonymous' } }, status: 'Failure', time: START })
    await sink.stop()
    expect((await written()).map((event) => event.count)).toEqual([1001, 1, 1])
  })

  it('writes them by itself', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const timed = createAuditSink({ log, clock, metrics: createMetrics(), firstAccount: () => account })
      await timed.record(unknown())
      clock.at += MINUTE
      await vi.advanceTimersByTimeAsync(10_000)
      vi.useRealTimers()
      await vi.waitUntil(async () => (await written()).length === 1)
      await timed.stop()
    } finally {
      vi.useRealTimers()
    }
  })

  it('holds a bounded number of sources and loses no count', async () => {
    const calls = UNKNOWN_SOURCES_MAX + 500
    for (let call = 0; call < calls; call++)
      await sink.record(unknown({ sourceIp: `10.${call >> 16}.${(call >> 8) & 255}.${call & 255}` }))
    for (let call = 0; call < 100; call++) await sink.record(unknown({ action: `siem:thing${call}:get` }))
    await sink.stop()
    const told = await written()
    expect(told).toHaveLength(UNKNOWN_SOURCES_MAX + 1)
    const others = told.find((event) => event.src_endpoint.ip === 'others')
    expect(others.count).toBe(600)
    expect(Object.keys(others.unmapped.other_operations)).toHaveLength(10)
    expect(told.reduce((sum, event) => sum + event.count, 0)).toBe(calls + 100)
  })

  it('keeps its counts when they cannot be written', async () => {
    let full = true
    const sometimes = createAuditSink({
      log: {
        append: async (shard, records) => {
          if (full) throw new Error('no room')
          return log.append(shard, records)
        },
      },
      clock,
      metrics: createMetrics(),
      firstAccount: () => account,
    })
    for (const action of ['siem:a:get', 'siem:b:get', 'siem:a:get']) await sometimes.record(unknown({ action }))
    clock.at += MINUTE
    await expect(sometimes.flush()).rejects.toThrow('no room')
    full = false
    await sometimes.record(unknown({ at: START, action: 'siem:a:get' }))
    await sometimes.stop()
    expect(await written()).toMatchObject([
      { count: 4, api: { operation: 'siem:a:get' }, unmapped: { other_operations: { 'siem:b:get': 1 } } },
    ])
  })

  it('waits for the first account', async () => {
    let first: typeof account | undefined
    const early = createAuditSink({ log, clock, metrics: createMetrics(), firstAccount: () => first })
    await early.record(unknown())
    clock.at += MINUTE
    await early.flush()
    first = account
    await early.stop()
    expect(await written()).toHaveLength(1)
  })
})
