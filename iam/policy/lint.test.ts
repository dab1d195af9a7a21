import { describe, expect, it } from 'vitest'
import { parsePolicy } from './document.ts'
import { lintPolicy } from './lint.ts'
import { compilePolicy } from './statement.ts'

function lints(statement: object): string[] {
  const text = JSON.stringify({
    Version: '5.0',
    Statement: { Effect: 'Allow', Action: 'kms:cmk:encrypt', ...statement },
  })
  return lintPolicy(compilePolicy('p', parsePolicy(text, 'identity'))).map(({ code }) => code)
}
const when = (operator: string, key: string, value: string, effect = 'Allow') => ({
  Effect: effect,
  Condition: { [operator]: { [key]: value } },
})

describe('a lint', () => {
  it.each<[object, string[]]>([
    [{}, []],
    [{ Action: undefined, NotAction: 'iam:*' }, ['allow-not-action']],
    [{ Action: '*' }, ['allow-everything']],
    [{ Action: '*', Resource: 'arn:rampart:kms:*:*:key/*' }, []],
    [{ Action: 'kmz:cmk:encrypt' }, ['unknown-service']],
    [when('ForAllValues:StringEquals', 'g:TagKeys', 'a'), ['for-all-values-of-nothing']],
    [{ Condition: { 'ForAllValues:StringEquals': { 'g:TagKeys': 'a' }, Null: { 'g:TagKeys': 'false' } } }, []],
    [when('StringNotEquals', 'g:ResourceTag/env', 'prod'), ['negated-without-key']],
    [when('StringNotEquals', 'g:ResourceTag/env', 'prod', 'Deny'), []],
    [when('StringLike', 'g:UserName', 'ann'), ['like-without-wildcard']],
    [when('NotIpAddress', 'g:SourceIp', '10.0.0.0/8', 'Deny'), ['not-ip-in-deny']],
    [when('Bool', 'g:MFAPresent', 'false', 'Deny'), ['mfa-in-deny']],
    [when('BoolIfExists', 'g:MFAPresent', 'false', 'Deny'), []],
    [when('StringEquals', 'g:Device', 'kiosk'), ['unknown-key']],
    [when('StringLike', 'aws:UserAgent', 'curl*'), ['caller-controlled-key']],
    [when('StringEquals', 'g:ResourceOwner', '${g:UserName}', 'Deny'), ['variable-without-default']],
    [when('StringEquals', 'g:ResourceOwner', '${g:UserName}'), []],
  ])('of %j is %j', (statement, expected) => {
    expect(lints(statement)).toEqual(expected)
  })

  it('knows its place', () => {
    const text = '{"Version":"5.0",\n "Statement":{"Effect":"Allow",\n  "Action":["kms:cmk:sign","kmz:*"]}}'
    expect(lintPolicy(compilePolicy('p', parsePolicy(text, 'identity')))).toMatchObject([{ line: 3, column: 28 }])
  })
})
