import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Command } from './command.ts'
import { configCheckCommand, configShowCommand } from './config.ts'

const dir = mkdtempSync(join(tmpdir(), 'rampart-cli-config-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const file = join(dir, 'rampart.yaml')

async function run(command: Command, given: { yaml?: string; env?: Record<string, string>; json?: boolean }) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  writeFileSync(file, given.yaml ?? '')
  const values = { config: file, json: given.json ?? false }
  const code = await command.run({ values, positionals: [] }, { stdin, stdout, stderr, env: given.env ?? {} })
  stdout.end()
  stderr.end()
  return { code, stdout: await text(stdout), stderr: await text(stderr) }
}

describe('config check', () => {
  it('accepts a good file and passes warnings on', async () => {
    const said = await run(configCheckCommand, { yaml: 'otlp: {port: 4318}\n', env: { RAMPART_TYPO: '1' } })
    expect(said.code).toBe(0)
    expect(said.stderr).toContain('RAMPART_TYPO: unknown variable')
    expect(said.stderr).toContain('`otlp.port`')
  })

  it('throws for a bad one, naming place and nearest key', async () => {
    const error = await run(configCheckCommand, { yaml: 'http:\n  hots: x\n' }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({
      code: 'platform.config.invalid',
      errors: [{ path: 'rampart.yaml:2:3', message: 'unknown key `http.hots`; did you mean `http.host`?' }],
    })
  })

  it('tells a machine the same as JSON, with exit code 1', async () => {
    const said = await run(configCheckCommand, { yaml: 'http:\n  hots: x\n', json: true })
    expect(said.code).toBe(1)
    expect(JSON.parse(said.stdout)).toMatchObject({ ok: false, errors: [{ path: 'rampart.yaml:2:3' }] })
  })
})

describe('config show', () => {
  const given = { yaml: 'http:\n  port: 0\n', env: { RAMPART_DATABASE_URL: 'postgres://u:hunter2@db/rampart' } }

  it('prints a configuration file that says where each value came from, without the secrets', async () => {
    const { stdout } = await run(configShowCommand, given)
    expect(stdout).toContain('  port: 0 # rampart.yaml:2:3\n')
    expect(stdout).toContain('  host: "127.0.0.1" # default\n')
    expect(stdout).toContain('  url: "postgres://***:***@db/rampart" # RAMPART_DATABASE_URL\n')
    expect(stdout).not.toContain('hunter2')
    expect(parse(stdout)).toMatchObject({ http: { port: 0 }, syslog: { tcp_port: 5514 }, roles: expect.any(Array) })
  })

  it('prints the same as JSON', async () => {
    const [yaml, json] = [await run(configShowCommand, given), await run(configShowCommand, { ...given, json: true })]
    expect(JSON.parse(json.stdout)).toEqual(parse(yaml.stdout))
  })
})
