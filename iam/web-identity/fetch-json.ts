import { lookup as resolve } from 'node:dns'
import * as http from 'node:http'
import * as https from 'node:https'
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net'
import { iamError } from '../errors.ts'
import { IDENTITY_PROVIDER_BYTES_MAX, IDENTITY_PROVIDER_TIMEOUT_MS } from '../limits.ts'

/** Gets a JSON document of an issuer. @throws iam.webIdentity.unreachable */
export type FetchJson = (url: URL) => Promise<unknown>

/** Networks of private use and of the machine itself: who administers an account names the issuer, and must not reach by
 * it what only this machine reaches.   @see RFC 6890 */
const privateV4 = new BlockList()
for (const [base, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateV4.addSubnet(base, prefix, 'ipv4')
}
/** Only global unicast is reached, and of it nothing that carries an IPv4 address. */
const globalV6 = new BlockList()
globalV6.addSubnet('2000::', 3, 'ipv6')
const embeddingV6 = new BlockList()
embeddingV6.addSubnet('2001::', 32, 'ipv6')
embeddingV6.addSubnet('2002::', 16, 'ipv6')

export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !privateV4.check(address, 'ipv4')
  return isIP(address) === 6 && globalV6.check(address, 'ipv6') && !embeddingV6.check(address, 'ipv6')
}

/** Looks at the very addresses that are then connected to, so that a name cannot answer otherwise the second time. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '')
    if (addresses.length === 0 || addresses.some(({ address }) => !isPublicAddress(address))) {
      return callback(Object.assign(new Error('an address of private use'), { code: 'EACCES' }), '')
    }
    if (options.all) return callback(null, addresses)
    const [first] = addresses
    callback(null, first?.address ?? '', first?.family)
  })
}

/** @param privateOrigins that may be reached in clear text and at addresses of private use */
export function createFetchJson(privateOrigins: readonly string[]): FetchJson {
  return async (url) => {
    const isPrivate = privateOrigins.includes(url.origin)
    const literal = url.hostname.replace(/^\[|\]$/g, '')
    // No name is looked up for a literal address, so nobody would look at it.
    if (!isPrivate && (url.protocol !== 'https:' || (isIP(literal) !== 0 && !isPublicAddress(literal)))) {
      throw unreachable(url, 'is not https at a public address')
    }
    try {
      return JSON.parse(await get(url, isPrivate ? undefined : publicLookup))
    } catch (error) {
      throw unreachable(url, error instanceof SyntaxError ? 'answers no JSON' : String((error as Error).message), error)
    }
  }
}

function get(url: URL, lookup: LookupFunction | undefined): Promise<string> {
  return new Promise((resolved, rejected) => {
    const client = url.protocol === 'https:' ? https : http
    const options = {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(IDENTITY_PROVIDER_TIMEOUT_MS),
      ...(lookup ? { lookup } : {}),
    }
    const request = client.get(url, options, (response) => {
      if (response.statusCode !== 200) {
        response.resume()
        rejected(new Error(`answers ${response.statusCode}`))
        return
      }
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > IDENTITY_PROVIDER_BYTES_MAX) request.destroy(new Error('answers too much'))
        else chunks.push(chunk)
      })
      response.on('end', () => resolved(Buffer.concat(chunks).toString('utf8')))
      response.on('error', rejected)
    })
    request.on('error', rejected)
  })
}

function unreachable(url: URL, what: string, cause?: unknown) {
  return iamError('iam.webIdentity.unreachable', `${url.origin} ${what}`, { cause, retryAfterSec: 30 })
}
