import { join } from 'node:path'
import type { Result } from '../../platform/index.ts'

/** Where peers are kept, outside of what git sees. */
export const peersFolder = join(import.meta.dirname, '..', '..', '.engines', 'peers')

/** The program that `install` gives; or, in a line, why it is not there. */
export async function tryInstall(install: () => Promise<string>): Promise<Result<string, string>> {
  try {
    return { ok: true, value: await install() }
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
    return { ok: false, error: lines.at(-1) ?? 'it cannot be installed' }
  }
}
