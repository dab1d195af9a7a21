import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { RampartError } from '../base/errors.ts'
import { describeConfig } from './describe.ts'
import { type LoadOptions, loadConfig } from './load.ts'
import { configKeys } from './schema.ts'

const dir = mkdtempSync(join(tmpdir(), 'rampart-config-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function file(text: string): string {
  const path = join(dir, 'rampart.yaml')
  writeFileSync(path, text)
  return path
}

const load = (options: LoadOptions) => loadConfig({ env: {}, ...options })

function problemOf(options: LoadOptions): string {
  try {
    load(options)
  } catch (error) {
    if (error instanceof RampartError) {
      const rows = error.errors.map(({ path, message }) => `${path}: ${message}`)
      return `${error.code} ${rows.length > 0 ? rows.join('\n') : error.message}`
    }
    throw error
  }
  return 'accepted'
}

describe('defaults', () => {
  it('are those of the contract, with parts that are not built switched off in silence', () => {
    const { config, warnings } = load({})
    expect(warnings).toEqual([])
    expect(config).toEqual({
      dataDir: resolve('./data'),
      http: { host: '127.0.0.1', port: 8080, trustedProxies: [] },
      syslog: { tcpPort: 5514, udpPort: 5514, tlsPort: -1 },
      fluent: { port: -1 },
      beats: { port: -1 },
      otlp: { port: -1 },
      log: {},
      store: {},
      database: {},
      hsm: [],
      detection: { correlationMemoryMb: 384, correlationDiskMb: 8192 },
      enrichment: { databases: [] },
      playbooks: { egressAllow: [] },
      roles: ['api', 'collector', 'processor', 'playbooks'],
    })
  })

  it('stand in the schema, with a description for every key', () => {
    for (const key of configKeys) expect(key.schema.description, key.path).toMatch(/\.$/)
    expect(new Set(configKeys.map((key) => key.env)).size).toBe(configKeys.length)
  })
})

describe('a file', () => {
  it('sets keys, and what it leaves out or empty keeps its default', () => {
    const { config } = load({
      file: file('http:\n  port: 0\nsyslog:\nplaybooks:\n  egress_allow:\nroles: [api]\ndata_dir: /var/lib/x\n'),
    })
    expect(config.http).toEqual({ host: '127.0.0.1', port: 0, trustedProxies: [] })
    expect(config.syslog.tcpPort).toBe(5514)
    expect(config.roles).toEqual(['api'])
    expect(config.dataDir).toBe('/var/lib/x')
  })

  it.each([
    ['http:\n  prot: 1\n', 'rampart.yaml:2:3: unknown key `http.prot`; did you mean `http.port`?'],
    ['htpp:\n  port: 1\n', 'rampart.yaml:1:1: unknown key `htpp`; did you mean `http`?'],
    ['port: 1\n', 'rampart.yaml:1:1: unknown key `port`'],
    ['__proto__: {a: 1}\n', 'rampart.yaml:1:1: unknown key `__proto__`'],
    ['http:\n  port: 70000\n', 'rampart.yaml:2:3: `http.port` must be an integer from -1 to 65535'],
    [
      'http:\n  port: "80"\n',
      '`http.port` must be an integer from -1 to 65535 (port; 0 = any free one, -1 = off), not `"80"`',
    ],
    ['http:\n  port: 80\n  port: 81\n', 'rampart.yaml:3:3: Map keys must be unique'],
    ['http: 80\n', 'rampart.yaml:1:7: `http` must be a map of keys'],
    ['- a\n', 'rampart.yaml:1:1: the file must be a map of keys'],
    ['http: {port: a.b[0]\n', 'platform.config.invalid rampart.yaml:'],
    ['roles: [api, cook]\n', '`roles`, item 1: must be equal to one of the allowed values'],
    ['roles: [api, api]\n', '`roles` must be a list of api, collector, processor, playbooks, each once'],
    ['roles: []\n', '`roles` must be a list of'],
    ['hsm:\n  - module: /a.so\n', '`hsm`, item 0: must have required properties pin_file'],
    ['hsm: [{module: /a.so, pin_file: p}]\n', '`hsm` item 0 must have either `slot` or `token_label`'],
    ['hsm: [{module: /a.so, pin_file: p, slot: 1, token_label: t}]\n', '`hsm` item 0 must have either'],
    ['http: {public_url: "ftp://a"}\n', '`http.public_url` must be an http:// or https:// URL'],
    ['http: {trusted_proxies: ["10.0.0.1", "proxy.example"]}\n', '`http.trusted_proxies` has `"proxy.example"`'],
    ['http: {trusted_proxies: ["0.0.0.0/0"]}\n', '`http.trusted_proxies` has `"0.0.0.0/0"`'],
    ['http: {public_url: "https://a/"}\n', '`http.public_url` must not end in `/`'],
    ['http: {host: "1.2.3"}\n', '`http.host` must be an IP address or a host name'],
    ['http: {port: 9}\nsyslog: {tcp_port: 9}\n', '`syslog.tcp_port` and `http.port` are both 9'],
    ['playbooks: {egress_allow: ["a b"]}\n', '`playbooks.egress_allow` has `"a b"`'],
  ])('%j is refused', (text, problem) => {
    expect(problemOf({ file: file(text) })).toContain(problem)
  })

  it('is refused with every problem it has', () => {
    const problem = problemOf({ file: file('http:\n  prot: 1\n  port: x\nrole: [api]\n') })
    expect(problem.split('\n')).toHaveLength(3)
  })

  it('that is not there is named', () => {
    expect(problemOf({ file: join(dir, 'none.yaml') })).toMatch(/^platform\.config\.unreadable .*none\.yaml/)
  })

  it('may be anything and only ever gives a RampartError', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.string({ unit: fc.constantFrom(...'htp: \n-[]{}&*a"|>#!') })),
        (text) => {
          expect(() => problemOf({ file: file(text) })).not.toThrow()
        },
      ),
    )
  })
})

describe.each([
  'localhost',
  'localhost:80',
  '*.example.com',
  '*.example.com:443',
  '10.0.0.0/8',
  '10.0.0.0/8:443',
  '::1',
  '[::1]:80',
  'fd00::/8',
  '[fd00::]/8:443',
])('the egress entry %s', (entry) => {
  it('is accepted', () => {
    expect(load({ overrides: { 'playbooks.egress_allow': [entry] } }).config.playbooks.egressAllow).toEqual([entry])
  })
})

describe('the environment', () => {
  it('goes before the file and options before it, each named as the source', () => {
    const loaded = load({
      file: file('http: {host: "::1", port: 1}\nsyslog: {tcp_port: 2}\n'),
      env: { RAMPART_HTTP_PORT: '3', RAMPART_SYSLOG_TCP_PORT: '4' },
      overrides: { 'http.port': '5' },
    })
    expect(loaded.config.http).toEqual({ host: '::1', port: 5, trustedProxies: [] })
    const sources = Object.fromEntries(describeConfig(loaded).map(({ path, source }) => [path, source]))
    expect(sources).toMatchObject({
      data_dir: 'default',
      'http.host': 'rampart.yaml:1:8',
      'http.port': '--http-port',
      'syslog.tcp_port': 'RAMPART_SYSLOG_TCP_PORT',
    })
  })

  it.each([
    ['api,processor', ['api', 'processor']],
    [' api , processor ,', ['api', 'processor']],
    ['["api"]', ['api']],
  ])('takes the list %j', (text, expected) => {
    expect(load({ env: { RAMPART_ROLES: text } }).config.roles).toEqual(expected)
  })

  it('warns of a variable of ours that is none, naming the nearest, and goes on', () => {
    const { warnings } = load({ env: { RAMPART_HTTP_PROT: '1', RAMPART_REQUIRE_DATA: '1', OTHER: 'x' } })
    expect(warnings).toEqual(['RAMPART_HTTP_PROT: unknown variable; did you mean `RAMPART_HTTP_PORT`? (ignored)'])
  })

  it.each([
    [{ RAMPART_HTTP_PORT: 'x' }, 'RAMPART_HTTP_PORT: `http.port` must be an integer'],
    [{ RAMPART_ROLES: '[api' }, 'RAMPART_ROLES: `roles` starts like a JSON list and is not one'],
    [{ RAMPART_DATABASE_URL: 'mysql://u:hunter2@h/d' }, 'must be a URL of the form postgres://host:port'],
  ])('%j is refused', (env, problem) => {
    const said = problemOf({ env })
    expect(said).toContain(problem)
    expect(said).not.toContain('hunter2')
  })

  it('that sets a variable to nothing says nothing', () => {
    expect(load({ env: { RAMPART_HTTP_PORT: '', RAMPART_ROLES: '' } }).config.http.port).toBe(8080)
  })
})

describe('parts that are not built', () => {
  it('take their port in silence only when it is -1', () => {
    const off = load({ file: file('fluent: {port: -1}\nsyslog: {tls_port: -1}\n') })
    expect(off.warnings).toEqual([])
    const on = load({ file: file('fluent: {port: 24224}\nbeats: {port: 0}\n') })
    expect(on.warnings).toHaveLength(2)
    expect(on.warnings[0]).toContain('rampart.yaml:1:10: `fluent.port`: this part is not built')
    expect(on.config.fluent.port).toBe(-1)
  })

  it.each([
    ['log: {url: "kafka://localhost:9092"}', '`log.url` is not built'],
    ['store: {url: "opensearch://localhost:9200"}', '`store.url` is not built'],
    ['hsm: [{module: /x.so, slot: 0, pin_file: /pin}]', '`hsm` is not built'],
  ])('refuse %s, because running embedded would put data elsewhere', (text, problem) => {
    expect(problemOf({ file: file(text) })).toContain(problem)
  })
})

describe('a secret', () => {
  const env = { RAMPART_DATABASE_URL: 'postgres://rampart:hunter2@db:5432/rampart?sslpassword=hunter2' }

  it('is given to the code as a Secret and hidden wherever it is printed', () => {
    const loaded = load({ env })
    expect(loaded.config.database.url?.revealText()).toBe(env.RAMPART_DATABASE_URL)
    expect(inspect(loaded.config, { depth: 9 }) + JSON.stringify(loaded.config)).not.toContain('hunter2')
  })

  it('is hidden where the configuration is shown, the host is not', () => {
    const shown = JSON.stringify(describeConfig(load({ env })))
    expect(shown).not.toContain('hunter2')
    expect(shown).toContain('db:5432/rampart')
  })
})
