import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { sharedData } from '../test/support/requirements.ts'
import type { Command } from './command.ts'
import { policyDecideCommand, policyExplainCommand, policyLintCommand } from './policy.ts'

const dir = mkdtempSync(join(tmpdir(), 'rampart-cli-policy-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const authz = sharedData('authz')

function file(name: string, content: string): string {
  writeFileSync(join(dir, name), content)
  return join(dir, name)
}

async function run(command: Command, values: Record<string, string | boolean>, positionals: string[] = []) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const said = Promise.all([text(stdout), text(stderr)])
  const code = await command.run({ values, positionals }, { stdin, stdout, stderr, env: {} })
  stdout.end()
  stderr.end()
  const [out, err] = await said
  return { code, stdout: out, stderr: err }
}

const document =
  '{"Version":"5.0","Statement":[{"Sid":"Night","Effect":"Allow","Action":"ecs:server:stop","Condition":{"Bool":{"g:MFAPresent":"true"}}}]}'
const small = () => ({
  policies: file('policies.ndjson', `{"id":"p1","document":${document}}\n`),
  users: file('users.ndjson', '{"id":"ann","groups":[],"policies":["p1"]}\n'),
  requests: file(
    'requests.ndjson',
    '{"id":"r1","principal":"ann","action":"ecs:server:stop","resource":"arn:rampart:ecs:local:1:server/x","context":{}}\n',
  ),
})

describe.skipIf(!authz)('policy decide (needs ../shared/data/authz)', () => {
  it.each(['native', 'casbin'])('agrees with Cedar and OPA on every request, by %s', async (engine) => {
    const path = (name: string) => `${authz}/${name}.ndjson.gz`
    const said = await run(policyDecideCommand, {
      policies: path('policies'),
      groups: path('groups'),
      users: path('users'),
      requests: path('requests'),
      engine,
    })
    expect(said.code).toBe(0)
    expect(said.stderr).toMatch(/^4,000 decisions in .* a second\n$/)
    const expected = gunzipSync(readFileSync(path('expected'))).toString('utf8')
    expect(said.stdout.split('\n')).toEqual(expected.split('\n'))
  })
})

describe('policy decide', () => {
  it('names the file and line of a request that is none', async () => {
    const given = { ...small(), requests: file('bad.ndjson', '\n{"id":"r1"}\n') }
    await expect(run(policyDecideCommand, given)).rejects.toThrow('bad.ndjson, line 2: a request has principal')
  })

  it('names the policy that is malformed, a duplicate member among them', async () => {
    const twice = document.replace('"Effect"', '"Effect":"Deny","Effect"')
    const given = { ...small(), policies: file('twice.ndjson', `{"id":"p1","document":${twice}}\n`) }
    await expect(run(policyDecideCommand, given)).rejects.toThrow('twice.ndjson, line 1: member `Effect` appears twice')
  })

  it('refuses a file that is not there by its name', async () => {
    await expect(run(policyDecideCommand, { ...small(), users: '/nowhere' })).rejects.toThrow('cannot read `/nowhere`')
  })
})

describe('policy explain', () => {
  it('says which condition failed, with what was wanted and seen', async () => {
    const people = await run(policyExplainCommand, small())
    expect(people.stdout).toBe(
      `${[
        'ann may not ecs:server:stop on arn:rampart:ecs:local:1:server/x: implicitDeny',
        'identity: nothing matches',
        '  nearly Allow p1.Night',
        '    Bool g:MFAPresent: wanted true, seen nothing',
        'try step-up: mfa',
      ].join('\n')}\n`,
    )
    const said = await run(policyExplainCommand, { ...small(), json: true })
    expect(JSON.parse(said.stdout)).toMatchObject({
      id: 'r1',
      decision: 'implicitDeny',
      decidedBy: 'identity',
      layers: [
        {
          layer: 'identity',
          result: 'none',
          nearest: [
            { statement: 'p1.Night', failed: [{ op: 'Bool', key: 'g:MFAPresent', want: ['true'], got: null }] },
          ],
        },
      ],
      missing: ['g:MFAPresent'],
      suggest: ['step-up: mfa'],
    })
  })

  it('fails for an id that no request has', async () => {
    expect(await run(policyExplainCommand, { ...small(), id: 'r2' })).toMatchObject({ code: 1 })
  })
})

describe('policy lint', () => {
  it('names errors and lints by place, and fails only for errors', async () => {
    const odd = file('odd.json', document.replace('"ecs:server:stop"', '"kmz:x:y"'))
    expect(await run(policyLintCommand, {}, [odd])).toMatchObject({
      code: 0,
      stdout: `${odd}:1:72: lint unknown-service: no service is called \`kmz\`\n`,
    })
    const bad = file('bad.json', document.replace('"Allow"', '"allow"'))
    const said = await run(policyLintCommand, { json: true }, [bad])
    expect(said.code).toBe(1)
    expect(JSON.parse(said.stdout)).toMatchObject({ level: 'error', line: 1, column: 55 })
  })
})
