/** One thing wrong in what a caller sent: where it stands (JSON pointer, line, offset) and what to do about it. */
export interface FieldError {
  readonly path: string
  readonly message: string
}

export interface ErrorOptions {
  readonly detail?: string
  readonly errors?: readonly FieldError[]
  readonly retryAfterSec?: number
  readonly cause?: unknown
  /** Members a route adds to its problem document, for example `decisionId`. Never secret. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** The only error that Rampart throws on purpose. `code` is stable for ever; `message` says what is wrong, where, and
 * what to do. `status` is the HTTP status of RFC 9110.   @see RFC 9457 (its form on the wire) */
export class RampartError extends Error {
  readonly code: string
  readonly status: number
  readonly title: string
  readonly detail: string | undefined
  readonly errors: readonly FieldError[]
  readonly retryAfterSec: number | undefined
  readonly extra: Readonly<Record<string, unknown>>

  constructor(code: string, entry: ErrorEntry, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'RampartError'
    this.code = code
    this.status = entry.status
    this.title = entry.title
    this.detail = options.detail
    this.errors = options.errors ?? []
    this.retryAfterSec = options.retryAfterSec
    this.extra = options.extra ?? {}
  }
}

/** A row of a folder's error table: the HTTP status, and a title that never changes between occurrences. */
export interface ErrorEntry {
  readonly status: number
  readonly title: string
}

const catalogue = new Map<string, ErrorEntry>()

/** A factory of the errors in `table`, which becomes part of the catalogue that docs/errors.md is made from.
 * Codes are `folder.thing.problem`. */
export function defineErrors<Code extends string>(
  table: Readonly<Record<Code, ErrorEntry>>,
): (code: Code, message: string, options?: ErrorOptions) => RampartError {
  for (const [code, entry] of Object.entries<ErrorEntry>(table)) catalogue.set(code, entry)
  return (code, message, options) => new RampartError(code, table[code], message, options)
}

/** Every error code defined by the modules loaded so far, sorted. */
export function listErrors(): readonly { code: string; status: number; title: string }[] {
  return [...catalogue]
    .map(([code, entry]) => ({ code, status: entry.status, title: entry.title }))
    .sort((a, b) => (a.code < b.code ? -1 : 1))
}
