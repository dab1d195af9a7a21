import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiError } from '../../cli/client.ts'
import { testDatabases } from '../support/databases.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'

const base = '/v1/workspaces/default'
const RULE_ID = '0b7f2f5e-7a53-4b5c-9a0d-5c1f3d6f4b03'

describe.each(testDatabases())('the way through on $name', (kind) => {
  let dir: string
  let drop: () => Promise<void>
  let service: RunningService
  let farSide: Server
  const received: { url: string; key: string; body: unknown }[] = []

  beforeAll(async () => {
    const opened = await kind.open()
    drop = opened.drop
    dir = mkdtempSync(join(tmpdir(), 'rampart-way-'))
    farSide = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      received.push({ url: request.url ?? '', key: String(request.headers['idempotency-key']), body: JSON.parse(body) })
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"ticket":7}')
    })
    farSide.listen(0, '127.0.0.1')
    await once(farSide, 'listening')
    const address = `127.0.0.1:${(farSide.address() as AddressInfo).port}`
    const env = {
      RAMPART_PLAYBOOKS_EGRESS_ALLOW: address,
      ...(opened.url === undefined ? {} : { RAMPART_DATABASE_URL: opened.url }),
    }
    service = await startService({ dataDir: dir, env })
    await service.client.call(`${base}/rules/${RULE_ID}`, {
      method: 'PUT',
      contentType: 'application/yaml',
      body: `
title: Door forced
id: ${RULE_ID}
status: test
logsource: {product: linux, service: sshd}
tags: [attack.t1110]
detection:
  selection: {message|contains: 'Failed password for mallory'}
  condition: selection
level: high
`,
    })
    await service.client.call(`${base}/playbooks/ticket`, {
      method: 'PUT',
      contentType: 'application/yaml',
      body: `
playbook: 1
id: ticket
name: Opens a ticket
run_as: role/playbook-runner
permissions: [http.request, cases.alert.update]
inputs:
  alert: {type: uuid, required: true}
triggers:
  - id: forced
    alert: {on: [created], where: 'alert.rule_id == "${RULE_ID}"'}
    inputs: {alert: '\${{ alert.id }}'}
steps:
  - id: open
    action: http.request
    with: {method: POST, url: 'http://${address}/tickets', body: {alert: '\${{ inputs.alert }}'}}
  - id: take
    action: cases.alert.update
    with: {alert: '\${{ inputs.alert }}', state: in_progress, comment: 'Ticket \${{ string(steps.open.output.body.ticket) }}'}
`,
    })
  })
  afterAll(async () => {
    await service.stop()
    farSide.close()
    await drop()
    rmSync(dir, { recursive: true, force: true })
  })

  async function search(query: string): Promise<unknown[][]> {
    return (await service.client.call<{ rows: unknown[][] }>(`${base}/search`, { body: { query } })).rows
  }

  const put = (body: string | Uint8Array, contentType: string, headers = {}, pipe = 'logs') =>
    service.client.call<{ accepted: number; rejected: unknown[] }>(`${base}/dataspaces/default/pipes/${pipe}/records`, {
      body,
      contentType,
      headers,
    })

  it('leads from a syslog datagram over an alert to a playbook’s effect', async () => {
    const socket = createSocket('udp4')
    socket.send(
      '<86>Oct 11 22:14:15 gate-1 sshd[77]: Failed password for mallory from 192.0.2.44 port 50022 ssh2',
      service.runtime.syslogUdp ?? 0,
      '127.0.0.1',
      () => socket.close(),
    )
    const alert = await eventually('the alert, taken in hand by the playbook', async () => {
      const page = await service.client.call<{ items: { ruleId: string; state: string }[] }>(`${base}/alerts`)
      return page.items.find((item) => item.ruleId === RULE_ID && item.state === 'in_progress')
    })
    expect(alert).toMatchObject({
      title: 'Door forced',
      severity: 'high',
      count: 1,
      techniques: ['T1110'],
      entities: { ips: ['192.0.2.44'], hosts: ['gate-1'], users: ['mallory'] },
    })
    expect(received).toMatchObject([{ url: '/tickets', body: { alert: (alert as { id?: string }).id } }])
    const [row] = await eventually('the event', async () => {
      const rows = await search(`source=logs | where hostname = 'gate-1' | fields class_uid, src_endpoint.ip, raw_data`)
      return rows.length > 0 && rows
    })
    expect(row).toEqual([3002, '192.0.2.44', expect.stringContaining('Failed password for mallory')])
  })

  it('takes both framings of syslog over one TCP connection', async () => {
    const socket = connect(service.runtime.syslogTcp ?? 0, '127.0.0.1')
    const framed = '<14>1 2026-01-01T00:00:00Z tcp-host app - - - octets\nwith a line feed'
    socket.end(`<14>1 2026-01-01T00:00:00Z tcp-host app - - - a line\n${Buffer.byteLength(framed)} ${framed}`)
    const rows = await eventually('both messages', async () => {
      const found = await search(`source=logs | where hostname = 'tcp-host' | fields message`)
      return found.length === 2 && found
    })
    expect(rows).toEqual([['a line'], ['octets\nwith a line feed']])
  })

  it('takes records in every form, and keeps what it cannot parse', async () => {
    expect(await put('{"batch":"nd","n":1}\n{"batch":"nd","n":2}\n', 'application/x-ndjson')).toEqual({
      accepted: 2,
      rejected: [],
    })
    await put('[{"batch":"array","n":1}]', 'application/json')
    await put('a text line\n', 'text/plain')
    await put(gzipSync('{"batch":"gzip"}'), 'application/x-ndjson', { 'content-encoding': 'gzip' })
    await put(zstdCompressSync('{"batch":"zstd"}'), 'application/x-ndjson', { 'content-encoding': 'zstd' })
    await put('{"batch":"broken', 'application/x-ndjson')
    const counts = await eventually('every batch', async () => {
      const rows = await search('source=logs | where isnotnull(batch) | stats count() by batch | sort batch')
      return rows.length === 4 && rows
    })
    expect(counts).toEqual([
      [1, 'array'],
      [1, 'gzip'],
      [2, 'nd'],
      [1, 'zstd'],
    ])
    const [broken] = await eventually('the broken line', async () => {
      const rows = await search('source=logs | where isnotnull(parse_error) | fields raw_data')
      return rows.length > 0 && rows
    })
    expect(broken).toEqual(['{"batch":"broken'])
  })

  it('refuses records for the audit pipe, and shows there who tried', async () => {
    await expect(put('{}', 'application/x-ndjson', {}, 'audit')).rejects.toThrowError(ApiError)
    const rows = await eventually('the audit of the rule', async () => {
      const found = await search(`source=audit | where api.operation = 'siem:rule:put' | fields status, actor.user.uid`)
      return found.length > 0 && found
    })
    expect(rows[0]).toEqual([
      expect.stringMatching(/success/i),
      expect.stringContaining('arn:rampart:iam::000000000001:user/'),
    ])
  })

  it('audits what playbooks do, as the role they run as', async () => {
    const rows = await eventually('the audit of the action', async () => {
      const found = await search(
        `source=audit | where api.operation = 'soar:action:invoke' | fields actor.user.uid, status | head 1`,
      )
      return found.length > 0 && found
    })
    expect(rows[0]).toEqual(['arn:rampart:iam::000000000001:role/playbook-runner', 'Success'])
  })

  it('gives a caller without a token nothing', async () => {
    for (const path of ['/v1/workspaces', `${base}/alerts`, `${base}/rules/${RULE_ID}`]) {
      expect((await fetch(new URL(path, service.runtime.endpoint))).status).toBe(401)
    }
  })
})
