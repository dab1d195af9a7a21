import { describe, expect, it } from 'vitest'
import { parseInstant } from './search.ts'
import { renderTable } from './table.ts'

const clock = { now: () => Date.parse('2026-01-31T08:00:00Z') }

describe('a time on the command line', () => {
  it.each([
    ['15m', '2026-01-31T07:45:00.000Z'],
    ['-24h', '2026-01-30T08:00:00.000Z'],
    ['7d', '2026-01-24T08:00:00.000Z'],
    ['2026-01-31T09:00:00+01:00', '2026-01-31T08:00:00.000Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseInstant(text, clock)).toBe(instant)
  })

  it.each(['yesterday', '15', '', '2026-13-01', '1e3d', '99999999d'])('is not %j', (text) => {
    expect(() => parseInstant(text, clock)).toThrow('is no time')
  })
})

describe('a table', () => {
  it('is as wide as its cells', () => {
    expect(
      renderTable(
        {
          columns: ['host', 'count'],
          rows: [
            ['web-1', 3],
            [null, { a: [1] }],
          ],
        },
        undefined,
      ),
    ).toBe('host   count\n-----  ---------\nweb-1  3\n       {"a":[1]}\n')
  })

  it('lets nothing move the cursor or forge a row', () => {
    const text = renderTable({ columns: ['\u001b[2J'], rows: [['a\u001b]0;x\u0007\r\nb'], ['\u202ecba']] }, undefined)
    expect(text.split('\n')).toHaveLength(5)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
  })

  it('fits a terminal and takes from the widest', () => {
    const row = ['short', 'x'.repeat(150), 'y'.repeat(300)]
    const lines = renderTable({ columns: ['a', 'b', 'c'], rows: [row] }, 80)
      .trimEnd()
      .split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(lines[2]).toContain('short')
    expect(lines[2]).toMatch(/x{30}.*…/)
  })
})
