import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { getSeriesModel } from '../series/models.ts'
import { replayInto, replayTo } from './replay.ts'
import { findSeries } from './series-paths.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampart-replay-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const model = getSeriesModel('surprise')
const put = (name: string, text: string) => {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}
async function replay(text: string): Promise<string> {
  const [file] = findSeries([put('a.csv', text)])
  let out = ''
  const sink = new Writable({
    write(chunk, _encoding, done) {
      out += chunk
      done()
    },
  })
  await replayTo(sink, file!, model, () => undefined)
  return out
}

describe('replay', () => {
  it('answers a row per row, timestamps as they were written', async () => {
    const text = 'timestamp,value\n2014-02-14 14:30:00,0.132\n2014-02-14T14:35:00Z,-1e3\n2014-02-14 14:40,7\n'
    expect(await replay(text)).toBe(
      'timestamp,anomaly_score\n2014-02-14 14:30:00,0\n2014-02-14T14:35:00Z,0\n2014-02-14 14:40,0\n',
    )
  })

  it('takes a byte order mark, carriage returns, quotes, empty lines, further columns and a missing last line end', async () => {
    const text = '\uFEFF"value","host","timestamp"\r\n1,a,"2014-02-14 14:30:00"\r\n\r\n2,b,2014-02-14 14:35:00.5+02:00'
    expect(await replay(text)).toBe('timestamp,anomaly_score\n2014-02-14 14:30:00,0\n2014-02-14 14:35:00.5+02:00,0\n')
  })

  it.each([
    ['', ':1: there is no header'],
    ['time,value\n', ':1: the header names no `timestamp`'],
    ['timestamp,value\n2014-02-14 14:30:00,1\n2014-02-30 14:30:00,1\n', ':3: `2014-02-30 14:30:00` is no time'],
    ['timestamp,value\n2014-02-14 14:30:61,1\n', ':2: `2014-02-14 14:30:61` is no time'],
    ['timestamp,value\n1,1\n', ':2: `1` is no time'],
    ['timestamp,value\n2014-02-14 14:30:00,NaN\n', ':2: `NaN` is no number'],
    ['timestamp,value\n2014-02-14 14:30:00,1e999\n', ':2: `1e999` is no number'],
    ['timestamp,value\n2014-02-14 14:30:00,0x10\n', ':2: `0x10` is no number'],
    ['timestamp,value\n2014-02-14 14:30:00\n', ':2: `` is no number'],
    [`timestamp,value\n${'1'.repeat(2_000)}\n`, ':2: the line is longer than 1024 characters'],
    ['1'.repeat(5_000_000), ':1: the line is longer than 1024 characters'],
  ])('refuses %.60j and says where', async (text, problem) => {
    await expect(replay(text)).rejects.toThrow(problem)
  })

  it('scores do not depend on what comes later', async () => {
    const rows = Array.from(
      { length: 600 },
      (_, i) => `${new Date(i * 300_000).toISOString()},${i % 97 === 96 ? 500 : i % 10}`,
    )
    const whole = (await replay(`timestamp,value\n${rows.join('\n')}\n`)).split('\n')
    const part = (await replay(`timestamp,value\n${rows.slice(0, 300).join('\n')}\n`)).split('\n')
    expect(part.slice(0, 301)).toEqual(whole.slice(0, 301))
    expect(part.some((line) => Number(line.split(',')[1]) > 0.2)).toBe(true)
  })

  it('walks folders, keeps their paths, and leaves nothing of a file that is refused', async () => {
    put('in/x/one.csv', 'timestamp,value\n2014-02-14 14:30:00,1\n')
    put('in/two.csv', 'timestamp,value\n2014-02-14 14:30:00,?\n')
    put('in/notes.txt', 'no series')
    const files = findSeries([join(folder, 'in')])
    expect(files.map((file) => file.name)).toEqual(['two.csv', 'x/one.csv'])
    const out = join(folder, 'out')
    await expect(replayInto(out, files[0]!, model, () => undefined)).rejects.toThrow('two.csv:2')
    await replayInto(out, files[1]!, model, () => undefined)
    expect(readdirSync(out)).toEqual(['x'])
    expect(readFileSync(join(out, 'x/one.csv'), 'utf8')).toBe('timestamp,anomaly_score\n2014-02-14 14:30:00,0\n')
  })

  it('overwrites no series, and no answer of another', async () => {
    const path = put('in/a.csv', 'timestamp,value\n')
    put('other/a.csv', 'timestamp,value\n')
    const [file] = findSeries([path])
    await expect(replayInto(join(folder, 'in'), file!, model, () => undefined)).rejects.toThrow('overwritten')
    expect(() => findSeries([path, join(folder, 'other')])).toThrow('would both be answered in `a.csv`')
    expect(() => findSeries([join(folder, 'none')])).toThrow('there is no')
  })
})
