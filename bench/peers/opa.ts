import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../../test/support/eventually.ts'
import type { AuthzSet } from '../support/authz-set.ts'
import { freePort } from '../support/free-port.ts'
import { installGo } from './go.ts'
import { toRego } from './rego.ts'

const OPA = { module: 'github.com/open-policy-agent/opa', version: 'v1.22.3', program: 'opa' }

/** OPA's server with the set as Rego, telemetry and decision logs off, its callers unknown to it; or why there is none. */
export async function startOpa(
  set: AuthzSet,
): Promise<{ readonly port: number; readonly pid: number; end(): Promise<void> } | string> {
  const program = await installGo(OPA)
  if (!program.ok) return program.error
  const dir = await mkdtemp(join(tmpdir(), 'rampart-opa-'))
  const { modules, data } = toRego(set)
  await Promise.all(modules.map((text, index) => writeFile(join(dir, `m${index}.rego`), text)))
  await writeFile(join(dir, 'data.json'), JSON.stringify(data))
  const port = await freePort()
  const child: ChildProcess = spawn(
    program.value,
    ['run', '--server', '--addr', `127.0.0.1:${port}`, '--log-level', 'error', '--skip-version-check', dir],
    { stdio: 'ignore' },
  )
  const exited = once(child, 'exit')
  await eventually('OPA answers', async () => {
    if (child.exitCode !== null) throw new Error(`OPA ended with ${child.exitCode}`)
    return (await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.ok ?? false
  })
  return {
    port,
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGTERM')
      await exited
      await rm(dir, { recursive: true, force: true })
    },
  }
}
