import type { JsonObject } from '../../../pipeline/index.ts'
import { BinXml } from './bin-xml.ts'
import { Budget, DamagedEvent } from './bytes.ts'
import { EventWriter } from './to-json.ts'

/** How a Windows event log begins, and where its chunks do. Every chunk is read by itself: what the header says of them is
 * not up to date in a log that was not closed.   @see libyal, Windows XML Event Log (EVTX) format */
export const EVTX_MAGIC = 'ElfFile\0'
export const EVTX_HEADER_BYTES = 4_096
export const EVTX_CHUNK_BYTES = 65_536

const CHUNK_MAGIC = 'ElfChnk\0'
const FREE_AT = 0x30
const RECORDS_AT = 0x200
const RECORD_MAGIC = 0x2a2a
/** Magic, size, number, time in front; the size again behind. */
const RECORD_HEAD_BYTES = 24
const RECORD_TAIL_BYTES = 4

export interface ChunkEvents {
  /** In the order in which they were written. */
  readonly events: readonly JsonObject[]
  /** How many more there are that cannot be read. */
  readonly damaged: number
}

/** The events of a chunk; one that was never written holds none. Of what stands behind a record that does not say where the
 * next one begins, one is counted. */
export function readEvtxChunk(chunk: Buffer): ChunkEvents {
  if (chunk.toString('latin1', 0, CHUNK_MAGIC.length) !== CHUNK_MAGIC) {
    return { events: [], damaged: chunk.every((byte) => byte === 0) ? 0 : 1 }
  }
  if (chunk.length < RECORDS_AT) return { events: [], damaged: 1 }
  const budget = new Budget()
  const xml = new BinXml(chunk, budget)
  const writer = new EventWriter(chunk, xml, budget)
  const events: JsonObject[] = []
  let damaged = 0
  const end = chunk.readUInt32LE(FREE_AT)
  for (let at = RECORDS_AT; at + RECORD_HEAD_BYTES <= end; ) {
    const isHere = at + RECORD_HEAD_BYTES <= chunk.length && chunk.readUInt32LE(at) === RECORD_MAGIC
    const length = isHere ? chunk.readUInt32LE(at + 4) : 0
    // Where the next one begins is not known.
    if (length < RECORD_HEAD_BYTES + RECORD_TAIL_BYTES || at + length > chunk.length) {
      damaged++
      break
    }
    try {
      events.push(writer.write(xml.read(at + RECORD_HEAD_BYTES, at + length - RECORD_TAIL_BYTES)))
    } catch (failure) {
      if (!(failure instanceof DamagedEvent)) throw failure
      damaged++
    }
    at += length
  }
  return { events, damaged }
}
