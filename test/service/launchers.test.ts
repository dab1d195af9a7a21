import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findRuntime } from '../../platform/index.ts'
import { eventually } from '../support/eventually.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What people start the service with; the signal goes to that, not to the service. */
const launchers = [
  { name: 'npm start', command: 'npm', words: ['start'], folder: root },
  {
    name: 'the launcher, from another folder',
    command: 'node',
    words: [join(root, 'bin/rampart.js'), 'serve'],
    folder: tmpdir(),
  },
]

describe.each(launchers)('$name', ({ command, words, folder }) => {
  let dataDir: string
  let launcher: ChildProcess | undefined
  let servicePid: number | undefined
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'rampart-launch-'))
  })
  afterEach(() => {
    launcher?.kill('SIGKILL')
    if (servicePid !== undefined && isAlive(servicePid)) process.kill(servicePid, 'SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'passes %s on, and the exit code of the clean stop back',
    { timeout: 120_000 },
    async (signal) => {
      launcher = spawn(command, words, {
        cwd: folder,
        stdio: 'ignore',
        env: {
          ...process.env,
          RAMPART_DATA_DIR: dataDir,
          RAMPART_HTTP_PORT: '0',
          RAMPART_SYSLOG_TCP_PORT: '0',
          RAMPART_SYSLOG_UDP_PORT: '0',
        },
      })
      const runtime = await eventually('runtime.json', async () => findRuntime(dataDir))
      servicePid = runtime.pid
      const exit = once(launcher, 'exit')
      launcher.kill(signal)
      expect(await exit).toEqual([0, null])
      expect(isAlive(runtime.pid)).toBe(false)
      expect(findRuntime(dataDir)).toBeUndefined()
    },
  )
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
