import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasEngine } from './requirements.ts'

/** True where a test may mount file systems in memory; needs root. */
export function canMountSmallDisks(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'rampart-mount-'))
  let mounted = false
  try {
    const unmount = mountSmallDisk(probe, 1)
    unmount()
    mounted = true
  } catch {
    // Told by hasEngine where it must not be.
  }
  rmSync(probe, { recursive: true, force: true })
  return hasEngine('tmpfs (mount as root)', mounted)
}

/** Mounts a file system of so many MiB over a folder.   @returns what takes it away, whoever still uses it */
export function mountSmallDisk(dir: string, mib: number): () => void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=700`, 'tmpfs', dir], { stdio: 'ignore' })
  return () => void execFileSync('umount', ['-l', dir])
}

/** Somebody else fills a disk to the last byte.   @returns what ends it */
export function fillDisk(dir: string): () => void {
  const filler = join(dir, 'filler')
  for (const bytes of [2 ** 20, 4096]) {
    const chunk = Buffer.alloc(bytes)
    try {
      for (;;) appendFileSync(filler, chunk)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  return () => rmSync(filler)
}
