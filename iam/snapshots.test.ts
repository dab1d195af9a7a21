import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Api,
  createServer,
  type Database,
  migrate,
  openSealer,
  parseAccountId,
  systemClock,
} from '../platform/index.ts'
import { type TestDatabase, testDatabases } from '../test/support/databases.ts'
import { createIam, type Iam } from './iam.ts'
import { iamMigrations } from './migrations.ts'
import { iamRoutes } from './routes.ts'

const account = parseAccountId('000000000001')
const rule = `arn:rampart:siem:local:${account}:rule/default/x`
const allow = JSON.stringify({ Version: '5.0', Statement: { Effect: 'Allow', Action: 'siem:rule:get' } })

/** Two processes over one database, as far as identities and policies go. */
describe.each(testDatabases())('snapshots on $name', (kind: TestDatabase) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let nodes: { iam: Iam; api: Api }[]
  let token: string

  beforeEach(async () => {
    ;({ database, drop } = await kind.open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-snapshots-'))
    await migrate(database, iamMigrations, systemClock)
    nodes = []
    let password = ''
    for (let i = 0; i < 2; i++) {
      const iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
      if (i === 0) {
        password = (await iam.bootstrap(() => {}))!.password
        await iam.users.create(account, { name: 'ann' })
      }
      const api = await createServer({
        log: pino({ level: 'silent' }),
        version: '0.0.0',
        clock: systemClock,
        authenticator: iam.authenticator,
        authorizer: iam.authorizer,
        audit: { record: async () => {} },
        routes: [iamRoutes(iam, { compileFilter: () => () => true, publicUrl: () => 'https://pdp.example' })],
      })
      nodes.push({ iam, api })
    }
    token = (await nodes[0]!.iam.signIn({ userName: 'admin', password, sourceIp: '127.0.0.1' })).accessToken
  })
  afterEach(async () => {
    for (const { api, iam } of nodes) {
      await api.close()
      await iam.close()
    }
    await drop()
    rmSync(dir, { recursive: true })
  })

  const call = (node: number, url: string, payload: object, headers: object = {}) =>
    nodes[node]!.api.inject({
      method: url.includes('inline') ? 'PUT' : 'POST',
      url,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(payload),
    })
  const mayGet = async (node: number, headers: object = {}) => {
    const requests = [{ principal: `arn:rampart:iam::${account}:user/ann`, action: 'siem:rule:get', resource: rule }]
    return call(node, '/v1/iam/authorize', { requests }, headers)
  }

  it('a write tells the number that has seen it; who sends the number is decided by it on any process', async () => {
    const before = (await mayGet(1)).json()
    expect(before.decisions[0].decision).toBe('deny')
    await nodes[0]!.iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'given', allow)
    const here = await mayGet(0)
    expect(here.json().decisions[0].decision).toBe('allow')
    const snapshot = Number(here.headers['x-rampart-snapshot'])
    expect(snapshot).toBeGreaterThan(before.snapshot)
    expect(here.json().snapshot).toBe(snapshot)
    const there = await mayGet(1, { 'x-rampart-min-snapshot': String(snapshot) })
    expect(there.json()).toMatchObject({ snapshot, decisions: [{ decision: 'allow' }] })
  })

  it('tells a number that no change has, and one that is none, apart from a decision', async () => {
    const ahead = await mayGet(0, { 'x-rampart-min-snapshot': '999999999' })
    expect([ahead.statusCode, ahead.json().code]).toEqual([412, 'platform.http.noSuchSnapshot'])
    for (const wrong of ['-1', 'x', '1e3', '']) {
      expect((await mayGet(0, { 'x-rampart-min-snapshot': wrong })).statusCode).toBe(400)
    }
  })
})
