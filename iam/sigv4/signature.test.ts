import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sharedData } from '../../test/support/requirements.ts'
import { deriveSigningKey, isSignatureOf, readSignature, type SignedRequest } from './signature.ts'

const folder = sharedData('vectors/sigv4')
const cases = folder ? readdirSync(folder) : []

interface VectorContext {
  credentials: { secret_access_key: string }
  normalize: boolean
  omit_session_token?: boolean
}

/** A request as the suite writes it: a line, headers (folded ones too), an empty line, the body. */
function parseRequest(text: string): SignedRequest & { body: string } {
  const [head = '', ...rest] = text.split('\n\n')
  const [line = '', ...headerLines] = head.split('\n')
  const space = line.indexOf(' ')
  const headers: [string, string][] = []
  for (const header of headerLines) {
    const last = headers.at(-1)
    if (/^\s/.test(header) && last) last[1] += `\n${header}`
    else {
      const colon = header.indexOf(':')
      headers.push([header.slice(0, colon).toLowerCase(), header.slice(colon + 1)])
    }
  }
  return {
    method: line.slice(0, space),
    rawUrl: line.slice(space + 1, line.lastIndexOf(' ')),
    headers,
    body: rest.join('\n\n'),
  }
}

function accepts(request: SignedRequest & { body: string }, context: VectorContext): boolean {
  const presented = readSignature(request)
  if (typeof presented === 'string') return false
  return isSignatureOf(request, presented, {
    signingKey: deriveSigningKey(context.credentials.secret_access_key, presented.scope),
    payloadHash: createHash('sha256').update(request.body).digest('hex'),
    options: { normalizePath: context.normalize, omitSessionToken: context.omit_session_token ?? false },
  })
}

/** The request with one byte of it changed, everywhere it may be. */
function* changed(request: SignedRequest & { body: string }): Generator<SignedRequest & { body: string }> {
  yield { ...request, method: request.method === 'GET' ? 'PUT' : 'GET' }
  yield { ...request, body: `${request.body}x` }
  const [path = '', query] = request.rawUrl.split('?', 2)
  yield { ...request, rawUrl: `${path}x${query === undefined ? '' : `?${query}`}` }
  if (query !== undefined) yield { ...request, rawUrl: `${path}?${query}x` }
  const presented = readSignature(request)
  if (typeof presented === 'string') throw new Error(presented)
  for (const [index, [name, value]] of request.headers.entries()) {
    if (name !== 'authorization' && !presented.signedHeaders.includes(name)) continue
    const at = value.length - 1
    const other = value[at] === '0' ? '1' : '0'
    const headers = request.headers.map((header, i) =>
      i === index ? ([name, value.slice(0, at) + other] as const) : header,
    )
    yield { ...request, headers }
  }
}

describe.skipIf(!folder)('the published SigV4 suite (needs ../shared/data/vectors/sigv4)', () => {
  const forms = ['header', 'query'] as const
  const all = cases.flatMap((name) => forms.map((form) => [name, form] as const))

  it('has its cases', () => expect(all.length).toBeGreaterThanOrEqual(70))

  it.each(all)('%s in the %s form: accepted as signed, refused with one byte changed', (name, form) => {
    const context = JSON.parse(readFileSync(`${folder}/${name}/context.json`, 'utf8')) as VectorContext
    const request = parseRequest(readFileSync(`${folder}/${name}/${form}-signed-request.txt`, 'utf8'))
    expect(accepts(request, context)).toBe(true)
    for (const altered of changed(request)) expect(accepts(altered, context), JSON.stringify(altered)).toBe(false)
  })
})
