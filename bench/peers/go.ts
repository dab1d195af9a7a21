import { execFile } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const bin = join(import.meta.dirname, '..', '..', '.engines', 'peers', 'bin')

/** The program of a Go module, built at its first use; or why it is not there. */
export async function installGo({
  module,
  version,
  program,
}: {
  readonly module: string
  readonly version: string
  readonly program: string
}): Promise<{ readonly ok: true; readonly value: string } | { readonly ok: false; readonly error: string }> {
  const file = join(bin, `${program}-${version}`)
  if (existsSync(file)) return { ok: true, value: file }
  mkdirSync(bin, { recursive: true })
  try {
    const { GOBIN: _, ...env } = process.env
    await promisify(execFile)('go', ['install', `${module}@${version}`], {
      env: { ...env, GOBIN: bin, GOFLAGS: '-mod=mod' },
      maxBuffer: 64 * 2 ** 20,
    })
    await promisify(execFile)('mv', [join(bin, program), file])
    return { ok: true, value: file }
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
    return { ok: false, error: lines.at(-1) ?? 'it cannot be built' }
  }
}
