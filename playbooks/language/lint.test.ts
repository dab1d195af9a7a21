import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { actionSpecs } from '../actions/catalogue.ts'
import { lint } from './lint.ts'
import { formatProblem } from './problem.ts'

/** A right playbook; `replace` makes it wrong in one place. */
const right = `playbook: 1
id: right
name: Right
run_as: role/r
permissions: [http.request, notify.log]
inputs:
  ip: {type: ip, required: true}
  tags: {type: list, items: string, max_items: 3, default: [a]}
vars: {limit: 3, name: x}
triggers:
  - id: hook
    webhook: {path: in, auth: token, dedup: body.key}
    inputs: {ip: '\${{ body.ip }}'}
  - id: made
    alert: {on: [created], where: alert.severity_id > 2}
    throttle: {key: alert.id, per: 1h}
    inputs: {ip: '\${{ alert.entities.ips[0] }}'}
timeout: 1h
steps:
  - id: call
    action: http.request
    with: {method: POST, url: https://fw.example/b, body: {ip: '\${{ inputs.ip }}'}}
    retry: {max: 3, initial: 1s}
  - id: sum
    set: {ok: '\${{ steps.call.output.status == 200 }}', n: 2}
  - id: say
    if: steps.sum.output.ok
    action: notify.log
    with: {message: 'n = \${{ steps.sum.output.n + vars.limit }}'}
  - id: pause
    wait: {for: 5m}
outputs:
  ok: {type: boolean, value: steps.sum.output.ok}
`

function problemsOf(text: string): string[] {
  return lint(text, actionSpecs).problems.map((problem) => formatProblem('f', problem))
}

function wrong(from: string, to: string): string[] {
  if (!right.includes(from)) throw new Error(`${from} is not in the playbook`)
  return problemsOf(right.replace(from, to))
}

describe('the linter', () => {
  it('finds nothing in what is right', () => {
    expect(problemsOf(right)).toEqual([])
    expect(lint(right, actionSpecs).playbook).toMatchObject({ id: 'right', timeoutMs: 3_600_000, runAs: 'r' })
  })

  it.each([
    // YAML
    ['P001', 'name: Right', 'name: {a: b[0]}', /f:3:.*quote expressions/],
    ['P001', 'name: Right', 'name: "Right', /f:\d+:\d+: error P001/],
    ['P002', 'name: Right', 'name: &n Right', /f:3:\d+.*anchors/],
    ['P002', 'name: Right', 'name: !!str Right', /f:3:\d+.*tags/],
    ['P002', 'name: Right', 'name: Right\nname: Wrong', /f:4:1: error P002: `name` is given twice/],
    ['P002', 'vars: {', 'vars: {<<: {a: 1}, ', /merge keys/],
    // Keys
    ['P002', 'timeout: 1h', 'timout: 1h', /f:18:1: error P002: a playbook has no key `timout`; did you mean `timeout`/],
    ['P002', 'timeout: 1h', 'secrets: {k: vault:a#b}', /`secrets` is refused until there is a vault/],
    ['P002', 'timeout: 1h', 'concurrency: {key: x}', /`concurrency` is not supported yet/],
    ['P002', 'timeout: 1h', 'on_failure: keep', /`on_failure` is not supported yet/],
    ['P002', 'auth: token', 'auth: {hmac: secrets.x, header: H}', /`hmac` is refused until there is a vault/],
    ['P002', 'auth: token', 'auth: mtls', /`mtls` is not supported yet/],
    ['P013', 'auth: token', 'auth: none', /without authentication/],
    ['P002', 'on: [created]', 'on: [closed]', /`on: closed` is not supported yet/],
    ['P013', 'on: [created]', 'on: [create]', /did you mean `created`/],
    ['P002', 'wait: {for: 5m}', 'wait: {event: {type: x, correlate: y}}', /`event` is not supported yet/],
    ['P002', 'wait: {for: 5m}', 'foreach: {in: "[1]", as: x}', /`foreach` is not supported yet/],
    ['P002', 'wait: {for: 5m}', 'parallel: {branches: {}}', /`parallel` is not supported yet/],
    ['P002', 'retry: {max: 3, initial: 1s}', 'compensate: []', /f:23:5: error P002: `compensate` is not supported yet/],
    ['P002', 'retry: {max: 3, initial: 1s}', 'idempotency_key: x', /`idempotency_key` is not supported yet/],
    [
      'P002',
      'retry: {max: 3, initial: 1s}',
      'on_error: {when: [auth], do: []}',
      /`on_error: {when, do, then}` is not supported/,
    ],
    ['P002', 'method: POST,', 'method: POST, connection: edge,', /`connection` is not supported yet/],
    ['P002', 'wait: {for: 5m}', 'wait: {for: 5m}\n    retry: {max: 2}', /`retry` belongs to actions/],
    ['P002', '{type: ip, required: true}', '{type: incident}', /`type: incident` is not supported yet/],
    // Steps and their graph
    ['P003', 'id: sum\n    set', 'id: call\n    set', /two steps are called `call`/],
    ['P003', 'wait: {for: 5m}', 'wait: {for: 5m}\n    stop: {}', /one kind, not wait and stop/],
    ['P003', '    wait: {for: 5m}\n', '', /needs one of/],
    ['P004', '  - id: pause\n', '  - id: pause\n    needs: [sayy]\n', /names no step: `sayy`; did you mean `say`/],
    ['P005', '  - id: call\n', '  - id: call\n    needs: [pause]\n', /call -> sum -> say -> pause -> call/],
    [
      'P006',
      'steps.sum.output.ok\n    action',
      'steps.sun.output.ok\n    action',
      /f:27:15: error P006: no step is called `sun`; did you mean `sum`/,
    ],
    ['P006', 'steps.call.output.status == 200', 'steps.say.output.level == "x"', /`say` runs after `sum`/],
    [
      'P006',
      '  - id: sum\n',
      '  - id: sum\n    needs: []\n',
      /`call` is not surely finished before `sum`; add it to its `needs`/,
    ],
    ['P006', 'steps.call.output.status == 200', 'size(steps) > 0', /`steps` alone/],
    ['P006', 'steps.call.output.status == 200', 'steps["call"].status == ""', /`steps` alone/],
    ['P007', 'wait: {for: 5m}', 'set: {x: "${{ steps.say.output.level }}"}', /`say` may have been skipped/],
    [
      'P008',
      '  - id: pause\n',
      '  - id: end\n    stop: {}\n  - id: pause\n',
      /`pause` is never reached: `end` always stops/,
    ],
    // Actions
    ['P009', 'action: http.request', 'action: http.requst', /did you mean `http.request`/],
    ['P013', 'method: POST, ', '', /http.request needs `method`/],
    ['P013', 'method: POST', 'method: FETCH', /must be one of GET/],
    ['P013', 'method: POST', 'methd: POST', /takes no `methd`; did you mean `method`/],
    ['P013', 'url: https://fw.example/b', 'url: 7', /`url` must be string/],
    ['P013', 'max: 3, initial', 'max: 30, initial', /`max` must be a whole number from 1 to 20/],
    ['P013', 'initial: 1s', 'initial: soon', /must be a duration such as/],
    ['P013', 'initial: 1s', 'initial: 1s, on: [auth]', /`auth` is never retried/],
    ['P013', 'default: [a]', 'default: [1]', /the default of `tags` must be text at index 0/],
    ['P013', 'default: [a]', 'default: [a, b, c, d]', /at most 3 items/],
    ['P013', "inputs: {ip: '${{ body.ip }}'}", 'inputs: {}', /gives no input `ip`/],
    ['P013', "inputs: {ip: '${{ body.ip }}'}", 'inputs: {ip: 1.2.3}', /`ip` must be an IP address/],
    ['P013', "inputs: {ip: '${{ body.ip }}'}", "inputs: {up: '${{ body.ip }}'}", /no input `up`; did you mean `ip`/],
    // Expressions
    ['P014', 'alert.severity_id > 2', 'alert.severity > 2', /f:15:\d+: error P014: no such overload: string > int/],
    ['P014', 'alert.severity_id > 2', 'alert.severity_id', /must be bool, and is int/],
    ['P014', 'alert.severity_id > 2', 'alert.severity_id >', /error P014/],
    ['P014', 'alert.severity_id > 2', 'alert.sevrity_id > 2', /f:15:\d+: error P014: there is no `sevrity_id`/],
    ['P014', 'alert.severity_id > 2', '"${{ true }}"', /leave \$\{\{ \}\} away/],
    ['P014', '${{ inputs.ip }}', '${{ inputs.up }}', /f:22:\d+: error P014: there is no `up`/],
    ['P014', '${{ inputs.ip }}', '${{ inputs.ip', /never closed/],
    ['P014', '${{ steps.sum.output.n + vars.limit }}', '${{ inputs.tags }}', /plain values only/],
    ['P014', '${{ steps.sum.output.n + vars.limit }}', '${{ inputs.?ip }}', /\.orValue/],
    ['P014', '${{ steps.sum.output.n + vars.limit }}', '${{ secrets.x }}', /there is no variable `secrets`/],
    ['P014', '${{ steps.sum.output.n + vars.limit }}', '${{ vars.name + 1 }}', /no such overload: string \+ int/],
    ['P015', 'alert.severity_id > 2', 'alert.title.matches("(a+)+$")', /write re\(text, "pattern"\)/],
    ['P015', 'alert.severity_id > 2', `'re(alert.title, "(?=x)")'`, /no RE2 pattern/],
    ['P015', 'alert.severity_id > 2', `'[1].exists(a, [1].exists(b, [1].exists(c, a+b+c > 0)))'`, /more than 2 deep/],
    ['P015', 'alert.severity_id > 2', `'"${'x'.repeat(4100)}" == ""'`, /longer than 4096/],
    ['P015', 'items: string,', 'items: {type: string, pattern: "a(b"},', /no RE2 pattern/],
    // Secrets, rights, time
    ['P017', 'name: x', 'name: AKIAIOSFODNN7EXAMPLE', /looks like an AWS access key/],
    ['P017', 'body: {ip', "headers: {authorization: 'Bearer abcdefghijklmnopqrstuvwxyz'}, body: {ip", /a bearer token/],
    ['P017', 'name: x', 'api_key: "0123456789"', /the value of `api_key`/],
    ['P018', 'permissions: [http.request, notify.log]', 'permissions: [http.request]', /lacks `notify.log`/],
    [
      'P018',
      'permissions: [http.request',
      'permissions: [cases.alert.update, http.request',
      /warning P018.*never used/,
    ],
    ['P018', 'run_as: role/r', 'run_as: admin', /must be role\/<name>/],
    ['P021', 'wait: {for: 5m}', 'approval: {title: x, approvers: {any_of: []}}', /nobody may approve/],
    ['P021', 'wait: {for: 5m}', 'approval: {title: x, approvers: {any_of: [user/a], count: 2}}', /2 distinct people/],
    ['P021', 'wait: {for: 5m}', 'approval: {title: x, approvers: {any_of: [ann]}}', /user\/<name> or role\/<name>/],
    [
      'P022',
      'wait: {for: 5m}',
      'wait: {for: 2h}',
      /f:18:10: error P022: the waits alone take 2h, and the run may take 1h/,
    ],
  ] as const)('%s: %s → %s', (code, from, to, text) => {
    const problems = wrong(from, to)
    const found = problems.filter((problem) => problem.includes(` ${code}: `))
    expect(found.join('\n'), problems.join('\n')).toMatch(text)
  })

  it('P011: refuses what would start itself for ever, unless it is throttled', () => {
    const itself = (throttle: string) => `playbook: 1
id: loop
name: Loop
run_as: role/r
permissions: [cases.alert.update]
inputs: {alert: {type: uuid, required: true}}
triggers:
  - id: changed
    alert: {on: [updated]}
${throttle}    inputs: {alert: '\${{ alert.id }}'}
steps:
  - id: take
    action: cases.alert.update
    with: {alert: '\${{ inputs.alert }}', comment: seen}
`
    expect(problemsOf(itself(''))).toEqual([expect.stringMatching(/f:8:5: error P011: .*start itself/)])
    expect(problemsOf(itself('    throttle: {key: alert.id, per: 1h}\n'))).toEqual([])
  })

  it.each([
    [
      'a condition that asks for the status',
      "if: steps.say.status == 'succeeded'\n    set: {x: '${{ steps.say.output.level }}'}",
    ],
    ['the same condition', "if: steps.sum.output.ok\n    set: {x: '${{ steps.say.output.level }}'}"],
    ['an optional', `set: {x: '\${{ steps.say.?output.level.orValue("") }}'}`],
    ['a status in the expression', `set: {x: '\${{ steps.say.status == "succeeded" ? steps.say.output.level : "" }}'}`],
  ])('P007: is content with %s as a guard', (_, guard) => {
    expect(wrong('wait: {for: 5m}', guard)).toEqual([])
  })

  it('tells everything that is wrong at once, in the order of the text', () => {
    const text = right
      .replace('timeout: 1h', 'timeout: 1 hour')
      .replace('vars.limit', 'vars.limt')
      .replace('name: Right', 'nmae: Right')
    expect(problemsOf(text)).toEqual([
      expect.stringContaining('f:1:1: error P013: a playbook needs `name`'),
      expect.stringContaining('f:3:1: error P002'),
      expect.stringContaining('f:18:10: error P013'),
      expect.stringContaining('f:29:'),
    ])
  })

  it('points into texts of several lines', () => {
    const folded = right.replace('where: alert.severity_id > 2', 'where: "alert.count > 1 &&\n      alert.nope"')
    expect(problemsOf(folded)[0]).toMatch(/^f:15:\d+: error P014: there is no `nope`/)
  })

  describe('on hostile texts', () => {
    it.each([
      ['nested lists', '['.repeat(15_000)],
      ['nested maps', '{a: '.repeat(15_000)],
      ['nested dashes', '- '.repeat(60_000)],
      ['more nesting than there may be', '['.repeat(100_000)],
      ['too many bytes', 'a'.repeat(300_000)],
      ['many keys', Array.from({ length: 12_000 }, (_, index) => `k${index}: 1`).join('\n')],
      ['many steps', `playbook: 1\nsteps:\n${'  - {id: a, set: {}}\n'.repeat(2000)}`],
      ['nothing', ''],
      ['nul', '\u0000'],
      ['only a comment', '# x'],
      ['two documents', 'a: 1\n---\nb: 1'],
      ['an alias bomb', 'a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]'],
      ['a directive', '%YAML 1.1\n---\na: yes'],
      ['a deep expression', right.replace('alert.severity_id > 2', `${'('.repeat(500)}true${')'.repeat(500)}`)],
      ['__proto__', right.replace('limit: 3', '__proto__: {a: 1}')],
      ['prototype members as names', right.replaceAll('sum', 'constructor').replaceAll('vars.limit', 'vars.toString')],
    ])('says what is wrong: %s', (_, text) => {
      const { playbook, problems } = lint(text, actionSpecs)
      if (playbook === undefined) expect(problems.length).toBeGreaterThan(0)
      expect(problems.length).toBeLessThanOrEqual(101)
    })
  })

  const examples = new URL('../../content/demo/playbooks/', import.meta.url)
  it.each(readdirSync(examples))('finds nothing in the example %s', (file) => {
    expect(problemsOf(readFileSync(new URL(file, examples), 'utf8'))).toEqual([])
  })
})
