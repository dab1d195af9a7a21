import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Sealer } from '../../platform/index.ts'
import { HISTORY_BYTES_MAX } from '../limits.ts'

/** Below this, compressing costs more bytes than it saves. */
const COMPRESS_BYTES_MIN = 200
const PLAIN = 0
const ZSTD = 1

/** Keeps values in the database: JSON, compressed, sealed. `place` is authenticated: a payload that was moved to
 * another row does not open. */
export class Payloads {
  readonly #sealer: Sealer

  constructor(sealer: Sealer) {
    this.#sealer = sealer
  }

  async seal(value: unknown, place: string): Promise<Uint8Array> {
    const json = Buffer.from(JSON.stringify(value), 'utf8')
    const small = json.length < COMPRESS_BYTES_MIN
    const body = small ? json : zstdCompressSync(json)
    return this.#sealer.seal(Buffer.concat([Buffer.of(small ? PLAIN : ZSTD), body]), `playbooks/${place}`)
  }

  /** @throws platform.sealer.cannotOpen where the bytes are not what was sealed for `place` */
  async open(sealed: Uint8Array, place: string): Promise<unknown> {
    const opened = await this.#sealer.open(sealed, `playbooks/${place}`)
    const body = opened.subarray(1)
    const json = opened[0] === ZSTD ? zstdDecompressSync(body, { maxOutputLength: HISTORY_BYTES_MAX }) : body
    return JSON.parse(json.toString('utf8'))
  }
}
