import { createHash } from 'node:crypto'

export interface CanonicalInput {
  readonly method: string
  /** As on the wire, without the query. */
  readonly rawPath: string
  /** As on the wire, without `?`. */
  readonly rawQuery: string
  /** Names in lower case, in wire order. */
  readonly headers: readonly (readonly [string, string])[]
  readonly signedHeaders: readonly string[]
  readonly payloadHash: string
  /** Whether `.`, `..` and empty segments of the path are resolved; S3 does not. */
  readonly normalizePath: boolean
  /** A query parameter that is not part of what is signed: the signature, and by choice the session token. */
  readonly omitParameter: (name: string) => boolean
}

/** The canonical request that is signed.   @see AWS Signature Version 4, "Create a canonical request" */
export function canonicalRequest(input: CanonicalInput): string {
  return [
    input.method,
    canonicalPath(input.rawPath, input.normalizePath),
    canonicalQuery(input.rawQuery, input.omitParameter),
    canonicalHeaders(input.headers, input.signedHeaders),
    '',
    input.signedHeaders.join(';'),
    input.payloadHash,
  ].join('\n')
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

/** The path as sent, encoded once more: what a client escaped once is signed escaped twice. */
function canonicalPath(rawPath: string, normalize: boolean): string {
  const path = normalize ? normalizePath(rawPath) : rawPath
  return (
    path
      .split('/')
      .map((segment) => encode(Buffer.from(segment, 'utf8')))
      .join('/') || '/'
  )
}

function normalizePath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') kept.pop()
    else kept.push(segment)
  }
  const trailing = kept.length > 0 && /\/(\.{1,2})?$/.test(path) ? '/' : ''
  return `/${kept.join('/')}${trailing}`
}

/** Names and values with one kind of escaping, sorted by their bytes. */
function canonicalQuery(rawQuery: string, omit: (name: string) => boolean): string {
  return parseQuery(rawQuery)
    .filter(([name]) => !omit(name.toString('utf8')))
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** Parameters in wire order, as bytes. `+` stands for itself: a space is `%20` in a signed request. */
export function parseQuery(rawQuery: string): (readonly [Buffer, Buffer])[] {
  return rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      const name = equals === -1 ? pair : pair.slice(0, equals)
      return [decode(name), decode(equals === -1 ? '' : pair.slice(equals + 1))] as const
    })
}

function canonicalHeaders(headers: CanonicalInput['headers'], signed: readonly string[]): string {
  const values = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const trimmed = value.replace(/[ \t\r\n]+/g, ' ').trim()
    const known = values.get(name)
    if (known) known.push(trimmed)
    else values.set(name, [trimmed])
  }
  return signed.map((name) => `${name}:${values.get(name)?.join(',') ?? ''}`).join('\n')
}

function decode(text: string): Buffer {
  if (!text.includes('%')) return Buffer.from(text, 'utf8')
  const bytes: number[] = []
  const source = Buffer.from(text, 'utf8')
  for (let i = 0; i < source.length; i++) {
    const byte = source[i] ?? 0
    const hex = byte === 0x25 ? source.toString('latin1', i + 1, i + 3) : ''
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16))
      i += 2
    } else bytes.push(byte)
  }
  return Buffer.from(bytes)
}

/** RFC 3986 unreserved characters stand for themselves, all else becomes %XX in capitals. */
function encode(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes) {
    const unreserved =
      (byte >= 0x30 && byte <= 0x39) ||
      (byte >= 0x41 && byte <= 0x5a) ||
      (byte >= 0x61 && byte <= 0x7a) ||
      byte === 0x2d ||
      byte === 0x2e ||
      byte === 0x5f ||
      byte === 0x7e
    text += unreserved ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}
