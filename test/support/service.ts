import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Client, connect } from '../../cli/client.ts'
import { findRuntime, type RuntimeInfo } from '../../platform/index.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const START_TIMEOUT_MS = 60_000

/** A service in a process of its own, on ports of its own. */
export interface RunningService {
  readonly process: ChildProcess
  readonly runtime: RuntimeInfo
  /** Called as the bootstrap user. */
  readonly client: Client
  /** Everything it wrote to its terminal. */
  output(): string
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
  /** SIGTERM. @returns the exit code */
  stop(): Promise<number | null>
}

export interface ServiceOptions {
  readonly dataDir: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `rampart serve` on `dataDir` and waits until it says that it is ready. */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'cli/main.ts', 'serve', '--data-dir', options.dataDir],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        RAMPART_HTTP_PORT: '0',
        RAMPART_SYSLOG_TCP_PORT: '0',
        RAMPART_SYSLOG_UDP_PORT: '0',
        ...options.env,
      },
    },
  )
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const exited = once(child, 'exit')
  const runtime = await waitForRuntime(options.dataDir, child, () => output)
  const client = await connect({ 'data-dir': options.dataDir, workspace: 'default' })
  return {
    process: child,
    runtime,
    client,
    output: () => output,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.kill('SIGTERM')
      const [code] = await exited
      return code as number | null
    },
  }
}

async function waitForRuntime(dataDir: string, child: ChildProcess, output: () => string): Promise<RuntimeInfo> {
  const giveUpAt = performance.now() + START_TIMEOUT_MS
  while (performance.now() < giveUpAt) {
    const runtime = findRuntime(dataDir)
    if (runtime?.pid === child.pid && runtime) return runtime
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}:\n${output()}`)
    await delay(20)
  }
  child.kill('SIGKILL')
  throw new Error(`the service was not ready within ${START_TIMEOUT_MS} ms:\n${output()}`)
}
