import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { policyAnalyzeCommand } from './policy-analyze.ts'
import { policyDiffCommand } from './policy-diff.ts'

const dir = mkdtempSync(join(tmpdir(), 'rampart-cli-diff-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const document = (...statements: object[]) =>
  JSON.stringify({ Version: '5.0', Statement: statements.map((one) => ({ Effect: 'Allow', ...one })) })

async function diff(before: string, after: string, values: Record<string, string | boolean> = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const positionals = ['old.json', 'new.json'].map((name) => join(dir, name))
  writeFileSync(positionals[0] ?? '', before)
  writeFileSync(positionals[1] ?? '', after)
  const said = text(stdout)
  const code = await policyDiffCommand.run(
    { values: { kind: 'identity', ...values }, positionals },
    { stdin, stdout, stderr, env: {} },
  )
  stdout.end()
  return { code, lines: (await said).split('\n').filter(Boolean) }
}

const get = { Action: 'siem:rule:get', Resource: '*' }
const whole = document({ Action: 'siem:rule:*', Resource: '*' })

describe('policy diff', () => {
  it('fails on new access, unless it is let', async () => {
    const said = { lines: ['+ siem:rule:* but siem:rule:get on * (before: no)'] }
    expect(await diff(document(get), whole)).toEqual({ code: 1, ...said })
    expect(await diff(document(get), whole, { 'allow-new-access': true })).toEqual({ code: 0, ...said })
    expect(await diff(whole, document(get))).toEqual({
      code: 0,
      lines: ['- siem:rule:* but siem:rule:get on * (after: no)'],
    })
    expect(await diff(whole, document(get, { Action: 'siem:rule:*' }))).toEqual({ code: 0, lines: [] })
  })

  const when = (operator: string, key: string, value: string) =>
    document({ ...get, Condition: { [operator]: { [key]: value } } })
  it.each([
    ['NumericLessThan', 'k:n', '5', '6'],
    ['NumericGreaterThanEquals', 'k:n', '5', '4.5'],
    ['DateLessThan', 'g:CurrentTime', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    ['TimeBetween', 'g:TimeOfDay', '00:00-04:00@Asia/Shanghai', '00:00-04:01@Asia/Shanghai'],
    ['TimeBetween', 'g:TimeOfDay', '22:00-02:00', '21:00-02:00'],
    ['IpAddress', 'g:SourceIp', '10.0.0.0/9', '10.0.0.0/8'],
    ['IpAddress', 'g:SourceIp', '2001:db8::/33', '2001:db8::/32'],
    ['NotIpAddress', 'g:SourceIp', '10.0.0.0/8', '10.0.0.0/9'],
    ['StringLike', 'k:s', 'ab*', 'a*'],
    ['StringEqualsIgnoreCase', 'k:s', 'ab', 'a'],
    ['ArnLike', 'g:PrincipalArn', 'arn:rampart:iam::000000000001:user/a', 'arn:rampart:iam::000000000001:user/*'],
    ['StringEquals', 'k:s', 'a', '${k:t}'],
  ])('sees a wider %s on %s: %s to %s', async (operator, key, narrow, wide) => {
    const [before, after] = [when(operator, key, narrow), when(operator, key, wide)]
    expect((await diff(before, after)).lines.map((line) => line.slice(0, 20))).toContain('+ siem:rule:get on *')
    expect((await diff(before, before)).lines).toEqual([])
  })

  it('knows a condition that takes away from one that gives', async () => {
    const mfa = when('Bool', 'g:MFAPresent', 'true')
    expect(await diff(document(get), mfa)).toEqual({ code: 0, lines: ['- siem:rule:get on * (after: if MFA)'] })
    expect(await diff(mfa, document(get))).toEqual({ code: 1, lines: ['+ siem:rule:get on * (before: if MFA)'] })
  })

  it('lists first what lets its holder get more', async () => {
    const { lines } = await diff(document(get), document(get, { Action: 'a:b:c' }, { Action: 'iam:user:attachPolicy' }))
    expect(lines).toEqual(['+ iam:user:attachpolicy on * (before: no)', '+ a:b:c on * (before: no)'])
  })

  it('compares whom a trust policy names', async () => {
    const trust = (...names: string[]) => document({ Action: 'sts:role:assume', Principal: { IAM: names } })
    const [one, two] = ['000000000001', 'arn:rampart:iam::000000000002:user/*']
    const said = await diff(trust(one), trust(one, two), { kind: 'trust', json: true })
    expect(said.code).toBe(1)
    expect(JSON.parse(said.lines.join('\n')).gains).toMatchObject([{ action: 'sts:role:assume', principals: [two] }])
  })
})

describe('policy analyze', () => {
  it('names the place of each finding, and fails from a severity on', async () => {
    const file = join(dir, 'wide.json')
    writeFileSync(file, document({ Sid: 'All', Action: '*', Resource: '*' }, { Sid: 'Get', ...get }))
    const analyze = async (values: Record<string, string | boolean>) => {
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
      const said = text(stdout)
      const options = { kind: 'identity', 'fail-on': 'high', ...values }
      const code = await policyAnalyzeCommand.run(
        { values: options, positionals: [file] },
        { stdin, stdout, stderr, env: {} },
      )
      stdout.end()
      return { code, lines: (await said).split('\n').filter(Boolean) }
    }
    const { code, lines } = await analyze({})
    expect(code).toBe(1)
    expect(lines).toEqual([
      `${file}:1:31: high everything-allowed All: allows every action on everything; name the actions and resources that are needed`,
      expect.stringMatching(/: low statement-redundant Get: says nothing that .*\.All does not say; remove it$/),
    ])
    expect((await analyze({ 'fail-on': 'critical' })).code).toBe(0)
    expect(JSON.parse((await analyze({ json: true })).lines[0] ?? '')).toMatchObject({ code: 'everything-allowed' })
  })
})
