import { createGunzip } from 'node:zlib'
import { detectionError } from './errors.ts'
import { IMPORT_BYTES_MAX, IMPORT_FILES_MAX } from './limits.ts'

/** A file of an archive. */
export interface ArchivedFile {
  readonly path: string
  readonly bytes: Buffer
}

const BLOCK = 512

/** The files of a gzip-compressed tar archive whose names fit; links and devices are passed over, and paths are only names:
 * nothing is written anywhere.
 * @throws detection.import.unreadable (400), detection.import.tooLarge (413)
 * @see POSIX.1-2017, pax, ustar interchange format; GNU tar, long names */
export async function readTarGz(archive: Buffer, names: RegExp): Promise<readonly ArchivedFile[]> {
  const tar = await inflate(archive)
  const files: ArchivedFile[] = []
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) break
    requireChecksum(header, at)
    const size = octal(header.subarray(124, 136))
    const type = String.fromCharCode(header[156] ?? 0)
    const body = tar.subarray(at + BLOCK, at + BLOCK + size)
    if (body.length < size) throw unreadable(`the archive ends inside the file at byte ${at}`)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (type === 'L') longName = cString(body)
    else if (type === 'x') longName = paxPath(body) ?? longName
    else {
      const path = longName ?? nameOf(header)
      longName = undefined
      if ((type !== '0' && type !== '\0') || !names.test(path)) continue
      if (files.length >= IMPORT_FILES_MAX) {
        throw detectionError(
          'detection.import.tooLarge',
          `the archive has more than ${IMPORT_FILES_MAX} rule files; split it`,
        )
      }
      files.push({ path, bytes: body })
    }
  }
  return files
}

/** A gzip-less tar archive of these files. */
export function writeTar(files: readonly ArchivedFile[]): Buffer {
  const blocks: Buffer[] = []
  for (const { path, bytes } of files) {
    if (Buffer.byteLength(path) > 100) blocks.push(...entry('././@LongLink', 'L', Buffer.from(`${path}\0`)))
    blocks.push(...entry(path, '0', bytes))
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
}

function entry(path: string, type: string, bytes: Buffer): Buffer[] {
  const header = Buffer.alloc(BLOCK)
  header.write(path, 0, 100)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write(type, 156)
  header.write('ustar\x0000', 257)
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148)
  return [header, bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]
}

async function inflate(archive: Buffer): Promise<Buffer> {
  const gunzip = createGunzip()
  const chunks: Buffer[] = []
  let bytes = 0
  gunzip.end(archive)
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > IMPORT_BYTES_MAX) {
        gunzip.destroy()
        throw detectionError(
          'detection.import.tooLarge',
          `unpacked, the archive has more than ${IMPORT_BYTES_MAX} bytes`,
        )
      }
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof Error && 'status' in error) throw error
    throw unreadable('the body is no gzip-compressed archive', error)
  }
  return Buffer.concat(chunks)
}

function requireChecksum(header: Buffer, at: number): void {
  if (octal(header.subarray(148, 156)) !== checksum(header)) {
    throw unreadable(`the archive has no valid tar header at byte ${at}`)
  }
}

/** The sum of the header's bytes with spaces where the sum itself stands. */
function checksum(header: Buffer): number {
  let sum = 0
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 32 : (header[at] ?? 0)
  return sum
}

function octal(field: Buffer): number {
  const digits = cString(field).trim()
  if (!/^[0-7]{0,12}$/.test(digits)) throw unreadable('the archive has a number that is not octal')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function nameOf(header: Buffer): string {
  const name = cString(header.subarray(0, 100))
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? cString(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** The `path` of a pax header: `<length> path=<value>\n`. */
function paxPath(body: Buffer): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(body.toString('utf8'))?.[1]
}

function cString(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

function unreadable(reason: string, cause?: unknown) {
  return detectionError('detection.import.unreadable', `${reason}; send a .tar.gz of a folder of rules`, { cause })
}
