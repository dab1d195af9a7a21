import { endOfValue, findRecordsArray, scanArray, skipSpace } from '../records/json-array.ts'

/** The records of a file that is JSON in the large. */
export interface DocumentRecords {
  /** Stretches of the file, none of them parsed. */
  readonly records: readonly Buffer[]
  /** Why there may be more that were not found. */
  readonly problem?: string
}

const OPEN_ARRAY = 0x5b
const OPEN_OBJECT = 0x7b

/** Takes JSON values apart that stand one after the other: the elements of arrays, the elements of `Records` of an object
 * that begins with it (CloudTrail's files), other objects as they are. */
export function splitDocument(bytes: Buffer): DocumentRecords {
  const records: Buffer[] = []
  const take = ({ start, end }: { readonly start: number; readonly end: number }): void => {
    records.push(bytes.subarray(start, end))
  }
  const broken = (offset: number, problem: string): DocumentRecords => ({
    records,
    problem: `broken JSON: ${problem} at byte ${offset}`,
  })
  for (let at = skipSpace(bytes, 0); at < bytes.length; at = skipSpace(bytes, at)) {
    const isArray = bytes[at] === OPEN_ARRAY
    if (!isArray && bytes[at] !== OPEN_OBJECT) return broken(at, 'neither an array nor an object starts')
    const array = isArray ? at : findRecordsArray(bytes, at)
    if (array !== undefined) {
      const scanned = scanArray(bytes, array, take)
      if ('problem' in scanned) return broken(scanned.offset, scanned.problem)
      if (isArray) {
        at = scanned.end
        continue
      }
    }
    const end = endOfValue(bytes, at)
    if (end < 0) return broken(at, 'the object does not end')
    if (array === undefined) take({ start: at, end })
    at = end
  }
  return { records }
}
