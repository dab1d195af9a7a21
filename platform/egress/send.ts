import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Address } from './egress.ts'

/** Headers of an answer; more are left out. */
const HEADERS_MAX = 100

export interface SendOptions {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
  readonly signal: AbortSignal
  readonly bodyBytesMax: number
}

export interface Response {
  readonly status: number
  readonly headers: Record<string, string>
  /** Absent where it is larger than it may be. */
  readonly body: Buffer | undefined
}

/** Sends one HTTP request to addresses that were judged, whatever the name says by now, and reads the whole answer.
 * Redirects are not followed. */
export function sendPinned(url: URL, addresses: readonly Address[], options: SendOptions): Promise<Response> {
  const { method, headers, body, signal, bodyBytesMax } = options
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    const lookup = pinned(addresses)
    const sent: ClientRequest = request(url, { method, headers, lookup, agent: false, signal }, (response) => {
      readBody(response, bodyBytesMax).then(
        (read) => resolve({ status: response.statusCode ?? 0, headers: headersOf(response), body: read }),
        reject,
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function pinned(addresses: readonly Address[]): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) callback(null, [...addresses])
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 4)
  }
}

async function readBody(response: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) {
      response.destroy()
      return undefined
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headersOf(response: IncomingMessage): Record<string, string> {
  const entries = Object.entries(response.headers).slice(0, HEADERS_MAX)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
}
