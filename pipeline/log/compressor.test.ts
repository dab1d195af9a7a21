import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Compressor } from './compressor.ts'
import { logLimitDefaults } from './limits.ts'

const text = Buffer.from('the same again and again, '.repeat(1_000))
const noise = (): Uint8Array => crypto.getRandomValues(new Uint8Array(10_000))

test('compresses what gets smaller, and leaves what is short', () => {
  const compressor = new Compressor(logLimitDefaults)
  const compressed = compressor.tryCompress(text)
  expect(compressed && zstdDecompressSync(compressed).equals(text)).toBe(true)
  expect(compressor.tryCompress(text.subarray(0, 4_000))).toBeUndefined()
})

test('after a block that does not get smaller some are not tried, and then it looks again', () => {
  const compressor = new Compressor(logLimitDefaults)
  expect(compressor.tryCompress(noise())).toBeUndefined()
  const tried = Array.from({ length: 20 }, () => compressor.tryCompress(text) !== undefined)
  expect(tried.indexOf(true)).toBe(15)
  expect(tried.slice(15)).toEqual([true, true, true, true, true])
})
