import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBootstrapCredentials } from '../../platform/index.ts'
import { type RunningService, startService } from '../support/service.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

let dir: string
let services: RunningService[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-process-'))
  services = []
})
afterEach(async () => {
  for (const service of services) if (service.process.exitCode === null) await service.kill()
  rmSync(dir, { recursive: true, force: true })
})

async function start(): Promise<RunningService> {
  const service = await startService({ dataDir: dir })
  services.push(service)
  return service
}

/** Runs the command line as a user would: by its launcher, from another folder. */
function rampart(...words: string[]) {
  return spawnSync(process.execPath, [join(root, 'bin/rampart.js'), ...words], { cwd: tmpdir(), encoding: 'utf8' })
}

describe('a process', () => {
  it('hands over the first credentials once, by path and not by value', async () => {
    const service = await start()
    const file = join(dir, 'bootstrap-credentials.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const credentials = findBootstrapCredentials(dir)
    expect(credentials).toMatchObject({ accountId: expect.stringMatching(/^\d{12}$/), userName: expect.any(String) })
    expect(service.output()).toContain(file)
    expect(service.output()).not.toContain(credentials?.password)
    expect(service.output()).not.toContain(credentials?.secretAccessKey)

    expect(await service.stop()).toBe(0)
    const again = await start()
    expect(readFileSync(file, 'utf8')).toContain(credentials?.password ?? 'none')
    expect(again.output()).not.toContain(file)
  })

  it('tells its ports when it is ready, and takes the file away at a clean stop', async () => {
    const service = await start()
    const runtime = JSON.parse(readFileSync(join(dir, 'runtime.json'), 'utf8'))
    expect(runtime).toMatchObject({ pid: service.process.pid, endpoint: `http://127.0.0.1:${runtime.http}` })
    expect(runtime.syslogTcp).toBeGreaterThan(0)
    expect(runtime.syslogUdp).toBeGreaterThan(0)
    expect(await service.stop()).toBe(0)
    expect(existsSync(join(dir, 'runtime.json'))).toBe(false)
  })

  it('answers its probes without credentials', async () => {
    const { runtime } = await start()
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs']) {
      expect((await fetch(new URL(path, runtime.endpoint))).status, path).toBe(200)
    }
    expect(await (await fetch(new URL('/metrics', runtime.endpoint))).text()).toContain('process_resident_memory_bytes')
  })

  it('refuses a second process on its data folder and says which process has it', async () => {
    const first = await start()
    const second = rampart('serve', '--data-dir', dir)
    expect(second.status).toBe(1)
    expect(second.stderr).toContain(String(first.process.pid))
    expect(await first.stop()).toBe(0)
  })

  it('leaves with 1 where its port is taken, says which, and lets go of its data folder', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const refused = spawn(process.execPath, [join(root, 'bin/rampart.js'), 'serve', '--data-dir', dir], {
      env: { ...process.env, RAMPART_HTTP_PORT: String(port) },
    })
    let said = ''
    refused.stderr.on('data', (chunk) => {
      said += String(chunk)
    })
    const [code] = await once(refused, 'close')
    taken.close()
    expect(code).toBe(1)
    expect(said).toContain(`port ${port}`)
    await start()
  })

  it('starts again after kill -9', async () => {
    await (await start()).kill()
    const service = await start()
    expect(await service.client.call('/v1/workspaces')).toMatchObject({ items: [{ name: 'default' }] })
  })
})

describe('the command line', () => {
  it('names the nearest where a key of the configuration is unknown', () => {
    const file = join(dir, 'rampart.yaml')
    spawnSync('sh', ['-c', `printf 'http:\\n  prt: 1\\n' > ${file}`])
    const checked = rampart('config', 'check', '--config', file)
    expect(checked.status).toBe(1)
    expect(checked.stderr).toMatch(/prt.*http\.port|port/s)
    expect(rampart('serve', '--config', file).status).toBe(1)
  })

  it('tells of itself and of each command', { timeout: 180_000 }, () => {
    const overview = rampart('--help')
    expect(overview.status).toBe(0)
    const names = [...overview.stdout.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2}/gm)].map((match) => match[1] ?? '')
    expect(names).toContain('serve')
    for (const name of names) {
      const help = rampart(...name.split(' '), '--help')
      expect(help.status, name).toBe(0)
      expect(help.stdout, name).toContain(`usage: rampart ${name}`)
    }
  })

  it('tells the commands of a group, and of a file that is not there', () => {
    const group = rampart('rules', '--help')
    expect(group.status).toBe(0)
    expect(group.stdout).toMatch(/^ {2}rules test {2}/m)
    expect(group.stdout).not.toContain('serve')
    const missing = rampart('rules', 'test', 'not-there')
    expect(missing.status).toBe(1)
    expect(missing.stderr).toContain('`not-there`: there is no such file or folder')
    expect(missing.stderr).not.toContain('at ')
  })

  it.each([['nonsense'], ['serve', '--nonsense'], ['config'], []])('leaves with 2 on wrong use: %s', (...words) => {
    const wrong = rampart(...words)
    expect(wrong.status).toBe(2)
  })
})
