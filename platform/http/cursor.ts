import { httpError } from './errors.ts'

/** Where a list goes on, as a caller carries it: opaque, and the same for the same place. */
export function formatCursor(place: string): string {
  return Buffer.from(place, 'utf8').toString('base64url')
}

/** The place that `formatCursor` was given. @throws platform.http.malformed */
export function parseCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const place = Buffer.from(cursor, 'base64url').toString('utf8')
  if (place === '' || place.includes('\u0000') || formatCursor(place) !== cursor) {
    throw httpError('platform.http.malformed', '`cursor` is not one that a list gave as `nextCursor`')
  }
  return place
}
