import type { FastifyInstance } from 'fastify'
import { httpError } from './errors.ts'

/** Makes every content type of this scope arrive as the bytes that were sent. */
export function takeRawBodies(api: FastifyInstance): void {
  api.removeAllContentTypeParsers()
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    request.rawBody = body
    done(null, body)
  })
}

/** JSON is parsed, everything else arrives as bytes; `request.rawBody` is what was sent, for signatures. */
export function takeBodies(api: FastifyInstance): void {
  takeRawBodies(api)
  api.addContentTypeParser(
    /^application\/(json|[a-z0-9.-]+\+json)(;|$)/,
    { parseAs: 'buffer' },
    (request, body: Buffer, done) => {
      request.rawBody = body
      if (body.length === 0) return done(null, undefined)
      try {
        done(null, parseJson(body))
      } catch (error) {
        done(error as Error)
      }
    },
  )
}

/** JSON as a value in which no member is called `__proto__`: such a body is an attack and refused, not cleaned. */
function parseJson(body: Buffer): unknown {
  const text = decodeUtf8(body)
  try {
    const value: unknown = JSON.parse(text)
    if (text.includes('__proto__') || text.includes('\\u')) refusePrototype(value)
    return value
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw httpError('platform.http.malformed', `the body is not JSON: ${error.message.slice(0, 200)}`, { cause: error })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decodeUtf8(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (error) {
    throw httpError('platform.http.malformed', 'the body is not UTF-8', { cause: error })
  }
}

function refusePrototype(root: unknown): void {
  const pending: unknown[] = [root]
  for (let value = pending.pop(); pending.length > 0 || value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Object.hasOwn(value, '__proto__')) {
      throw httpError('platform.http.malformed', 'a member of the body is called `__proto__`')
    }
    for (const member of Object.values(value)) if (member !== undefined) pending.push(member)
  }
}
