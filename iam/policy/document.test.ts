import { describe, expect, it } from 'vitest'
import { RampartError } from '../../platform/index.ts'
import { type PolicyKind, parsePolicy } from './document.ts'
import { compilePolicy } from './statement.ts'

/** Every problem of a document as `line:column message`. */
function problems(text: string, kind: PolicyKind = 'identity'): string[] {
  try {
    compilePolicy('p', parsePolicy(text, kind))
    return []
  } catch (error) {
    if (!(error instanceof RampartError)) throw error
    expect(error).toMatchObject({ code: 'iam.policy.malformed', status: 400 })
    return error.errors.map(({ path, message }) => `${path} ${message}`)
  }
}

const allow = (more: object) =>
  JSON.stringify({ Version: '5.0', Statement: { Effect: 'Allow', Action: 'a:b:c', ...more } })
const when = (operator: string, values: unknown, key = 'g:UserName') =>
  allow({ Condition: { [operator]: { [key]: values } } })

describe('a policy document', () => {
  it('may be as small as this, and as the older version has it', () => {
    expect(problems('{"Version":"5.0","Statement":{"Effect":"Allow","Action":"*"}}')).toEqual([])
    expect(
      problems('{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["s3:Get*"],"Resource":"*"}]}'),
    ).toEqual([])
  })

  it.each<[string, string, string]>([
    [
      'a duplicate member',
      '{"Version":"5.0",\n "Statement":{"Effect":"Deny","Effect":"Allow","Action":"*"}}',
      '2:31 member `Effect` appears twice',
    ],
    [
      'a duplicate behind an escape',
      '{"Version":"5.0","Statement":{"Effect":"Deny","\\u0045ffect":"Allow","Action":"*"}}',
      '1:47 member `Effect` appears twice',
    ],
    ['a trailing comma', '{"Version":"5.0",}', '1:18 expected a member name in double quotes, found `}`'],
    ['text after the end', '{"Version":"5.0"} x', '1:19 expected the end of the document, found `x`'],
    ['a number JSON has not', '{"Version":NaN}', '1:12 expected a value, found `N`'],
    ['half a surrogate pair', '{"Version":"\\ud800"}', '1:12 this string holds half of a surrogate pair'],
    ['a control character', '{"Version":"5\n.0"}', '1:14 a control character in a string must be escaped'],
    ['depth', '[[[[[[[[[1]]]]]]]]]', '1:9 nested deeper than 8 levels'],
    ['an unclosed string', '{"Version', '1:2 the string that starts here has no end'],
    ['nothing', '', '1:1 expected a value, found the end'],
    ['another version', '{"Version":"2008-10-17","Statement":[]}', '1:12 Version must be "5.0" or "2012-10-17"'],
    [
      'a member it does not know',
      '{"Version":"5.0","Statements":[]}',
      '1:18 the policy has no member `Statements`; did you mean `Statement`?',
    ],
  ])('is refused for %s, with its place', (_, text, problem) => {
    expect(problems(text)).toContain(problem)
  })

  it.each<[string, object | string, string]>([
    ['an empty list', allow({ Action: [] }), 'the list is empty'],
    ['null', allow({ Resource: null }), 'expected a string, found `null`'],
    ['Action with NotAction', allow({ NotAction: 'x:y:z' }), 'Action or NotAction, not both'],
    ['a Principal', allow({ Principal: '*' }), 'Principal has no place'],
    ['a Sid with other letters', allow({ Sid: 'а' }), 'Sid must be'],
    ['an action without a colon', allow({ Action: 'decrypt' }), 'form service:type:operation'],
    ['a resource of five fields', allow({ Resource: 'arn:rampart:kms:local:*' }), 'six fields'],
    ['17 stars', allow({ Resource: `arn:rampart:kms:local:1:${'a*'.repeat(17)}` }), '17 `*`'],
    ['a pattern of 513 characters', allow({ Action: `a:b:${'c'.repeat(509)}` }), 'longer than 512'],
    ['501 actions', allow({ Action: Array.from({ length: 501 }, (_, i) => `a:b:${i}`) }), '501 entries'],
    [
      '201 statements',
      JSON.stringify({ Version: '5.0', Statement: new Array(201).fill({ Effect: 'Deny', Action: '*' }) }),
      '201 statements',
    ],
    [
      '10,241 characters',
      allow({ Action: Array.from({ length: 500 }, (_, i) => `a:b:${'c'.repeat(15)}${i}`) }),
      'at most 10240',
    ],
    ['65 KiB', ' '.repeat(65 * 1024) + allow({}), 'larger than 65536 bytes'],
    ['an unknown operator', when('StringLik', 'a'), 'did you mean `StringLike`?'],
    ['a key that is none', when('StringEquals', 'a', '__proto__'), 'is not a context key'],
    ['a bad number', when('NumericEquals', 'ten'), 'not a decimal number'],
    ['16 digits', when('NumericEquals', '1234567890123456'), 'at most 15 digits'],
    ['a bad date', when('DateEquals', '2026-02-30'), 'RFC 3339'],
    ['a bad range', when('IpAddress', '10.0.0.0/33'), 'CIDR'],
    ['a zone id', when('IpAddress', 'fe80::1%eth0'), 'CIDR'],
    ['a bad boolean', when('Bool', 'yes'), 'neither `true` nor `false`'],
    ['Null IfExists', when('NullIfExists', 'true'), 'takes neither'],
    ['a bad window', when('TimeBetween', '25:00-26:00'), 'not a window'],
    ['a zone nobody knows', when('TimeBetween', '01:00-02:00@Mars/Olympus'), 'IANA'],
    ['an unclosed variable', allow({ Resource: 'arn:rampart:a:b:c:${g:UserName' }), 'without its'],
    ['a variable of many values', allow({ Resource: 'arn:rampart:a:b:c:${g:Groups}' }), 'many values'],
    [
      'one key in two cases',
      allow({ Condition: { StringEquals: { 'g:UserName': 'a', 'g:USERNAME': 'b' } } }),
      'appears twice',
    ],
  ])('is refused for %s', (_, text, problem) => {
    expect(problems(text as string).join('\n')).toContain(problem)
  })

  it('is not refused for `__proto__` by an accident of objects', () => {
    expect(problems(when('StringEquals', 'a', 'k:__proto__'))).toEqual([])
    expect(problems(allow({}).replace('"Effect"', '"__proto__":{},"Effect"'))[0]).toContain('no member `__proto__`')
  })

  it('refuses a Deny that would fail open for want of a variable, unless it has a default', () => {
    const deny = (resource: string) => allow({ Effect: 'Deny', Resource: `arn:rampart:obs:*:*:home/${resource}` })
    expect(problems(deny('${g:UserName}'))[0]).toContain('fail open')
    expect(problems(deny("${g:UserName, 'none'}"))).toEqual([])
    const allowNot = allow({ NotResource: 'arn:rampart:obs:*:*:home/${g:UserName}' })
    expect(problems(allowNot)[0]).toContain('fail open')
  })

  it('has the grammar of what it is attached as', () => {
    expect(problems(allow({}), 'resource')[0]).toContain('needs Principal')
    expect(problems(allow({ Principal: { IAM: '000000000001' } }), 'resource')).toEqual([])
    expect(problems(allow({ Principal: { IAM: 'ann' } }), 'resource')[0]).toContain('names no account')
    expect(problems(allow({ Principal: { Somebody: 'ann' } }), 'resource')[0]).toContain('no member `Somebody`')
    expect(problems(when('StringEquals', 'a'), 'guardrail')[0]).toContain('takes no Condition')
    expect(problems('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b:c"}}')[0]).toContain(
      'needs Resource',
    )
  })

  it('lists every problem at once', () => {
    expect(problems(allow({ Effect: 'allow' })).length).toBe(1)
    expect(problems(allow({ Sid: '-', Action: ['x', 'y'], Principal: '*' })).length).toBe(4)
  })
})
