import { constants, zstdCompressSync } from 'node:zlib'
import type { LogLimits } from './limits.ts'

/** Level 1: 1.8 GB/s and a tenth of the bytes on Windows events; higher levels cost more than they save. Synchronous:
 * handing a block to another thread costs this one half as much as compressing it. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** A compressed block must be this much smaller to be worth inflating again. */
const RATIO_MAX = 0.9
/** Blocks of a shard not tried after one that did not pay: what comes encrypted or compressed mostly stays so. */
const PASS_OVER = 15

/** Compresses a shard's blocks where that pays. */
export class Compressor {
  readonly #bytesMin: number
  #passOver = 0

  constructor(limits: LogLimits) {
    this.#bytesMin = limits.compressBytesMin
  }

  /** The block compressed; undefined when it is better kept as it is. */
  tryCompress(content: Uint8Array): Uint8Array | undefined {
    if (content.length < this.#bytesMin) return undefined
    if (this.#passOver > 0) {
      this.#passOver -= 1
      return undefined
    }
    const compressed = zstdCompressSync(content, OPTIONS)
    if (compressed.length < content.length * RATIO_MAX) return compressed
    this.#passOver = PASS_OVER
    return undefined
  }
}
