import { createHmac, timingSafeEqual } from 'node:crypto'
import { QUERY_PARAMETERS_MAX, SIGNED_HEADERS_MAX } from '../limits.ts'
import { canonicalRequest, parseQuery, sha256Hex } from './canonical.ts'

const ALGORITHM = 'AWS4-HMAC-SHA256'

export interface CredentialScope {
  readonly accessKeyId: string
  /** `YYYYMMDD`. */
  readonly date: string
  readonly region: string
  readonly service: string
}

/** A signature as a request presents it, not yet checked. */
export interface PresentedSignature {
  readonly form: 'header' | 'query'
  readonly scope: CredentialScope
  /** In the order given, which is signed too. */
  readonly signedHeaders: readonly string[]
  readonly signature: string
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly amzDate: string
  /** Query form only. */
  readonly expiresSec: number | undefined
  readonly sessionToken: string | undefined
}

export interface SignedRequest {
  readonly method: string
  readonly rawUrl: string
  readonly headers: readonly (readonly [string, string])[]
}

/** What the two published variants of the algorithm differ in. */
export interface AlgorithmOptions {
  readonly normalizePath: boolean
  /** The session token was added after signing. */
  readonly omitSessionToken: boolean
}

/** What AWS's services but S3 do, and this one. */
export const SERVICE_OPTIONS: AlgorithmOptions = { normalizePath: true, omitSessionToken: false }

function splitUrl(rawUrl: string): { readonly rawPath: string; readonly rawQuery: string } {
  const mark = rawUrl.indexOf('?')
  return mark === -1
    ? { rawPath: rawUrl, rawQuery: '' }
    : { rawPath: rawUrl.slice(0, mark), rawQuery: rawUrl.slice(mark + 1) }
}

/** The one value of a header, or undefined where there is none or several: which of them counts would be unclear. */
export function singleHeader(headers: SignedRequest['headers'], name: string): string | undefined {
  const values = headers.filter(([header]) => header === name)
  return values.length === 1 ? values[0]?.[1].trim() : undefined
}

/** True where a request carries a signature in either form, well made or not. */
export function isSigned(request: SignedRequest): boolean {
  const authorization = request.headers.find(([name]) => name === 'authorization')?.[1]
  if (authorization?.trimStart().startsWith('AWS4-')) return true
  return authorization === undefined && /[?&]X-Amz-(Signature|Algorithm)=/i.test(request.rawUrl)
}

/** The signature a request presents, or what is wrong with its form. */
export function readSignature(request: SignedRequest): PresentedSignature | string {
  return request.headers.some(([name]) => name === 'authorization') ? readHeaderForm(request) : readQueryForm(request)
}

function readHeaderForm({ headers }: SignedRequest): PresentedSignature | string {
  const authorization = singleHeader(headers, 'authorization')
  if (authorization === undefined) return 'more than one Authorization header'
  const found = /^AWS4-HMAC-SHA256[ \t]+([^\r\n]{1,4096})$/.exec(authorization)
  if (!found?.[1]) return `the only algorithm is ${ALGORITHM}`
  const fields = new Map<string, string>()
  for (const field of found[1].split(',')) {
    const equals = field.indexOf('=')
    const name = field.slice(0, equals).trim()
    if (equals === -1 || fields.has(name))
      return 'the Authorization header is not Credential=…, SignedHeaders=…, Signature=…'
    fields.set(name, field.slice(equals + 1).trim())
  }
  const amzDate = singleHeader(headers, 'x-amz-date')
  if (amzDate === undefined) return 'a signed request carries one X-Amz-Date header'
  return assemble({
    form: 'header',
    credential: fields.get('Credential'),
    signedHeaders: fields.get('SignedHeaders'),
    signature: fields.get('Signature'),
    amzDate,
    expiresSec: undefined,
    sessionToken: singleHeader(headers, 'x-amz-security-token'),
  })
}

function readQueryForm({ rawUrl }: SignedRequest): PresentedSignature | string {
  const { rawQuery } = splitUrl(rawUrl)
  const parameters = parseQuery(rawQuery)
  if (parameters.length > QUERY_PARAMETERS_MAX) return `more than ${QUERY_PARAMETERS_MAX} query parameters`
  const values = new Map<string, string>()
  for (const [nameBytes, value] of parameters) {
    const name = nameBytes.toString('utf8')
    if (!name.startsWith('X-Amz-')) continue
    if (values.has(name)) return `query parameter \`${name.slice(0, 40)}\` appears twice`
    values.set(name, value.toString('utf8'))
  }
  if (values.get('X-Amz-Algorithm') !== ALGORITHM) return `the only algorithm is ${ALGORITHM}`
  const expires = values.get('X-Amz-Expires') ?? ''
  if (!/^[0-9]{1,6}$/.test(expires)) return 'X-Amz-Expires must be a number of seconds'
  return assemble({
    form: 'query',
    credential: values.get('X-Amz-Credential'),
    signedHeaders: values.get('X-Amz-SignedHeaders'),
    signature: values.get('X-Amz-Signature'),
    amzDate: values.get('X-Amz-Date') ?? '',
    expiresSec: Number(expires),
    sessionToken: values.get('X-Amz-Security-Token'),
  })
}

interface Fields {
  readonly form: 'header' | 'query'
  readonly credential: string | undefined
  readonly signedHeaders: string | undefined
  readonly signature: string | undefined
  readonly amzDate: string
  readonly expiresSec: number | undefined
  readonly sessionToken: string | undefined
}

function assemble(fields: Fields): PresentedSignature | string {
  const { credential, signedHeaders, signature, ...rest } = fields
  const scope = /^([A-Za-z0-9]{1,128})\/([0-9]{8})\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/aws4_request$/.exec(
    credential ?? '',
  )
  if (!scope) return 'Credential must be <access key>/<date>/<region>/<service>/aws4_request'
  if (!/^[0-9]{8}T[0-9]{6}Z$/.test(rest.amzDate)) return 'X-Amz-Date must be of the form YYYYMMDDTHHMMSSZ'
  if (!/^[0-9a-f]{64}$/.test(signature ?? '')) return 'Signature must be 64 hexadecimal digits'
  const names = (signedHeaders ?? '').split(';')
  if (names.length > SIGNED_HEADERS_MAX || names.some((name) => !/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name))) {
    return 'SignedHeaders must list header names in lower case'
  }
  if (new Set(names).size !== names.length) return 'SignedHeaders lists a header twice'
  const [, accessKeyId = '', date = '', region = '', service = ''] = scope
  return { ...rest, scope: { accessKeyId, date, region, service }, signedHeaders: names, signature: signature ?? '' }
}

/** The key that signs for one day, region and service. */
export function deriveSigningKey(secret: string | Buffer, scope: Omit<CredentialScope, 'accessKeyId'>): Buffer {
  const prefix = Buffer.from('AWS4', 'ascii')
  const initial = Buffer.concat([prefix, typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret])
  const date = hmac(initial, scope.date)
  initial.fill(0)
  return hmac(hmac(hmac(date, scope.region), scope.service), 'aws4_request')
}

/** Whether `presented` is the signature of this request under this key, in constant time. */
export function isSignatureOf(
  request: SignedRequest,
  presented: PresentedSignature,
  key: { readonly signingKey: Buffer; readonly payloadHash: string; readonly options: AlgorithmOptions },
): boolean {
  const expected = hmac(key.signingKey, stringToSign(request, presented, key.payloadHash, key.options))
  return timingSafeEqual(expected, Buffer.from(presented.signature, 'hex'))
}

function stringToSign(
  request: SignedRequest,
  presented: PresentedSignature,
  payloadHash: string,
  options: AlgorithmOptions,
): string {
  const { scope, form } = presented
  const canonical = canonicalRequest({
    method: request.method,
    ...splitUrl(request.rawUrl),
    headers: request.headers,
    signedHeaders: presented.signedHeaders,
    payloadHash,
    normalizePath: options.normalizePath,
    omitParameter: (name) =>
      form === 'query' && (name === 'X-Amz-Signature' || (options.omitSessionToken && name === 'X-Amz-Security-Token')),
  })
  return [
    ALGORITHM,
    presented.amzDate,
    `${scope.date}/${scope.region}/${scope.service}/aws4_request`,
    sha256Hex(canonical),
  ].join('\n')
}

/** The instant of an X-Amz-Date, ms; NaN where it names none. */
export function instantOf(amzDate: string): number {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(amzDate) ?? []
  return Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`)
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}
