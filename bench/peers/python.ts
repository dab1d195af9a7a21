import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Result } from '../../platform/index.ts'
import { peersFolder, tryInstall } from './install.ts'

/** A Python that has these packages, in an environment of its own made at its first use; or why it is not there. */
export async function installPython(name: string, packages: readonly string[]): Promise<Result<string, string>> {
  const home = join(peersFolder, name)
  const python = join(home, 'bin', 'python')
  const run = promisify(execFile)
  return tryInstall(async () => {
    if (!existsSync(python)) await run('python3', ['-m', 'venv', home])
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages])
    return python
  })
}
