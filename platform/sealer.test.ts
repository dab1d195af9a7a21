import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decryptXaes, encryptXaes, openSealer } from './sealer.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'rampart-sealer-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const keyFile = () => join(dataDir, 'root.key')
const text = (value: string) => Buffer.from(value, 'utf8')

describe('XAES-256-GCM', () => {
  it.each([
    [0x01, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
    [0x03, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
  ])('agrees with the vector of C2SP under the key of bytes %i', (byte, aad, expected) => {
    const input = { key: Buffer.alloc(32, byte), nonce: text('ABCDEFGHIJKLMNOPQRSTUVWX'), aad: text(aad) }
    const sealed = encryptXaes(input, text('XAES-256-GCM'))
    expect(sealed.toString('hex')).toBe(expected)
    expect(decryptXaes(input, sealed)?.toString()).toBe('XAES-256-GCM')
  })
})

describe('a sealer', () => {
  it('opens what it sealed, also after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.string(), async (plaintext, purpose) => {
        const sealed = await openSealer({ dataDir }).seal(plaintext, purpose)
        expect([...(await openSealer({ dataDir }).open(sealed, purpose))]).toEqual([...plaintext])
      }),
      { numRuns: 50 },
    )
  })

  it('seals the same twice into different bytes', async () => {
    const sealer = openSealer({ dataDir })
    const [a, b] = [await sealer.seal(text('same'), 'p'), await sealer.seal(text('same'), 'p')]
    expect(Buffer.from(a).equals(Buffer.from(b))).toBe(false)
    expect(Buffer.from(a).includes('same')).toBe(false)
  })

  it('refuses a blob with any bit changed, any byte missing or one more', async () => {
    const sealer = openSealer({ dataDir })
    const sealed = await sealer.seal(text('access key'), 'iam/access-key')
    const damaged = [Buffer.concat([sealed, Buffer.of(0)])]
    for (let length = 0; length < sealed.length; length++) damaged.push(Buffer.from(sealed.subarray(0, length)))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const copy = Buffer.from(sealed)
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      damaged.push(copy)
    }
    for (const blob of damaged) {
      await expect(sealer.open(blob, 'iam/access-key')).rejects.toMatchObject({ code: 'platform.sealer.cannotOpen' })
    }
  })

  it('refuses another purpose and another root key', async () => {
    const sealed = await openSealer({ dataDir }).seal(text('x'), 'a')
    await expect(openSealer({ dataDir }).open(sealed, 'b')).rejects.toMatchObject({
      code: 'platform.sealer.cannotOpen',
    })
    rmSync(keyFile())
    await expect(openSealer({ dataDir }).open(sealed, 'a')).rejects.toMatchObject({
      code: 'platform.sealer.cannotOpen',
    })
  })

  it('refuses to seal more than its bound', async () => {
    const sealing = openSealer({ dataDir }).seal(Buffer.alloc(16 * 1024 * 1024 + 1), 'p')
    await expect(sealing).rejects.toMatchObject({ code: 'platform.sealer.tooLarge' })
  })
})

describe('the root key', () => {
  it('is made once, for its owner alone', () => {
    openSealer({ dataDir })
    const made = readFileSync(keyFile())
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600)
    openSealer({ dataDir })
    expect(readFileSync(keyFile()).equals(made)).toBe(true)
  })

  it.each([0o640, 0o604, 0o660, 0o666, 0o610])('is refused with mode %o', (mode) => {
    openSealer({ dataDir })
    chmodSync(keyFile(), mode)
    expect(() => openSealer({ dataDir })).toThrowError(expect.objectContaining({ code: 'platform.sealer.keyExposed' }))
  })

  it.each([
    '',
    'rampart-root-key-1:',
    'rampart-root-key-1:AAAA',
    'x'.repeat(32),
    `rampart-root-key-2:${'A'.repeat(43)}=`,
  ])('is refused when it reads %j, and is not replaced', (content) => {
    writeFileSync(keyFile(), content, { mode: 0o600 })
    expect(() => openSealer({ dataDir })).toThrowError(
      expect.objectContaining({ code: 'platform.sealer.keyMalformed' }),
    )
    expect(readFileSync(keyFile(), 'utf8')).toBe(content)
  })
})
