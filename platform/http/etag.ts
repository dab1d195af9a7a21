import { httpError } from './errors.ts'

/** The entity tag of a thing at a revision, as `ETag` carries it. */
export function etagOf(revision: number): string {
  return `"${revision}"`
}

/** Refuses a write that was meant for another revision; without `If-Match` any is fine.
 * @throws platform.http.changed (412), platform.http.malformed (400)
 * @see RFC 9110 13.1.1 (a weak tag never matches) */
export function requireMatch(ifMatch: string | undefined, revision: number): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return
  const tags = ifMatch.split(',').map((tag) => tag.trim())
  if (!tags.every((tag) => /^(W\/)?"[\x21\x23-\x7e]*"$/.test(tag))) {
    throw httpError('platform.http.malformed', 'If-Match holds entity tags in quotes, as ETag gave them, or `*`')
  }
  if (!tags.includes(etagOf(revision))) {
    throw httpError(
      'platform.http.changed',
      `it has changed since: its revision is ${revision}; read it again, then send If-Match: ${etagOf(revision)}`,
    )
  }
}
