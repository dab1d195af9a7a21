import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ApiError, type Client, createClient } from '../../cli/client.ts'
import { type RunningService, startService } from '../support/service.ts'

interface Operation {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly action: string | undefined
  readonly resource: string | undefined
  readonly public: string | undefined
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>
}

interface AwsOpenApi {
  readonly paths: Readonly<
    Record<
      string,
      { post?: { 'x-operations'?: readonly { name: string; 'x-action'?: string; 'x-public'?: string }[] } }
    >
  >
}

const PROBE = { userName: 'probe', password: 'long-Pass-phrase-7-for-this-test' }

let dir: string
let service: RunningService
let operations: Operation[]
let probe: Client
/** The administrator of another account. */
let stranger: Client

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-operations-'))
  service = await startService({ dataDir: dir })
  const api = await service.client.call<OpenApi>('/openapi.json')
  operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    // POST / speaks AWS's protocols, whose operations and refusals are their own: below.
    Object.entries(path === '/' ? {} : methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path.replace(/\{(\w+)\}/g, (_, name: string) => (name === 'ws' || name === 'ds' ? 'default' : 'absent')),
      action: operation['x-action'],
      resource: operation['x-resource'],
      public: operation['x-public'],
    })),
  )
  await service.client.call('/v1/iam/users', { body: { name: PROBE.userName, password: PROBE.password } })
  await allow('everything', { Effect: 'Allow', Action: '*', Resource: '*' })
  const { accessToken } = await createClient(service.runtime.endpoint, '', 'default').call<{ accessToken: string }>(
    '/v1/iam/tokens',
    { body: PROBE, headers: { authorization: '' } },
  )
  probe = createClient(service.runtime.endpoint, accessToken, 'default')
  await service.client.call('/v1/iam/organization', { body: {} })
  const { account } = await service.client.call<{ account: string }>('/v1/iam/organization/accounts', {
    body: { name: 'other', administrator: PROBE },
  })
  const other = await createClient(service.runtime.endpoint, '', 'default').call<{ accessToken: string }>(
    '/v1/iam/tokens',
    { body: { ...PROBE, accountId: account }, headers: { authorization: '' } },
  )
  stranger = createClient(service.runtime.endpoint, other.accessToken, 'default')
})
afterAll(async () => {
  await service.stop()
  rmSync(dir, { recursive: true, force: true })
})

const allow = (policy: string, statement: object) =>
  service.client.call(`/v1/iam/users/${PROBE.userName}/inline-policies/${policy}`, {
    method: 'PUT',
    body: { document: { Version: '5.0', Statement: [statement] } },
  })

async function statusOf(client: Client, operation: Operation): Promise<number> {
  const body = operation.method === 'GET' || operation.method === 'DELETE' ? {} : { body: {} }
  try {
    await client.call(operation.path, { method: operation.method, ...body })
    return 200
  } catch (error) {
    if (error instanceof ApiError) return error.status
    throw error
  }
}

it('names an action and a resource for every operation, or why it is public', () => {
  expect(operations.length).toBeGreaterThan(20)
  for (const { name, action, resource, public: reason } of operations) {
    if (reason) expect(reason.length, name).toBeGreaterThan(10)
    else {
      expect(action, name).toMatch(/^[a-z-]+:[a-z-]+:[A-Za-z-]+$/)
      expect(resource, name).toMatch(/^arn:rampart:/)
    }
  }
})

it('knows few public operations', () => {
  const open = operations.filter((operation) => operation.public).map((operation) => operation.name)
  expect(open.sort()).toEqual([
    'GET /.well-known/authzen-configuration',
    'GET /.well-known/authzen-configuration/apps/{app}',
    'GET /healthz',
    'GET /metrics',
    'GET /oidc/{account}/interaction/{uid}',
    'GET /oidc/{account}/{*}',
    'GET /openapi.json',
    'GET /readyz',
    'OPTIONS /oidc/{account}/{*}',
    'POST /oidc/{account}/interaction/{uid}',
    'POST /oidc/{account}/{*}',
    'POST /v1/hooks/{accountId}/{ws}/{path}',
    'POST /v1/iam/tokens',
    'POST /v1/iam/tokens/passkey',
    'POST /v1/iam/tokens/passkey-options',
    'POST /v1/iam/tokens/password',
  ])
})

it('answers 401 without credentials and with wrong ones', async () => {
  const { endpoint } = service.runtime
  for (const operation of operations) {
    if (operation.public) continue
    for (const token of ['', 'nonsense', 'eyJhbGciOiJub25lIn0.e30.']) {
      expect(await statusOf(createClient(endpoint, token, 'default'), operation), operation.name).toBe(401)
    }
  }
})

it('answers 403 to a principal that lacks just that action, and not to one that has it', async () => {
  for (const operation of operations) {
    if (operation.public || !operation.action) continue
    await allow('lack', { Effect: 'Deny', Action: operation.action, Resource: '*' })
    expect(await statusOf(probe, operation), operation.name).toBe(403)
    await allow('lack', { Effect: 'Deny', Action: 'siem:nothing:get', Resource: '*' })
    if (operation.method === 'GET') expect(await statusOf(probe, operation), operation.name).not.toBe(403)
  }
})

it('names an action for every operation of the AWS wires, and knows no key that was never made', async () => {
  const { endpoint } = service.runtime
  const api = await service.client.call<AwsOpenApi>('/openapi.json')
  const wires = api.paths['/']?.post?.['x-operations'] ?? []
  expect(wires.length).toBeGreaterThan(20)
  for (const { name, 'x-action': action, 'x-public': reason } of wires) {
    if (reason) expect(reason.length, name).toBeGreaterThan(10)
    else expect(action, name).toMatch(/^[a-z-]+:[a-z-]+:[A-Za-z-]+$/)
    if (reason) continue
    const [wire = '', operation = ''] = name.split(':')
    const Version = wire === 'sts' ? '2011-06-15' : '2010-05-08'
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: signedByNobody(wire),
      body: new URLSearchParams({ Action: operation, Version }),
    })
    expect(answer.status, name).toBe(403)
    expect(await answer.text(), name).toMatch(/<Code>(InvalidClientTokenId|SignatureDoesNotMatch)</)
  }
})

/** The head of a request that was signed with a key that does not exist. */
function signedByNobody(wire: string): Record<string, string> {
  const at = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${at.slice(0, 8)}/us-east-1/${wire}/aws4_request`
  return {
    'x-amz-date': at,
    authorization: `AWS4-HMAC-SHA256 Credential=AKIANEVERMADE0000000/${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
  }
}

it('lets another account reach nothing by name, and list nothing of this one', async () => {
  const document = { Version: '5.0', Statement: [{ Effect: 'Deny', Action: 'a:b:c' }] }
  const trust = {
    Version: '5.0',
    Statement: [{ Effect: 'Allow', Action: 'sts:role:assume', Principal: { Service: 'x' } }],
  }
  const { call } = service.client
  await call('/v1/iam/users', { body: { name: 'theirs' } })
  await call('/v1/iam/groups', { body: { name: 'theirs' } })
  await call('/v1/iam/roles', { body: { name: 'theirs', trust } })
  await call('/v1/iam/policies', { body: { name: 'theirs', document } })
  const project = await call<{ id: string }>('/v1/iam/projects', { body: { name: 'theirs' } })
  await call('/v1/iam/organization/guardrails/theirs', { method: 'PUT', body: { kind: 'principal', document } })
  const theirs = [
    '/v1/iam/users/theirs',
    '/v1/iam/groups/theirs',
    '/v1/iam/roles/theirs',
    '/v1/iam/policies/theirs',
    `/v1/iam/projects/${project.id}`,
    '/v1/iam/organization/guardrails/theirs',
  ]
  const statusAt = (client: Client, method: string, path: string) =>
    statusOf(client, { name: path, method, path, action: undefined, resource: undefined, public: undefined })
  for (const path of theirs) {
    expect(await statusAt(service.client, 'GET', path), path).toBe(200)
    for (const method of ['GET', 'DELETE']) expect([403, 404], path).toContain(await statusAt(stranger, method, path))
    expect(await statusAt(service.client, 'GET', path), path).toBe(200)
  }
  for (const operation of operations) {
    if (operation.public || operation.method !== 'GET') continue
    // A list shows the account's own, which is none of these; what has a name in its path is not there.
    const answer = await stranger.call<unknown>(operation.path).then(
      (body) => JSON.stringify(body),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error
        expect([400, 403, 404, 422], operation.name).toContain(error.status)
        return ''
      },
    )
    expect(answer, operation.name).not.toContain('theirs')
    if (/\/absent(\/|$)/.test(operation.path)) expect(answer, operation.name).not.toContain('000000000001')
  }
})
