import { describe, expect, it } from 'vitest'
import { compileFilter } from './filter.ts'

const alert = {
  id: 'a1',
  severity: 'high',
  count: 12,
  owner: null,
  open: true,
  firstSeen: '2024-02-01T09:10:00.000Z',
  entities: { users: ['bob'], hosts: [] },
  techniques: ['T1110', 'T1078'],
  'dotted.name': 'x',
  text: 'Ünïcode 💥',
}

describe('compileFilter', () => {
  it.each([
    ["severity = 'high'", true],
    ["severity = 'HIGH'", false],
    ["severity like 'HI%'", true],
    ["severity in ('low', 'high')", true],
    ["severity not in ('low', 'high')", false],
    ['count > 10 and count <= 12', true],
    ["count = '12'", true],
    ['count between 13 and 20', false],
    ['owner is null', true],
    ["owner = 'me'", false],
    ["not owner = 'me'", false],
    ["owner != 'me' or open", true],
    ['nothing = 1', false],
    ['isnull(nothing)', true],
    ["techniques contains 't1110'", true],
    ["entities.users contains 'bob'", true],
    ["dotted.name = 'x'", true],
    ["firstSeen > '2024-01-31'", true],
    ['length(text) = 9', true],
    ["upper(severity) + '!' = 'HIGH!'", true],
    ["if(count > 5, 'many', 'few') = 'many'", true],
    ["coalesce(owner, severity) = 'high'", true],
    ['count / 5 = 2.4', true],
    ['count % 5 = 2', true],
    ["severity regexp '^h.*h$'", true],
    ["cast(count as string) = '12'", true],
    ['true', true],
    ['null', false],
  ])('%s', (text, expected) => {
    expect(compileFilter(text)(alert)).toBe(expected)
  })

  it('compares instants as such where members are declared', () => {
    const fields = { firstSeen: 'timestamp', severity: 'string' } as const
    const filter = (text: string) => compileFilter(text, { fields, now: Date.UTC(2024, 1, 1, 10) })(alert)
    expect(filter("firstSeen = '2024-02-01T10:10:00+01:00'")).toBe(true)
    expect(filter('firstSeen > now() - interval 1 hour')).toBe(true)
    expect(filter('firstSeen > now() - interval 1 minute')).toBe(false)
    expect(() => filter("firstSeen > 'yesterday'")).toThrow(/this is no timestamp.*line 1, column 13/)
  })

  it('names the nearest where members are declared', () => {
    expect(() => compileFilter("severty = 'high'", { fields: { severity: 'string' } })).toThrow(
      expect.objectContaining({
        code: 'pipeline.query.unknownField',
        status: 422,
        message: 'unknown member `severty`; did you mean `severity`? (line 1, column 1)',
      }),
    )
  })

  it.each([
    ['severity', /a condition is needed|line/],
    ["severity = 'x' | head", /expected an operator or the end, but there is `\|`/],
    ['lenght(severity) > 1', /unknown function `lenght`; did you mean `length`\?/],
    ["md5(severity) = 'x'", /cannot be used in a filter/],
    ["severity regexp '(?=x)'", /look-around cannot run in linear time/],
    ["severity regexp '(a)\\1'", /back-references cannot run in linear time/],
    ["severity regexp '((a{100}){100}){100}'", /invalid repeat count/],
    ["severity regexp 'a{900}b{900}c{900}'", /add up to more than 2000/],
    ["severity regexp '('", /this pattern cannot be used/],
    ['abs(1, 2) = 1', /`abs` takes 1 arguments and here has 2/],
    ['x -> x', /a lambda can only be/],
  ])('refuses %s', (text, message) => {
    if (text === 'severity') expect(compileFilter(text)(alert)).toBe(false)
    else expect(() => compileFilter(text)).toThrow(message)
  })

  it('does not look at members that objects inherit', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty.name']) {
      expect(compileFilter(`isnull(\`${name}\`)`)({})).toBe(true)
    }
    expect(compileFilter('`__proto__` = 1')(JSON.parse('{"__proto__":1}'))).toBe(true)
  })
})
