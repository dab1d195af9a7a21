import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Shell } from './shell.ts'

describe('a shell', () => {
  let folder: string
  let shell: Shell
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rampart-shell-'))
    shell = new Shell(folder)
  })
  afterEach(() => {
    shell.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps what a block sets for the next, and the output of each apart', async () => {
    expect(await shell.run('NAME=ann\necho one')).toEqual({ ok: true, stdout: 'one\n', stderr: '' })
    expect(await shell.run('echo "hello $NAME"\necho oops >&2')).toMatchObject({ ok: true, stdout: 'hello ann\n' })
  })

  it.each(['false\necho on', 'cat nothing | wc -l', 'echo "$UNSET"', 'if then'])(
    'tells that %j fails',
    async (text) => {
      expect((await shell.run(text)).ok).toBe(false)
    },
  )

  it('gives commands nothing to read', async () => {
    expect(await shell.run('cat')).toMatchObject({ ok: true, stdout: '' })
  })
})
