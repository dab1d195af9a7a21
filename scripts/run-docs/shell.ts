import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'

const BLOCK_TIMEOUT_MS = 120_000

/** Reads the names of files from descriptor 3 and runs each in this very shell, so that what one sets the next has. */
const LOOP = `while IFS= read -r block <&3; do source "$block" </dev/null; printf '\\n%s\\n' "$0"; done`

/** One bash over several blocks of commands; the first that fails ends it. */
export class Shell {
  readonly #child: ChildProcess
  readonly #mark = `end-${randomBytes(9).toString('hex')}`
  readonly #folder: string
  #stdout = ''
  #stderr = ''

  constructor(folder: string) {
    this.#folder = folder
    this.#child = spawn('bash', ['-euo', 'pipefail', '-c', LOOP, this.#mark], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk) => {
      this.#stdout += String(chunk)
      if (this.#stdout.includes(this.#mark)) this.#child.emit('block')
    })
    this.#child.stderr?.on('data', (chunk) => {
      this.#stderr += String(chunk)
    })
  }

  async run(text: string): Promise<{ ok: boolean; stdout: string; stderr: string }> {
    this.#stdout = ''
    this.#stderr = ''
    const file = join(this.#folder, `.block-${randomBytes(6).toString('hex')}`)
    writeFileSync(file, text)
    const ended = new AbortController()
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(BLOCK_TIMEOUT_MS)])
    const outcome = Promise.race([
      once(this.#child, 'block', { signal }).then(() => true),
      once(this.#child, 'close', { signal }).then(() => false),
    ])
    ;(this.#child.stdio[3] as Writable).write(`${file}\n`)
    try {
      const ok = await outcome
      return { ok, stdout: this.#stdout.split(`\n${this.#mark}`, 1)[0] ?? '', stderr: this.#stderr }
    } catch {
      return { ok: false, stdout: this.#stdout, stderr: `${this.#stderr}\n(not done after ${BLOCK_TIMEOUT_MS} ms)` }
    } finally {
      ended.abort()
      rmSync(file)
    }
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }
}
