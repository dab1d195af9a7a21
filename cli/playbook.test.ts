import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import type { Command } from './command.ts'
import { playbookLintCommand, playbookRunCommand, playbookTestCommand } from './playbook.ts'

const dir = mkdtempSync(join(tmpdir(), 'rampart-cli-playbook-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const playbook = `playbook: 1
id: block
name: Block
run_as: role/playbook-runner
permissions: [http.request, notify.log]
inputs: {ip: {type: ip, required: true}}
steps:
  - id: block
    action: http.request
    with: {method: POST, url: https://fw.example/blocks, body: {ip: '\${{ inputs.ip }}'}}
    retry: {max: 3, initial: 1s}
    on_error: continue
  - id: settle
    wait: {for: 12h}
  - id: ask
    if: steps.block.status == "failed"
    approval: {title: 'Go on without \${{ inputs.ip }}?', approvers: {any_of: [role/soc]}}
  - id: say
    action: notify.log
    with: {message: 'asked: \${{ steps.ask.status }}'}
outputs:
  blocked: {type: boolean, value: steps.block.status == "succeeded"}
tests:
  - name: blocks
    inputs: {ip: 192.0.2.7}
    mock: {block: {output: {status: 200, headers: {}, body: null}}, say: {output: {message: x, level: info}}}
    expect:
      status: succeeded
      ran: [block]
      not_ran: [ask]
      outputs: {blocked: true}
      calls: {block: {body: {ip: 192.0.2.7}}, say: {message: 'asked: skipped'}}
  - name: asks a person when the firewall does not answer
    inputs: {ip: 192.0.2.7}
    mock: {block: {error: unavailable}, say: {output: {message: x, level: info}}}
    approvals: {ask: reject}
    expect: {status: failed, ran: [block, ask], not_ran: [say]}
`

async function run(command: Command, files: readonly string[], values: Record<string, unknown> = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const positionals = files.map((content, index) => {
    const file = join(dir, `${index}.yml`)
    writeFileSync(file, content)
    return file
  })
  const io = { stdin: new PassThrough(), stdout, stderr, env: {} }
  const code = await command.run({ values: values as never, positionals }, io)
  stdout.end()
  stderr.end()
  return {
    code,
    out: (await text(stdout)).replaceAll(`${dir}/`, ''),
    err: (await text(stderr)).replaceAll(`${dir}/`, ''),
  }
}

describe('rampart playbook lint', () => {
  it('is silent about what is right', async () => {
    expect(await run(playbookLintCommand, [playbook])).toEqual({ code: 0, out: '', err: '' })
  })

  it('says what is wrong with file, line and column, for people and for machines', async () => {
    const wrong = playbook.replace('inputs.ip }}?', 'inputs.up }}?')
    const told = await run(playbookLintCommand, [playbook, wrong])
    expect(told).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^1\.yml:17:\d+: error P014: there is no `up`\n$/),
    })
    const json = JSON.parse((await run(playbookLintCommand, [wrong], { json: true })).out)
    expect(json).toMatchObject({ code: 'P014', severity: 'error', path: '/steps/2/approval/title', line: 17 })
  })
})

describe('rampart playbook test', () => {
  it('runs the tests that stand in the playbook, without waiting and without a network', async () => {
    const told = await run(playbookTestCommand, [playbook])
    expect(told).toEqual({
      code: 0,
      out: '0.yml: ok: blocks\n0.yml: ok: asks a person when the firewall does not answer\n',
      err: '2 passed, 0 failed\n',
    })
  })

  it.each([
    ['status: succeeded', 'status: failed', 'the run succeeded; expected failed'],
    ['not_ran: [ask]', 'not_ran: [block]', '`block` ran: succeeded'],
    ['ran: [block]', 'ran: [ask]', '`ask` did not run: skipped'],
    ['outputs: {blocked: true}', 'outputs: {blocked: false}', 'output `blocked` = true; expected false'],
    ["'asked: skipped'", 'no', '`say` got `message` = "asked: skipped"; expected "no"'],
    ['    approvals: {ask: reject}\n', '', '`ask` asks for approval and `approvals` says nothing of it'],
    [
      'mock: {block: {error: unavailable}',
      'mock: {ask: {error: unavailable}',
      '`block` calls http.request and has no `mock`',
    ],
    ['inputs: {ip: 192.0.2.7}', 'inputs: {ip: x}', 'input `ip` must be an IP address'],
  ])('says what is otherwise than expected: %s → %s', async (from, to, message) => {
    const told = await run(playbookTestCommand, [playbook.replace(from, to)])
    expect(told.code).toBe(1)
    expect(told.out).toContain(`    ${message}`)
  })

  it('does not test what is wrong', async () => {
    expect(await run(playbookTestCommand, ['playbook: 1'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('error'),
    })
  })
})

describe('rampart playbook run', () => {
  it('does not go to the service with what is wrong', async () => {
    const told = await run(playbookRunCommand, ['playbook: 1'], { endpoint: 'http://127.0.0.1:1', token: 'x' })
    expect(told).toMatchObject({ code: 1, err: expect.stringContaining('needs `id`') })
  })

  it.each([
    [[], {}, /give one file/],
    [[playbook, playbook], {}, /give one file/],
    [[playbook], { input: ['ip'] }, /NAME=VALUE/],
  ])('refuses wrong use', async (files, values, message) => {
    await expect(run(playbookRunCommand, files, values)).rejects.toThrow(message)
  })
})
