import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { IMPORT_PART_BYTES } from '../limits.ts'
import { isRecord } from './json-depth.ts'

const UUID_FILE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The files that a path stands for: itself; of a MISP feed folder the events that its `manifest.json` names; of any
 * other folder the files in it. */
export function findImportFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  const manifest = join(path, 'manifest.json')
  if (existsSync(manifest)) {
    const events: unknown = JSON.parse(readFileSync(manifest, 'utf8'))
    const ids = isRecord(events) ? Object.keys(events) : []
    // A name from outside never leads out of the folder.
    return ids.filter((id) => UUID_FILE.test(id)).map((id) => join(path, `${id}.json`))
  }
  return readdirSync(path)
    .sort()
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
}

/** A file in parts that one call takes. One that is read line by line is cut between lines, a header staying with each
 * part; others are one part. */
export function* splitImport(
  bytes: Buffer,
  format: string | undefined,
): Generator<{ readonly bytes: Buffer; readonly format: string | undefined }> {
  const start = bytes.subarray(0, 64).toString('latin1').trimStart()
  const isJson = format === 'stix' || format === 'misp' || start.startsWith('[')
  const firstEnd = bytes.indexOf(10)
  const isLines =
    format !== undefined ? !isJson : start.startsWith('{') ? isWhole(bytes.subarray(0, firstEnd)) : !isJson
  if (bytes.length <= IMPORT_PART_BYTES || !isLines) {
    if (bytes.length > 0) yield { bytes, format }
    return
  }
  const header = format === 'csv' || (format === undefined && !start.startsWith('{')) ? headerOf(bytes) : undefined
  for (let from = 0; from < bytes.length; ) {
    const cut =
      from + IMPORT_PART_BYTES >= bytes.length ? bytes.length : bytes.lastIndexOf(10, from + IMPORT_PART_BYTES) + 1
    const end = cut > from ? cut : bytes.length
    const part = bytes.subarray(from, end)
    yield { bytes: header && from > 0 ? Buffer.concat([header, part]) : part, format: header ? 'csv' : format }
    from = end
  }
}

function isWhole(line: Buffer): boolean {
  try {
    JSON.parse(line.toString('utf8'))
    return true
  } catch {
    return false
  }
}

/** The line that names the columns, where one of the first lines does. */
function headerOf(bytes: Buffer): Buffer | undefined {
  const lines = bytes.subarray(0, 8_192).toString('latin1').split('\n').slice(0, 20)
  const header = lines.find((line) => /^\W*(?:[a-z_ 0-9"]+[,;\t])+/i.test(line) && !/[.@]/.test(line))
  return header === undefined ? undefined : Buffer.from(`${header}\n`, 'latin1')
}
