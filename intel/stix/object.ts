/** A STIX object as it is kept: all of it, and what it is found by. */
export interface StixObject {
  readonly id: string
  readonly type: string
  /** `modified`, else `created`; absent for objects that have no versions. */
  readonly version?: string
  readonly json: string
}

/** @see STIX 2.1, 2.9 (identifier) */
const ID = /^([a-z][a-z0-9-]{1,249})--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/

export function typeOfId(id: string): string | undefined {
  return ID.exec(id)?.[1]
}

/** An instant with six decimals, so that texts compare as instants do; undefined where it is none.
 * @see STIX 2.1, 2.13 (timestamp) */
export function microInstant(text: unknown): string | undefined {
  const match = typeof text === 'string' ? INSTANT.exec(text) : null
  if (!match || Number.isNaN(Date.parse(String(text)))) return undefined
  return `${match[1]}.${(match[2] ?? '').slice(0, 6).padEnd(6, '0')}Z`
}

/** Microseconds as such an instant. */
export function formatMicros(us: number): string {
  const seconds = new Date(Math.floor(us / 1000)).toISOString().slice(0, 19)
  return `${seconds}.${String(us % 1_000_000).padStart(6, '0')}Z`
}
