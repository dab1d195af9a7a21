import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFileOnce, writeFileAtomic } from '../base/atomic-file.ts'
import { findBootstrapCredentials, findRuntime } from '../base/published.ts'
import { openDataDir } from './data-dir.ts'

const module = fileURLToPath(new URL('./data-dir.ts', import.meta.url))
const held = expect.objectContaining({ code: 'platform.dataDir.held' })

let parent: string
let path: string
let children: ChildProcess[] = []

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'rampart-data-'))
  path = join(parent, 'data')
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children = []
  rmSync(parent, { recursive: true, force: true })
})

/** Another process that opens the folder and stays, as a service does. Resolves with its first line. */
async function anotherProcess(): Promise<{ child: ChildProcess; said: string }> {
  const source = `
    const { openDataDir } = await import(${JSON.stringify(module)})
    try {
      const dir = openDataDir(${JSON.stringify(path)})
      dir.publishRuntime({ pid: process.pid, endpoint: 'http://127.0.0.1:1', http: 1 })
      process.on('SIGTERM', () => { dir.close(); process.exit(0) })
      setInterval(() => {}, 1000)
      console.log('holds')
    } catch (error) { console.log(error.message) }`
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', source])
  children.push(child)
  const [line] = await once(child.stdout!, 'data')
  return { child, said: String(line).trim() }
}

describe('a data folder', () => {
  it('is made for its user alone', () => {
    openDataDir(path).close()
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it('makes folders and files for its user alone', () => {
    const dir = openDataDir(path)
    const folder = dir.folder('log')
    writeFileSync(join(folder, 'x'), '')
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, 'x')).mode & 0o777).toBe(0o600)
    dir.close()
  })

  it('is refused where anybody may write to it', () => {
    mkdirSync(path)
    chmodSync(path, 0o777)
    expect(() => openDataDir(path)).toThrowError(expect.objectContaining({ code: 'platform.dataDir.unusable' }))
  })

  it('is refused where it is a file, naming it', () => {
    writeFileSync(path, '')
    expect(() => openDataDir(path)).toThrowError(/cannot be used/)
  })

  it('is held by one at a time within a process', () => {
    const dir = openDataDir(path)
    expect(() => openDataDir(path)).toThrowError(held)
    dir.close()
    openDataDir(path).close()
  })
})

describe('two processes on one data folder', () => {
  it('the second is told which process holds it, and disturbs nothing', async () => {
    const first = await anotherProcess()
    expect(first.said).toBe('holds')
    expect(() => openDataDir(path)).toThrowError(`used by process ${first.child.pid}`)
    expect(() => openDataDir(path)).toThrowError(held)
    expect(findRuntime(path)?.pid).toBe(first.child.pid)
    const third = await anotherProcess()
    expect(third.said).toContain(`used by process ${first.child.pid}`)
  })

  it('the second takes over after a kill -9, and nothing the dead one told is left', async () => {
    const first = await anotherProcess()
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    expect(findRuntime(path)?.pid).toBe(first.child.pid)
    const dir = openDataDir(path)
    expect(findRuntime(path)).toBeUndefined()
    dir.close()
  })

  it('the second takes over after a clean stop, which leaves no runtime.json', async () => {
    const first = await anotherProcess()
    first.child.kill('SIGTERM')
    const [code] = await once(first.child, 'exit')
    expect(code).toBe(0)
    expect(findRuntime(path)).toBeUndefined()
    openDataDir(path).close()
  })

  it('of many that start at once, one wins', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, anotherProcess))
    expect(all.filter(({ said }) => said === 'holds')).toHaveLength(1)
    expect(all.filter(({ said }) => said.includes('is used by process'))).toHaveLength(4)
  })
})

describe('what a service tells', () => {
  it('is written for its user alone and read back', () => {
    const dir = openDataDir(path)
    const runtime = { pid: process.pid, endpoint: 'http://127.0.0.1:8080', http: 8080, syslogUdp: 5514 }
    const credentials = {
      accountId: '000000000001',
      userName: 'admin',
      password: 'p',
      accessKeyId: 'a',
      secretAccessKey: 's',
      endpoint: runtime.endpoint,
    }
    dir.publishRuntime(runtime)
    dir.publishBootstrapCredentials(credentials)
    expect(findRuntime(path)).toEqual(runtime)
    expect(findBootstrapCredentials(path)).toEqual(credentials)
    expect(statSync(join(path, 'bootstrap-credentials.json')).mode & 0o777).toBe(0o600)
    dir.close()
    expect(existsSync(join(path, 'bootstrap-credentials.json'))).toBe(true)
  })
})

describe('an atomic file', () => {
  it('replaces what was there and leaves nothing beside it', () => {
    const file = join(parent, 'f')
    writeFileAtomic(file, Buffer.from('old'), 0o600)
    writeFileAtomic(file, Buffer.from('new'), 0o600)
    expect(readFileSync(file, 'utf8')).toBe('new')
    expect(readdirSync(parent)).toEqual(['f'])
  })

  it('that must not exist is made once', () => {
    const file = join(parent, 'f')
    expect(createFileOnce(file, Buffer.from('first'), 0o600)).toBe(true)
    expect(createFileOnce(file, Buffer.from('second'), 0o600)).toBe(false)
    expect(readFileSync(file, 'utf8')).toBe('first')
    expect(readdirSync(parent)).toEqual(['f'])
  })
})
