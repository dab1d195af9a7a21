import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { baselineReplayCommand } from './baseline.ts'
import { UsageError } from './command.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampart-baseline-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function run(positionals: readonly string[], values: Record<string, string> = {}) {
  const texts = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += chunk
        done()
      },
    })
  const io = { stdin: Readable.from([]), stdout: sink('stdout'), stderr: sink('stderr'), env: {} }
  const code = await baselineReplayCommand.run({ values: { model: 'surprise', ...values }, positionals }, io)
  return { code, ...texts }
}

describe('rampart baseline replay', () => {
  it('prints the scores of one file', async () => {
    const path = join(folder, 'a.csv')
    writeFileSync(path, 'timestamp,value\n2026-01-01 00:00:00,1\n')
    expect(await run([path])).toEqual({
      code: 0,
      stdout: 'timestamp,anomaly_score\n2026-01-01 00:00:00,0\n',
      stderr: '',
    })
  })

  it('scores a folder into --out; a bad file is named, the others are scored, and the exit code is 1', async () => {
    writeFileSync(join(folder, 'a.csv'), 'timestamp,value\n2026-01-01 00:00:00,1\n')
    writeFileSync(join(folder, 'b.csv'), 'timestamp,value\n2026-01-01 00:00:00,one\n')
    const out = join(folder, 'scores')
    const { code, stderr } = await run([folder], { out })
    expect(code).toBe(1)
    expect(stderr).toContain('b.csv:2: `one` is no number')
    expect(stderr).toContain('1 of 2 series scored')
    expect(readFileSync(join(out, 'a.csv'), 'utf8')).toContain('2026-01-01 00:00:00,0')
  })

  it('says how it is used', async () => {
    writeFileSync(join(folder, 'notes.txt'), '')
    await expect(run([])).rejects.toThrow(UsageError)
    await expect(run([folder])).rejects.toThrow('there is no .csv file')
    writeFileSync(join(folder, 'a.csv'), 'timestamp,value\n')
    await expect(run([folder])).rejects.toThrow('need `--out DIR`')
    await expect(run([folder], { model: 'seasonalz' })).rejects.toThrow('did you mean `seasonal-z`?')
  })
})
