import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import type { Disk } from './disk.ts'
import type { FrameKey } from './frame.ts'

/** 16 random bytes, one log's own. */
export type LogId = Buffer

const FILE = 'log.json'

export function newLogId(): LogId {
  return randomBytes(16)
}

export function frameKeyOf(id: LogId): FrameKey {
  // A mark of zero would be found in every zero-filled tail.
  return { mark: id.readUInt32LE(0) || 1, seed: crc32c(id) }
}

/** The id kept in the log's directory; undefined when there is none or it is damaged. */
export async function readLogId(disk: Disk, dir: string): Promise<LogId | undefined> {
  const bytes = await disk.readFile(join(dir, FILE))
  const id = /"id":"([0-9a-f]{32})","crc":([0-9]+)}/.exec(bytes?.toString('latin1') ?? '')
  if (id?.[1] === undefined || crc32c(id[1]) !== Number(id[2])) return undefined
  return Buffer.from(id[1], 'hex')
}

export async function writeLogId(disk: Disk, dir: string, id: LogId): Promise<void> {
  const hex = id.toString('hex')
  await disk.replaceFile(join(dir, FILE), Buffer.from(`{"version":1,"id":"${hex}","crc":${crc32c(hex)}}\n`))
  const file = await disk.open(join(dir, FILE), 'write')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.syncDir(dir)
}
