import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Result } from '../../platform/index.ts'

const peers = join(import.meta.dirname, '..', '..', '.engines', 'peers')

/** A Python that has these packages, in an environment of its own made at its first use; or why it is not there. */
export async function installPython(name: string, packages: readonly string[]): Promise<Result<string, string>> {
  const home = join(peers, name)
  const python = join(home, 'bin', 'python')
  const run = promisify(execFile)
  try {
    if (!existsSync(python)) await run('python3', ['-m', 'venv', home])
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages])
    return { ok: true, value: python }
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
    return { ok: false, error: lines.at(-1) ?? 'it cannot be installed' }
  }
}
