import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RampartError } from '../../platform/index.ts'
import { RECORDS_LIMITS } from '../limits.ts'
import { splitRecords } from './split.ts'

const MIB = 1024 * 1024

async function split(contentType: string, body: string | Buffer, contentEncoding?: string) {
  const records = await splitRecords({ contentType, contentEncoding, body: Buffer.from(body) })
  return { ...records, texts: records.payloads.map((payload) => payload.toString()) }
}

async function refusal(promise: Promise<unknown>): Promise<RampartError> {
  const error = await promise.catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(RampartError)
  return error as RampartError
}

describe('NDJSON', () => {
  it('is a record a line; blank lines are none, broken ones are', async () => {
    const { texts, format, rejected } = await split('application/x-ndjson', '{"a":1}\r\n\n  \t\n{"a":\n{"b":2}')
    expect(texts).toEqual(['{"a":1}', '{"a":', '{"b":2}'])
    expect(format).toBe('json')
    expect(rejected).toEqual([])
  })

  it('drops a byte order mark in front', async () => {
    expect((await split('application/x-ndjson', '\uFEFF{"a":1}\n')).texts).toEqual(['{"a":1}'])
  })

  it('rejects a record over the limit by its place, and takes the others', async () => {
    const long = `{"x":"${'y'.repeat(RECORDS_LIMITS.recordBytesMax)}"}`
    const { texts, rejected } = await split('application/x-ndjson', `{"a":1}\n\n${long}\n{"b":2}\n`)
    expect(texts).toEqual(['{"a":1}', '{"b":2}'])
    expect(rejected).toEqual([
      { index: 1, code: 'collect.record.tooLarge', message: expect.stringContaining(String(long.length)) },
    ])
  })

  it('is refused whole above the number of records', async () => {
    const body = '1\n'.repeat(RECORDS_LIMITS.recordsMax + 1)
    expect(await refusal(split('application/x-ndjson', body))).toMatchObject({
      code: 'collect.records.tooMany',
      status: 413,
    })
    expect((await split('application/x-ndjson', body.slice(2))).texts.length).toBe(RECORDS_LIMITS.recordsMax)
  })
})

describe('JSON', () => {
  it.each<[string, string, string[]]>([
    [
      'an array',
      '[{"a":1}, {"b":[1,2,{"c":"]"}]} ,"text", 5,null]',
      ['{"a":1}', '{"b":[1,2,{"c":"]"}]}', '"text"', '5', 'null'],
    ],
    ['an empty array', ' [ ] ', []],
    ['one object', '\n{"a":\n1}\n', ['{"a":\n1}']],
    ['objects one after the other', '{"a":1}{"b":2}\n{"c":3}', ['{"a":1}', '{"b":2}', '{"c":3}']],
    [
      'a CloudTrail file',
      '{ "Records" : [{"eventName":"A"},{"eventName":"B"}] }',
      ['{"eventName":"A"}', '{"eventName":"B"}'],
    ],
    [
      'brackets and escapes in strings',
      '[{"a":"}]\\"\\\\"},{"b":"\\\\\\""}]',
      ['{"a":"}]\\"\\\\"}', '{"b":"\\\\\\""}'],
    ],
    ['an element that is no JSON inside', '[{"a":tru},{"b":1}]', ['{"a":tru}', '{"b":1}']],
    ['nothing', '', []],
  ])('%s', async (_, body, texts) => {
    expect((await split('application/json; charset=utf-8', body)).texts).toEqual(texts)
  })

  it.each([
    ['an array that does not end', '[{"a":1}', 8],
    ['an object that does not end', '{"a":1', 0],
    ['a string that does not end', '[{"a":"x}]', 1],
    ['a missing element', '[{"a":1},,{"b":2}]', 9],
    ['a trailing comma', '[{"a":1},]', 9],
    ['a missing comma', '[{"a":1} {"b":2}]', 9],
    ['more after the array', '[{"a":1}] {"b":2}', 10],
    ['a closing bracket too many', '[{"a":1}]}', 9],
    ['a bare word', 'hello', 0],
    ['an unfinished CloudTrail file', '{"Records":[{"a":1}]', 20],
  ])('names the byte at which %s cannot be read', async (_, body, offset) => {
    const error = await refusal(split('application/json', body))
    expect(error).toMatchObject({ code: 'collect.body.malformed', status: 400 })
    expect(error.message).toContain(`at byte ${offset}`)
  })

  it('takes an array nested 200,000 deep as one record, without recursion', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    expect((await split('application/json', `[${deep},1]`)).texts).toEqual([deep, '1'])
  })

  it('gives each element of any array as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.constantFrom('', ' ', '\n', '\t\r\n '),
        async (values, space) => {
          const texts = values.map((value) => JSON.stringify(value))
          const body = `${space}[${space}${texts.join(`${space},${space}`)}${space}]${space}`
          expect((await split('application/json', body)).texts).toEqual(texts)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('refuses or takes any bytes, and never fails otherwise', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'[]{},:"\\ a1'), maxLength: 40 }), async (body) => {
        const records = await split('application/json', body).catch((error: unknown) => error)
        if (records instanceof Error) expect(records).toMatchObject({ code: 'collect.body.malformed' })
      }),
      { numRuns: 2000 },
    )
  })
})

describe('text', () => {
  it('is a record a line that is not empty', async () => {
    const { texts, format } = await split('text/plain', 'one\r\n\n two \nthree')
    expect(texts).toEqual(['one', ' two ', 'three'])
    expect(format).toBe('text')
  })
})

describe('CSV', () => {
  it('is a record a row, with the header beside each', async () => {
    const { texts, format, headers } = await split('text/csv', '\uFEFFa,b\r\n1,2\r\n\r\n"x\n""y""",3\r\n')
    expect(texts).toEqual(['1,2', '"x\n""y""",3'])
    expect(format).toBe('csv')
    expect(headers).toEqual({ columns: 'a,b', delimiter: ',' })
  })

  it.each([
    ['a;b;"c,d"', ';'],
    ['a\tb', '\t'],
    ['a|b', '|'],
    ['alone', ','],
  ])('finds the delimiter of %s', async (header, delimiter) => {
    expect((await split('text/csv', `${header}\n1\n`)).headers.delimiter).toBe(delimiter)
  })

  it('is not led astray by a stray quote', async () => {
    expect((await split('text/csv', 'a,b\n1,2"\n3,4\n')).texts).toEqual(['1,2"', '3,4'])
  })

  it('takes a quote that never closes as one row to the end', async () => {
    expect((await split('text/csv', 'a,b\n1,"2\n3,4\n')).texts).toEqual(['1,"2\n3,4\n'])
  })

  it('is refused without a header, with one too long, and when many rows would each store a long one', async () => {
    expect(await refusal(split('text/csv', '\n1,2\n'))).toMatchObject({ code: 'collect.body.malformed' })
    const wide = `${'c'.repeat(RECORDS_LIMITS.csvHeaderBytesMax + 1)}\n1\n`
    expect(await refusal(split('text/csv', wide))).toMatchObject({ code: 'collect.body.tooLarge' })
    const many = `${'c'.repeat(8000)}\n${'1\n'.repeat(10_000)}`
    expect(await refusal(split('text/csv', many))).toMatchObject({ code: 'collect.body.tooLarge' })
  })
})

describe('content encodings', () => {
  const body = '{"a":1}\n{"b":2}\n'
  const skippable = Buffer.from('502a4d180300000041ff42', 'hex') // RFC 8878 3.1.2
  it.each([
    ['gzip', gzipSync(body)],
    ['GZIP', gzipSync(body)],
    ['gzip', Buffer.concat([gzipSync('{"a":1}\n'), gzipSync('{"b":2}\n')])],
    ['zstd', zstdCompressSync(body)],
    ['zstd', Buffer.concat([zstdCompressSync('{"a":1}\n'), zstdCompressSync('{"b":2}\n')])],
    ['zstd', Buffer.concat([skippable, zstdCompressSync(body), skippable])],
    ['gzip', Buffer.concat([gzipSync(body), Buffer.alloc(16)])],
    ['identity', Buffer.from(body)],
  ])('%s is taken off', async (encoding, encoded) => {
    expect((await split('application/x-ndjson', encoded, encoding)).texts).toEqual(['{"a":1}', '{"b":2}'])
  })

  it('a zstd bomb in many frames is refused at the limit', async () => {
    const frame = zstdCompressSync(Buffer.alloc(MIB))
    const frames = (count: number) => Buffer.concat(Array.from({ length: count }, () => frame))
    expect(await refusal(split('text/plain', frames(17), 'zstd'))).toMatchObject({ code: 'collect.body.tooLarge' })
  })

  it.each(['gzip', 'zstd'] as const)('a %s bomb is refused at the limit', async (encoding) => {
    const zeros = Buffer.alloc(256 * MIB)
    const bomb = encoding === 'gzip' ? gzipSync(zeros, { level: 1 }) : zstdCompressSync(zeros)
    const before = process.memoryUsage().arrayBuffers
    const error = await refusal(split('text/plain', bomb, encoding))
    expect(error).toMatchObject({ code: 'collect.body.tooLarge', status: 413 })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * MIB)
  })

  it('a zstd frame that wants a huge window is refused', async () => {
    const greedy = zstdCompressSync(Buffer.alloc(1000, 1), {
      params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 },
    })
    // Without a content size the frame states its window.
    const error = await refusal(split('text/plain', withWindow(greedy, 27), 'zstd'))
    expect(error).toMatchObject({ code: 'collect.body.malformed', status: 400 })
  })

  it.each([
    ['gzip', gzipSync(body).subarray(0, -9)],
    ['gzip', Buffer.from('no gzip at all')],
    ['zstd', zstdCompressSync(body).subarray(0, -4)],
    ['zstd', Buffer.from('no zstd at all')],
    ['gzip', Buffer.concat([gzipSync(body), Buffer.from('junk')])],
    ['zstd', Buffer.concat([zstdCompressSync(body), Buffer.from('junk')])],
    ['zstd', Buffer.concat(Array.from({ length: RECORDS_LIMITS.zstdFramesMax + 1 }, () => zstdCompressSync('')))],
    ['gzip', Buffer.alloc(0)],
  ])('a %s body that is broken or cut off is refused whole', async (encoding, encoded) => {
    expect(await refusal(split('application/x-ndjson', encoded, encoding))).toMatchObject({
      code: 'collect.body.malformed',
      status: 400,
    })
  })

  it('others are refused', async () => {
    expect(await refusal(split('text/plain', 'x', 'br'))).toMatchObject({
      code: 'collect.contentEncoding.unsupported',
      status: 415,
    })
    expect(await refusal(split('text/plain', 'x', 'gzip, gzip'))).toMatchObject({
      code: 'collect.contentEncoding.unsupported',
    })
  })
})

/** A zstd frame whose header says that it needs a window of 2^log bytes.   @see RFC 8878 3.1.1.1 */
function withWindow(frame: Buffer, log: number): Buffer {
  const magic = frame.subarray(0, 4)
  const content = Buffer.from('hello')
  const blockHeader = Buffer.alloc(3)
  blockHeader.writeUIntLE((content.length << 3) | 1, 0, 3)
  return Buffer.concat([magic, Buffer.from([0x00, (log - 10) << 3]), blockHeader, content])
}

describe('content types', () => {
  it.each(['application/xml', '', 'application/jsonx', 'text/plain; charset=utf-16'])('%s is refused', async (type) => {
    expect(await refusal(split(type, 'x'))).toMatchObject({ code: 'collect.contentType.unsupported', status: 415 })
  })
  it('none is refused', async () => {
    const request = { contentType: undefined, contentEncoding: undefined, body: Buffer.from('x') }
    expect(await refusal(splitRecords(request))).toMatchObject({ code: 'collect.contentType.unsupported' })
  })
  it('case and parameters do not matter', async () => {
    expect((await split('Text/Plain; Charset="UTF-8"', 'x')).texts).toEqual(['x'])
  })
})
