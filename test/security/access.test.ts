import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AlertAnswer } from '../../cases/index.ts'
import { ApiError, type Client, createClient } from '../../cli/client.ts'
import { type RunningService, startService } from '../support/service.ts'

const password = 'long-Pass-phrase-7-for-this-test'
let dir: string
let service: RunningService

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-access-'))
  service = await startService({ dataDir: dir })
  for (const name of ['ann', 'bob', 'cid', 'glass']) {
    await service.client.call('/v1/iam/users', { body: { name, password } })
  }
})
afterAll(async () => {
  await service.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function signIn(userName: string): Promise<Client> {
  const nobody = createClient(service.runtime.endpoint, '', 'default')
  const { accessToken } = await nobody.call<{ accessToken: string }>('/v1/iam/tokens', {
    body: { userName, password },
    headers: { authorization: '' },
  })
  return createClient(service.runtime.endpoint, accessToken, 'default')
}

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'allowed',
    (error: unknown) => {
      if (error instanceof ApiError) return error.status
      throw error
    },
  )

it('gives a user what it asked for once somebody else approves, and takes it back', async () => {
  const { call } = service.client
  const allow = (action: string) => ({ Effect: 'Allow', Action: action, Resource: '*' })
  await call('/v1/iam/users/ann/inline-policies/ask', {
    method: 'PUT',
    body: { document: { Version: '5.0', Statement: [allow('iam:access-request:*')] } },
  })
  const ann = await signIn('ann')
  const policy = 'arn:rampart:iam::rampart:policy/ReadOnly'
  const body = { policy, reason: 'an audit', durationSec: 600 }
  const { id, state } = await ann.call<{ id: string; state: string }>('/v1/iam/access-requests', { body })
  expect(state).toBe('pending')
  expect(await codeOf(ann.call('/v1/iam/users'))).toBe(403)
  expect(await codeOf(ann.call(`/v1/iam/access-requests/${id}:approve`, { body: {} }))).toBe(403)
  await call(`/v1/iam/access-requests/${id}:approve`, { body: { comment: 'ten minutes' } })
  expect(await codeOf(ann.call('/v1/iam/users'))).toBe('allowed')
  const { items } = await call<{ items: unknown[] }>('/v1/iam/access-requests?filter=state%3D%22active%22')
  expect(items).toMatchObject([{ id, kind: 'policy', target: policy, requester: 'ann', reason: 'an audit' }])
  await call(`/v1/iam/access-requests/${id}:revoke`, { body: {} })
  expect(await codeOf(ann.call('/v1/iam/users'))).toBe(403)
  expect(await codeOf(ann.call('/v1/iam/access-requests', { body: { ...body, group: 'g' } }))).toBe(422)
})

it('makes an alert of what a break-glass user does', async () => {
  const { call } = service.client
  const glassUrl = '/v1/iam/users/glass/break-glass'
  await call('/v1/iam/users/glass/attached-policies', {
    body: { policyArn: 'arn:rampart:iam::rampart:policy/ReadOnly' },
  })
  await call(glassUrl, { method: 'PUT', body: { custodians: ['ann', 'bob', 'cid'] } })
  await expect(signIn('glass')).rejects.toMatchObject({ status: 401 })
  const [ann, bob, cid] = await Promise.all(['ann', 'bob', 'cid'].map(signIn))
  const body = { reason: 'nobody gets in', durationSec: 600 }
  expect(await codeOf(call(`${glassUrl}/openings`, { body }))).toBe(403)
  const { id } = await ann!.call<{ id: string }>(`${glassUrl}/openings`, { body })
  await bob!.call(`${glassUrl}/openings/${id}:approve`, { body: {} })
  const last = await cid!.call<{ state: string }>(`${glassUrl}/openings/${id}:approve`, { body: {} })
  expect(last.state).toBe('active')
  const glass = await signIn('glass')
  await glass.call('/v1/iam/users')
  expect(await codeOf(glass.call('/v1/iam/users', { body: { name: 'x' } }))).toBe(403)
  const alerts = await call<{ items: AlertAnswer[] }>('/v1/workspaces/default/alerts')
  expect(alerts.items).toMatchObject([
    { ruleId: 'rampart.break-glass', severity: 'critical', count: 3, entities: { users: ['glass'] } },
  ])
  await ann!.call(`${glassUrl}/openings/${id}:close`, { body: {} })
  expect(await codeOf(glass.call('/v1/iam/users'))).toBe(401)
})
