import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Result } from '../../platform/index.ts'
import { peersFolder, tryInstall } from './install.ts'

/** The program of a crate, built at its first use (some minutes); or why it is not there. */
export async function installCrate({
  crate,
  version,
}: {
  readonly crate: string
  readonly version: string
}): Promise<Result<string, string>> {
  const root = join(peersFolder, `${crate}-${version}`)
  const file = join(root, 'bin', crate)
  return tryInstall(async () => {
    if (existsSync(file)) return file
    await promisify(execFile)(
      'cargo',
      ['install', crate, '--version', version, '--root', root, '--quiet', '--locked'],
      {
        maxBuffer: 64 * 2 ** 20,
      },
    )
    return file
  })
}
