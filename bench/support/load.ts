import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LoadResult, LoadSpec } from './http-load.ts'

/** Runs the load generator. Throws where an answer was no success. */
export async function load(spec: LoadSpec): Promise<LoadResult> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-load-'))
  try {
    const file = join(dir, 'spec.json')
    await writeFile(file, JSON.stringify(spec))
    const generator = join(import.meta.dirname, 'http-load.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [generator, file])
    const result = JSON.parse(stdout) as LoadResult
    if (result.failed > 0) throw new Error(`${result.failed} requests to ${spec.path} failed`)
    return result
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
