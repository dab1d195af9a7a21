import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES, readEvtxChunk } from '../../collectors/files/evtx/chunk.ts'
import { type EvtxEvent, type EvtxValue, long, text, word, writeEvtx } from '../../collectors/testing/evtx-file.ts'
import { engineUrl } from '../support/engines.ts'

const python = engineUrl('evtx')
const script = fileURLToPath(new URL('read-evtx.py', import.meta.url))

const bytesOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes))
const words = fc.string({
  unit: fc.constantFrom('a', 'Z', '"', '&', '<', 'é', '日', '\\', '\n', '-'),
  minLength: 1,
  maxLength: 40,
})

/** Every type of which both say the same thing. */
const values: fc.Arbitrary<EvtxValue> = fc.oneof(
  words.map(text),
  words.map((word) => ({ type: 0x02, bytes: Buffer.from(word, 'latin1') })),
  ...[
    [0x03, 1],
    [0x04, 1],
    [0x05, 2],
    [0x06, 2],
    [0x07, 4],
    [0x08, 4],
    [0x0f, 16],
    [0x14, 4],
    [0x15, 8],
  ].map(([type = 0, size = 0]) => bytesOf(size).map((bytes) => ({ type, bytes }))),
  fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }).map((value) => ({ type: 0x09, bytes: long(value) })),
  fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }).map((value) => ({ type: 0x0a, bytes: long(value) })),
  fc.boolean().map((value) => ({ type: 0x0d, bytes: word(value ? 1 : 0, 4) })),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => ({ type: 0x0e, bytes: Buffer.from(bytes) })),
  fc
    .bigInt({ min: 116_444_736_000_000_000n, max: 157_000_000_000_000_000n })
    .map((value) => ({ type: 0x11, bytes: long(value) })),
  fc.array(fc.nat({ max: 2 ** 32 - 1 }), { maxLength: 15 }).map((parts) => ({
    type: 0x13,
    bytes: Buffer.concat([Buffer.from([1, parts.length, 0, 0, 0, 0, 0, 5]), ...parts.map((part) => word(part, 4))]),
  })),
)

/** Of those with a name, theirs keeps the first alone. */
const lists: fc.Arbitrary<EvtxValue> = fc
  .array(words, { minLength: 2, maxLength: 4 })
  .map((parts) => ({ type: 0x81, bytes: Buffer.from(`${parts.join('\0')}\0`, 'utf16le') }))

const events: fc.Arbitrary<readonly EvtxEvent[]> = fc.array(
  fc.record({
    channel: fc.constantFrom('Security', 'Microsoft-Windows-Sysmon/Operational', 'Größe & Maß'),
    eventId: fc.nat({ max: 65_535 }),
    ticks: fc.bigInt({ min: 116_444_736_000_000_000n, max: 157_000_000_000_000_000n }),
    // Of named ones and others beside one another, theirs keeps the named alone.
    data: fc.oneof(
      fc.uniqueArray(fc.tuple(fc.constantFrom('Image', 'User', 'Hashes', 'Übung', 'P1', 'P2', 'P3'), values), {
        maxLength: 6,
        selector: ([name]) => name,
      }),
      fc.array(fc.tuple(fc.constant(''), fc.oneof(values, lists)), { maxLength: 4 }),
    ),
  }),
  { minLength: 1, maxLength: 400, size: 'max' },
)

describe('Windows event logs', () => {
  it.skipIf(!python)('are read as the Rust library evtx reads them', { timeout: 120_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'rampart-evtx-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'log.evtx')
    fc.assert(
      fc.property(events, (written) => {
        const file = writeEvtx(written)
        writeFileSync(path, file)
        const theirs = execFileSync(python!, [script, path], { encoding: 'utf8', maxBuffer: 1 << 28 })
        const ours: unknown[] = []
        for (let at = EVTX_HEADER_BYTES; at < file.length; at += EVTX_CHUNK_BYTES) {
          const { events, damaged } = readEvtxChunk(file.subarray(at, at + EVTX_CHUNK_BYTES))
          expect(damaged).toBe(0)
          ours.push(...events)
        }
        expect(ours).toEqual(
          theirs
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line)),
        )
      }),
      { numRuns: 25, interruptAfterTimeLimit: 60_000 },
    )
  })
})
