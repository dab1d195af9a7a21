import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Result } from '../../platform/index.ts'

const peers = join(import.meta.dirname, '..', '..', '.engines', 'peers')

/** The program of a crate, built at its first use (some minutes); or why it is not there. */
export async function installCrate({
  crate,
  version,
}: {
  readonly crate: string
  readonly version: string
}): Promise<Result<string, string>> {
  const root = join(peers, `${crate}-${version}`)
  const file = join(root, 'bin', crate)
  if (existsSync(file)) return { ok: true, value: file }
  try {
    await promisify(execFile)('cargo', ['install', crate, '--version', version, '--root', root, '--quiet'], {
      maxBuffer: 64 * 2 ** 20,
    })
    return { ok: true, value: file }
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
    return { ok: false, error: lines.at(-1) ?? 'it cannot be built' }
  }
}
