import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FrameKind, FrameSplitter } from './frame.ts'

const LIMIT = 64

interface Split {
  readonly frames: readonly (readonly [text: string, kind: FrameKind])[]
  readonly dropped: number
}

function split(chunks: readonly Buffer[], frameBytesMax = LIMIT): Split {
  const frames: [string, FrameKind][] = []
  let dropped = 0
  const splitter = new FrameSplitter({
    frameBytesMax,
    onFrame: (payload, kind) => frames.push([payload.toString('latin1'), kind]),
    onDropped: (bytes) => {
      dropped += bytes
    },
  })
  for (const chunk of chunks) splitter.push(chunk)
  splitter.end()
  expect(splitter.heldBytes).toBe(0)
  return { frames, dropped }
}

const texts = (...parts: string[]) => split(parts.map((part) => Buffer.from(part, 'latin1'))).frames

describe('frames of a TCP stream', () => {
  it.each<[string, string[], [string, FrameKind][]]>([
    [
      'lines',
      ['<1>a\n<2>b\n'],
      [
        ['<1>a', 'whole'],
        ['<2>b', 'whole'],
      ],
    ],
    [
      'lines that end in CR LF or NUL',
      ['<1>a\r\n<2>b\0<3>c\n'],
      [
        ['<1>a', 'whole'],
        ['<2>b', 'whole'],
        ['<3>c', 'whole'],
      ],
    ],
    [
      'counted frames, LF inside',
      ['6 <1>a\nb5 <2>cd'],
      [
        ['<1>a\nb', 'whole'],
        ['<2>cd', 'whole'],
      ],
    ],
    [
      'both framings in one stream',
      ['4 <1>a<2>b\n4 <3>c\n<4>d\n'],
      [
        ['<1>a', 'whole'],
        ['<2>b', 'whole'],
        ['<3>c', 'whole'],
        ['<4>d', 'whole'],
      ],
    ],
    [
      'a plain line that begins with digits',
      ['12 monkeys\n2024-01-01T00:00:00Z x\n'],
      [
        ['12 monkeys', 'whole'],
        ['2024-01-01T00:00:00Z x', 'whole'],
      ],
    ],
    ['eleven digits are a line', ['12345678901 <1>\n'], [['12345678901 <1>', 'whole']]],
    ['a length that begins with zero is a line', ['04 <1>a\n'], [['04 <1>a', 'whole']]],
    ['empty lines are none', ['\n\r\n\0\0<1>a\n\n'], [['<1>a', 'whole']]],
    [
      'a line whose end never came',
      ['<1>a\n<2>b'],
      [
        ['<1>a', 'whole'],
        ['<2>b', 'partial'],
      ],
    ],
    ['a counted frame whose end never came', ['10 <1>abc'], [['<1>abc', 'partial']]],
    ['a length and nothing more', ['10 '], [['10 ', 'partial']]],
    [
      'a length in pieces',
      ['1', '0', ' ', '<', '1>abcdefg<2>b\n'],
      [
        ['<1>abcdefg', 'whole'],
        ['<2>b', 'whole'],
      ],
    ],
  ])('%s', (_, parts, frames) => {
    expect(texts(...parts)).toEqual(frames)
  })

  it('cuts a line at the limit, throws the rest away and counts it', () => {
    const long = 'x'.repeat(LIMIT + 36)
    const { frames, dropped } = split([Buffer.from(`${long}\n<1>after\n`)])
    expect(frames).toEqual([
      ['x'.repeat(LIMIT), 'cut'],
      ['<1>after', 'whole'],
    ])
    expect(dropped).toBe(36)
  })

  it('cuts a counted frame at the limit and finds the next', () => {
    const long = `<1>${'x'.repeat(97)}`
    const { frames, dropped } = split([Buffer.from(`100 ${long}8 <2>after`)])
    expect(frames).toEqual([
      [long.slice(0, LIMIT), 'cut'],
      ['<2>after', 'whole'],
    ])
    expect(dropped).toBe(36)
  })

  it('holds no more than the limit of a line of 100 MB', () => {
    const splitter = new FrameSplitter({ frameBytesMax: 64 * 1024, onFrame: () => {}, onDropped: () => {} })
    const chunk = Buffer.alloc(64 * 1024 - 7, 0x78)
    let held = 0
    for (let bytes = 0; bytes < 100 * 1024 * 1024; bytes += chunk.length) {
      splitter.push(chunk)
      held = Math.max(held, splitter.heldBytes)
    }
    expect(held).toBeLessThanOrEqual(64 * 1024)
  })

  it.each(['a\n', 'a\0'])('takes time linear in the chunk when lines end in one of two ways: %j', (line) => {
    const chunk = Buffer.from(line.repeat(1024 * 1024))
    let count = 0
    const splitter = new FrameSplitter({ frameBytesMax: 100, onFrame: () => count++, onDropped: () => {} })
    // Quadratic, this would be a terabyte to search.
    splitter.push(chunk)
    expect(count).toBe(1024 * 1024)
  })

  it('takes a frame that comes byte by byte', () => {
    const text = `<1>${'y'.repeat(40_000)}`
    const { frames } = split(
      [...`${text}\n`].map((byte) => Buffer.from(byte)),
      64 * 1024,
    )
    expect(frames).toEqual([[text, 'whole']])
  })

  // Pieces in which framings, limits and separators meet, so that chance finds the corners.
  const piece = fc.oneof(
    fc.constantFrom('\n', '\r\n', '\0', '<', '<13>', ' ', '4 <1>a', '70 <1>', '9', '12 ', '0', '\r'),
    fc.string({ maxLength: 12 }),
    fc.integer({ min: 1, max: 90 }).map((length) => 'z'.repeat(length)),
  )
  const stream = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))

  it('are the same however the stream is cut into chunks', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), (bytes, cuts) => {
        const places = cuts.map((cut) => (bytes.length === 0 ? 0 : cut % bytes.length)).sort((a, b) => a - b)
        const chunks = [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length))
        expect(split(chunks)).toEqual(split([bytes]))
      }),
      { numRuns: 2000 },
    )
  })

  it('keep every byte but separators and lengths, or count it as dropped', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 0x20, max: 0x7e }), { minLength: 1, maxLength: 150 }), { maxLength: 10 }),
        (lines) => {
          const contents = lines.map((codes) => `<9>${Buffer.from(codes).toString('latin1')}`)
          const { frames, dropped } = split([Buffer.from(contents.map((line) => `${line}\n`).join(''))])
          expect(frames.map(([text]) => text)).toEqual(contents.map((line) => line.slice(0, LIMIT)))
          expect(dropped).toBe(contents.reduce((sum, line) => sum + Math.max(0, line.length - LIMIT), 0))
        },
      ),
    )
  })
})
