import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../cli/client.ts'
import { systemClock } from '../../platform/index.ts'
import { type RunningService, startService } from '../support/service.ts'

interface Operation {
  readonly name: string
  readonly 'x-action'?: string
  readonly 'x-caller-only'?: string
  readonly 'x-public'?: string
}

interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const ACCOUNT = '000000000001'
const password = 'long-Pass-phrase-7-for-this-test'
const versions: Readonly<Record<string, string>> = { iam: '2010-05-08', sts: '2011-06-15' }

/** Everything an operation may want to know, naming things of the first account. */
const parameters: Readonly<Record<string, string>> = {
  UserName: 'theirs',
  GroupName: 'theirs',
  RoleName: 'theirs',
  PolicyName: 'theirs',
  PolicyArn: `arn:rampart:iam::${ACCOUNT}:policy/theirs`,
  PolicySourceArn: `arn:rampart:iam::${ACCOUNT}:user/theirs`,
  PermissionsBoundary: `arn:rampart:iam::${ACCOUNT}:policy/theirs`,
  OpenIDConnectProviderArn: `arn:rampart:iam::${ACCOUNT}:oidc-provider/theirs`,
  Url: 'https://idp.example',
  VersionId: 'v1',
  AccessKeyId: 'AKIANEVERMADE0000000',
  Status: 'Inactive',
  RoleArn: `arn:rampart:iam::${ACCOUNT}:role/theirs`,
  RoleSessionName: 'probe',
  EncodedMessage: '0'.repeat(32),
  PolicyDocument: '{"Version":"5.0","Statement":{"Effect":"Deny","Action":"a:b:c"}}',
  'ActionNames.member.1': 'iam:GetUser',
  'PolicyInputList.member.1': '{"Version":"5.0","Statement":{"Effect":"Deny","Action":"a:b:c"}}',
  'TagKeys.member.1': 'team',
}

describe('operations of the AWS wires', () => {
  let dir: string
  let service: RunningService
  let operations: Operation[]
  let probe: AccessKey
  let stranger: AccessKey

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-wires-'))
    service = await startService({ dataDir: dir })
    const { call } = service.client
    const api = await call<{ paths: Record<string, { post?: { 'x-operations'?: Operation[] } }> }>('/openapi.json')
    operations = api.paths['/']?.post?.['x-operations'] ?? []
    const document = { Version: '5.0', Statement: [{ Effect: 'Deny', Action: 'a:b:c' }] }
    const trust = {
      Version: '5.0',
      Statement: [{ Effect: 'Allow', Action: 'sts:*', Principal: { IAM: ACCOUNT } }],
    }
    await call('/v1/iam/users', { body: { name: 'theirs' } })
    await call('/v1/iam/groups', { body: { name: 'theirs' } })
    await call('/v1/iam/roles', { body: { name: 'theirs', trust } })
    await call('/v1/iam/policies', { body: { name: 'theirs', document } })
    const provider = { issuer: 'https://theirs.example', audiences: ['a'] }
    await call('/v1/iam/identity-providers/theirs', { method: 'PUT', body: provider })
    await call('/v1/iam/users', { body: { name: 'probe' } })
    probe = await call<AccessKey>('/v1/iam/users/probe/access-keys', { method: 'POST' })
    await allow('everything', { Effect: 'Allow', Action: '*', Resource: '*' })
    await call('/v1/iam/organization', { body: {} })
    const { account } = await call<{ account: string }>('/v1/iam/organization/accounts', {
      body: { name: 'other', administrator: { userName: 'root', password } },
    })
    const nobody = createClient(service.runtime.endpoint, '', 'default')
    const { accessToken } = await nobody.call<{ accessToken: string }>('/v1/iam/tokens', {
      body: { accountId: account, userName: 'root', password },
      headers: { authorization: '' },
    })
    const root: Client = createClient(service.runtime.endpoint, accessToken, 'default')
    stranger = await root.call<AccessKey>('/v1/iam/users/root/access-keys', { method: 'POST' })
  })
  afterAll(async () => {
    await service.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  const allow = (name: string, statement: object) =>
    service.client.call(`/v1/iam/users/probe/inline-policies/${name}`, {
      method: 'PUT',
      body: { document: { Version: '5.0', Statement: [statement] } },
    })

  async function send(operation: Operation, key?: AccessKey, altered = '') {
    const [wire = '', Action = ''] = operation.name.split(':')
    const body = new URLSearchParams({ Action, Version: versions[wire] ?? '', ...parameters }).toString()
    const { host, origin } = new URL(service.runtime.endpoint)
    const headers = key ? signed({ wire, host, body, key }) : {}
    const answer = await fetch(origin, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: body + altered,
    })
    const text = await answer.text()
    return {
      status: answer.status,
      text,
      code: /<Code>([A-Za-z]+)<\/Code>/.exec(text)?.[1],
      type: answer.headers.get('content-type'),
    }
  }

  it('are refused in the form of the protocol where nobody signed, and where the body was changed', async () => {
    expect(operations.length).toBeGreaterThan(60)
    for (const operation of operations) {
      if (operation['x-public']) continue
      const unsigned = await send(operation)
      expect([unsigned.status, unsigned.code], operation.name).toEqual([403, 'MissingAuthenticationToken'])
      expect(unsigned.type, operation.name).toContain('text/xml')
      const changed = await send(operation, probe, '&X=1')
      expect([changed.status, changed.code], operation.name).toEqual([403, 'SignatureDoesNotMatch'])
    }
  })

  it('are refused to a principal that lacks just that action', async () => {
    for (const operation of operations) {
      const action = operation['x-action']
      // What having credentials is enough for is decided in the operation, or gives nothing away.
      if (!action || operation['x-caller-only'] || operation.name.startsWith('sts:Assume')) continue
      await allow('lack', { Effect: 'Deny', Action: action, Resource: '*' })
      const refused = await send(operation, probe)
      expect([refused.status, refused.code], operation.name).toEqual([403, 'AccessDenied'])
      expect(refused.text, operation.name).toMatch(/decision [0-9a-f]{32}/)
    }
    await allow('lack', { Effect: 'Deny', Action: 'siem:nothing:get', Resource: '*' })
  })

  it('give another account nothing by name and list nothing of this one', async () => {
    for (const operation of operations) {
      if (operation['x-public']) continue
      const { status, text, code } = await send(operation, stranger)
      if (status !== 200) {
        expect([400, 403, 404, 409], operation.name).toContain(status)
        expect(code, operation.name).toBeDefined()
      }
      // What it made under the name is its own; nothing of the first account is in any answer.
      const ofFirst = text.replace(/<Message>.*?<\/Message>/s, '').includes(`iam::${ACCOUNT}:`)
      expect(ofFirst, `${operation.name}: ${text}`).toBe(false)
    }
    const { call } = service.client
    for (const kind of ['users', 'groups', 'roles', 'policies', 'identity-providers']) {
      await call(`/v1/iam/${kind}/theirs`)
    }
  })
})

/** The headers of a request as AWS's clients sign one. */
function signed(given: {
  readonly wire: string
  readonly host: string
  readonly body: string
  readonly key: AccessKey
}) {
  const stamp = new Date(systemClock.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${stamp.slice(0, 8)}/us-east-1/${given.wire}/aws4_request`
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const names = 'host;x-amz-date'
  const canonical = `POST\n/\n\nhost:${given.host}\nx-amz-date:${stamp}\n\n${names}\n${hash(given.body)}`
  const key = scope
    .split('/')
    .reduce<Buffer | string>(
      (k, part) => createHmac('sha256', k).update(part).digest(),
      `AWS4${given.key.secretAccessKey}`,
    )
  const signature = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${hash(canonical)}`)
    .digest('hex')
  return {
    'x-amz-date': stamp,
    authorization: `AWS4-HMAC-SHA256 Credential=${given.key.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  }
}
