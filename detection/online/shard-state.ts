import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { CorrelatorState } from '../correlate/state.ts'
import { detectionError } from '../errors.ts'
import { STATE_BYTES_MAX } from '../limits.ts'
import type { StormState } from './storm-guard.ts'

/** What later findings of a shard depend on. */
export interface ShardState {
  readonly correlator: CorrelatorState
  readonly storm: StormState
}

const VERSION = 1

/** The state as bytes: JSON under zstd, with a version in front. */
export function encodeState(state: ShardState): Uint8Array {
  const json = Buffer.from(JSON.stringify({ version: VERSION, ...state }))
  return zstdCompressSync(json, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}

/** @throws detection.state.unreadable when the bytes are not what `encodeState` wrote */
export function decodeState(bytes: Uint8Array): ShardState {
  try {
    const state = JSON.parse(zstdDecompressSync(bytes, { maxOutputLength: STATE_BYTES_MAX }).toString('utf8'))
    if (state?.version === VERSION && Array.isArray(state.correlator)) return state as ShardState
  } catch (cause) {
    throw detectionError('detection.state.unreadable', 'the state of the detection of a shard cannot be read', {
      cause,
    })
  }
  throw detectionError('detection.state.unreadable', `the state of the detection of a shard is of another version`)
}
