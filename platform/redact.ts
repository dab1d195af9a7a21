import { Secret } from './base/secret.ts'

const HIDDEN = '[secret]'
/** Names whose values never go to a log, wherever they stand. */
const SECRET_NAME = /authorization|cookie|passw|secret|token|credential|private_?key|api_?key|signature|^pin$/i
/** A password in a URL, and what follows the name of an authentication scheme. */
const SECRET_IN_URL = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@]{1,1000}@/gi
const SECRET_IN_HEADER = /\b(Bearer|Basic|Splunk|ApiKey)\s+[A-Za-z0-9._~+/=:-]{4,}/g

/** Bounds of what one log line says: what callers send goes into it, and they may send anything. */
const DEPTH_MAX = 6
const MEMBERS_MAX = 100
const TEXT_CHARS_MAX = 8192

/** A copy of `value` that may be written to a log: secrets hidden by name, type and form, everything bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Secret) return HIDDEN
  if (depth >= DEPTH_MAX) return '[deeper]'
  if (value instanceof Error) return redactError(value, depth)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString()
  if (Array.isArray(value)) return value.slice(0, MEMBERS_MAX).map((item) => redact(item, depth + 1))
  const members: [string, unknown][] =
    value instanceof Map
      ? [...value].map(([key, member]) => [typeof key === 'string' ? key : typeof key, member])
      : Object.entries(value)
  return Object.fromEntries(
    members
      .slice(0, MEMBERS_MAX)
      .map(([name, member]) => [
        name,
        SECRET_NAME.test(name) && typeof member !== 'boolean' && member !== undefined
          ? HIDDEN
          : redact(member, depth + 1),
      ]),
  )
}

/** Only what every error has: what a library hangs on its own may hold anything, such as a query's parameters. */
function redactError(error: Error, depth: number): object {
  const { code, status } = error as { code?: unknown; status?: unknown }
  return {
    type: error.name,
    message: redactText(error.message),
    ...(code === undefined ? {} : { code: redact(code, depth + 1) }),
    ...(status === undefined ? {} : { status: redact(status, depth + 1) }),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  }
}

export function redactText(text: string): string {
  const bounded = text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text
  return bounded.replace(SECRET_IN_URL, '$1***@').replace(SECRET_IN_HEADER, `$1 ${HIDDEN}`)
}
