import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { policyWhoCanCommand } from '../../cli/policy-who-can.ts'
import { type RunningService, startService } from '../support/service.ts'

let dir: string
let service: RunningService

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-who-can-'))
  service = await startService({ dataDir: dir })
})
afterAll(async () => {
  await service.stop()
  rmSync(dir, { recursive: true, force: true })
})

it('says who can do something, and under which condition', async () => {
  await service.client.call('/v1/iam/users', { body: { name: 'ann' } })
  const statement = { Effect: 'Allow', Action: 'kms:cmk:decrypt', Condition: { Bool: { 'g:MFAPresent': 'true' } } }
  await service.client.call('/v1/iam/users/ann/inline-policies/night', {
    method: 'PUT',
    body: { document: { Version: '5.0', Statement: [{ Sid: 'Night', ...statement }] } },
  })
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const said = Promise.all([text(stdout), text(stderr)])
  const key = 'arn:rampart:kms:local:000000000001:key/k'
  const positionals = ['kms:cmk:decrypt', key]
  const code = await policyWhoCanCommand.run(
    { values: { 'data-dir': dir }, positionals },
    { stdin, stdout, stderr, env: {} },
  )
  stdout.end()
  stderr.end()
  const ann = 'arn:rampart:iam::000000000001:user/ann'
  expect(code).toBe(0)
  expect(await said).toEqual([`${ann} if MFA by ${ann}#night.Night\n`, '1 can\n'])
})
