import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFileOnce } from './base/atomic-file.ts'
import { defineErrors } from './base/errors.ts'
import type { Sealer } from './ports.ts'

const sealerError = defineErrors({
  'platform.sealer.cannotOpen': { status: 500, title: 'Sealed bytes cannot be opened' },
  'platform.sealer.keyExposed': { status: 500, title: 'Others may read the root key' },
  'platform.sealer.keyMalformed': { status: 500, title: 'Not a root key' },
  'platform.sealer.tooLarge': { status: 413, title: 'Too large to seal' },
})

const KEY_FILE = 'root.key'
const KEY_PREFIX = 'rampart-root-key-1:'
const KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16
/** First byte of every blob; another layout or algorithm takes another number. */
const VERSION = 1
/** What is sealed are rows of the control-plane database. */
const SEALED_BYTES_MAX = 16 * 1024 * 1024

/** Seals under `<dataDir>/root.key`, made on first use. XAES-256-GCM: AES-256-GCM whose key is derived from half of a
 * 24-byte nonce, so that random nonces never run out (12 bytes are good for 2^32 messages only). A blob is version,
 * nonce, ciphertext, tag; version and purpose are authenticated with it.
 * @throws platform.sealer.keyExposed where the key file may be read by others than its owner
 * @throws platform.sealer.keyMalformed   @see C2SP XAES-256-GCM; NIST SP 800-38D */
export function openSealer(options: { readonly dataDir: string }): Sealer {
  const key = loadRootKey(join(options.dataDir, KEY_FILE))
  return {
    async seal(plaintext, purpose) {
      if (plaintext.length > SEALED_BYTES_MAX) {
        throw sealerError('platform.sealer.tooLarge', `at most ${SEALED_BYTES_MAX} bytes can be sealed at once`)
      }
      const nonce = randomBytes(NONCE_BYTES)
      return Buffer.concat([Buffer.of(VERSION), nonce, encryptXaes({ key, nonce, aad: aadOf(purpose) }, plaintext)])
    },
    async open(sealed, purpose) {
      const opened =
        sealed[0] === VERSION && sealed.length >= 1 + NONCE_BYTES + TAG_BYTES
          ? decryptXaes(
              { key, nonce: sealed.subarray(1, 1 + NONCE_BYTES), aad: aadOf(purpose) },
              sealed.subarray(1 + NONCE_BYTES),
            )
          : undefined
      if (!opened) {
        throw sealerError(
          'platform.sealer.cannotOpen',
          `stored bytes cannot be opened for \`${purpose}\`: they were changed, or sealed under another \`${KEY_FILE}\``,
        )
      }
      return opened
    },
  }
}

function aadOf(purpose: string): Buffer {
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(purpose, 'utf8')])
}

function loadRootKey(path: string): Buffer {
  const found = readRootKey(path)
  if (found) return found
  createFileOnce(path, Buffer.from(`${KEY_PREFIX}${randomBytes(KEY_BYTES).toString('base64')}\n`), 0o600)
  // Read back even what was just written: another process may have been first, and the disk has the last word.
  const made = readRootKey(path)
  if (!made) throw sealerError('platform.sealer.keyMalformed', `\`${path}\` was made and is gone again`)
  return made
}

function readRootKey(path: string): Buffer | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    // Of the open file, not of the name: the name may be another file by now.
    if ((fstatSync(file).mode & 0o077) !== 0) {
      throw sealerError(
        'platform.sealer.keyExposed',
        `others than its owner may read \`${path}\`; \`chmod 600\` it, and if anybody may have read it, start with a new data folder`,
      )
    }
    return parseRootKey(readFileSync(file, 'latin1'), path)
  } finally {
    closeSync(file)
  }
}

function parseRootKey(text: string, path: string): Buffer {
  const key = Buffer.from(text.startsWith(KEY_PREFIX) ? text.slice(KEY_PREFIX.length).trim() : '', 'base64')
  if (key.length !== KEY_BYTES) {
    throw sealerError(
      'platform.sealer.keyMalformed',
      `\`${path}\` is no root key; put back the one from your backup: without it nothing sealed in this data folder can be opened`,
    )
  }
  return key
}

/** What both directions need. */
export interface XaesInput {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 24 bytes, never used twice under one key. */
  readonly nonce: Uint8Array
  readonly aad: Uint8Array
}

/** Ciphertext followed by the tag.   @see C2SP XAES-256-GCM */
export function encryptXaes(input: XaesInput, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', deriveKey(input), input.nonce.subarray(12))
  cipher.setAAD(input.aad)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** The plaintext, or undefined where anything does not fit. */
export function decryptXaes(input: XaesInput, sealed: Uint8Array): Buffer | undefined {
  const end = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', deriveKey(input), input.nonce.subarray(12), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(input.aad)
  decipher.setAuthTag(sealed.subarray(end))
  const plaintext = decipher.update(sealed.subarray(0, end))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    plaintext.fill(0)
    return undefined
  }
}

/** The key of one nonce: CMAC over two blocks that hold its first half.   @see NIST SP 800-108r1, SP 800-38B */
function deriveKey(input: XaesInput): Buffer {
  const subkey = double(aesBlocks(input.key, Buffer.alloc(16)))
  const blocks = Buffer.concat([
    Buffer.from([0, 1, 0x58, 0]),
    input.nonce.subarray(0, 12),
    Buffer.from([0, 2, 0x58, 0]),
    input.nonce.subarray(0, 12),
  ])
  for (let index = 0; index < blocks.length; index++) {
    blocks.writeUInt8(blocks.readUInt8(index) ^ subkey.readUInt8(index % 16), index)
  }
  return aesBlocks(input.key, blocks)
}

/** Each 16-byte block encrypted by itself. */
function aesBlocks(key: Uint8Array, blocks: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null)
  cipher.setAutoPadding(false)
  return Buffer.concat([cipher.update(blocks), cipher.final()])
}

/** Multiplication by x in GF(2^128).   @see NIST SP 800-38B 6.1 */
function double(block: Buffer): Buffer {
  const doubled = Buffer.alloc(16)
  for (let index = 0; index < 16; index++) {
    const next = index < 15 ? block.readUInt8(index + 1) : 0
    doubled.writeUInt8(((block.readUInt8(index) << 1) & 0xff) | (next >> 7), index)
  }
  if ((block.readUInt8(0) & 0x80) !== 0) doubled.writeUInt8(doubled.readUInt8(15) ^ 0x87, 15)
  return doubled
}
