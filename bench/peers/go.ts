import { execFile } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Result } from '../../platform/index.ts'
import { peersFolder, tryInstall } from './install.ts'

const bin = join(peersFolder, 'bin')

/** The program of a Go module, built at its first use; or why it is not there. */
export async function installGo({
  module,
  version,
  program,
}: {
  readonly module: string
  readonly version: string
  readonly program: string
}): Promise<Result<string, string>> {
  const file = join(bin, `${program}-${version}`)
  return tryInstall(async () => {
    if (existsSync(file)) return file
    mkdirSync(bin, { recursive: true })
    const { GOBIN: _, ...env } = process.env
    await promisify(execFile)('go', ['install', `${module}@${version}`], {
      env: { ...env, GOBIN: bin, GOFLAGS: '-mod=mod' },
      maxBuffer: 64 * 2 ** 20,
    })
    await promisify(execFile)('mv', [join(bin, program), file])
    return file
  })
}
