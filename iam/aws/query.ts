import { formatInstant } from '../../platform/index.ts'
import { iamError } from '../errors.ts'

const PARAMETERS_MAX = 2_000

/** The input of one call of an AWS Query protocol: flat parameters, lists as `Name.member.N`.
 * @see AWS Query protocol (Smithy), "Serialization of lists" */
export class QueryInput {
  readonly #values = new Map<string, string>()

  /** @throws iam.aws.malformed */
  constructor(body: Buffer) {
    for (const [name, value] of new URLSearchParams(body.toString('utf8'))) {
      if (this.#values.has(name))
        throw iamError('iam.aws.malformed', `parameter \`${name.slice(0, 80)}\` appears twice`)
      if (this.#values.size >= PARAMETERS_MAX)
        throw iamError('iam.aws.malformed', `more than ${PARAMETERS_MAX} parameters`)
      this.#values.set(name, value)
    }
  }

  find(name: string): string | undefined {
    return this.#values.get(name)
  }

  /** @throws iam.aws.malformed */
  get(name: string): string {
    const value = this.#values.get(name)
    if (value === undefined || value === '') throw iamError('iam.aws.malformed', `the parameter \`${name}\` is missing`)
    return value
  }

  findNumber(name: string, range: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.#values.get(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^[0-9]{1,9}$/.test(text) || value < range.min || value > range.max) {
      throw iamError('iam.aws.malformed', `\`${name}\` must be a number from ${range.min} to ${range.max}`)
    }
    return value
  }

  /** The members of a list of texts, in order. */
  list(name: string): string[] {
    const found: string[] = []
    for (let i = 1; ; i++) {
      const value = this.#values.get(`${name}.member.${i}`)
      if (value === undefined) return found
      found.push(value)
    }
  }

  /** The pairs of a list of structures with Key and Value. */
  tags(name: string): Record<string, string> {
    const tags: Record<string, string> = Object.create(null)
    for (let i = 1; ; i++) {
      const key = this.#values.get(`${name}.member.${i}.Key`)
      if (key === undefined) return tags
      const value = this.#values.get(`${name}.member.${i}.Value`) ?? ''
      if (key.length < 1 || key.length > 128 || value.length > 256) {
        throw iamError('iam.aws.malformed', 'a tag has a key of up to 128 and a value of up to 256 characters')
      }
      tags[key] = value
    }
  }
}

export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue }

/** A Query protocol answer: `<XResponse><XResult>…</XResult><ResponseMetadata>…`. */
export function writeXml(call: {
  readonly operation: string
  readonly namespace: string
  readonly result: XmlValue
  readonly requestId: string
}): string {
  const { operation, namespace, result, requestId } = call
  const body = result === undefined ? '' : `<${operation}Result>${element(result)}</${operation}Result>`
  return `<${operation}Response xmlns="${namespace}">${body}<ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata></${operation}Response>`
}

export function writeXmlError(error: {
  readonly namespace: string
  readonly isSender: boolean
  readonly code: string
  readonly message: string
  readonly requestId: string
}): string {
  const type = error.isSender ? 'Sender' : 'Receiver'
  return `<ErrorResponse xmlns="${error.namespace}"><Error><Type>${type}</Type><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message></Error><RequestId>${escapeXml(error.requestId)}</RequestId></ErrorResponse>`
}

function element(value: XmlValue): string {
  if (value === undefined) return ''
  if (typeof value === 'object') {
    if (Array.isArray(value))
      return (value as readonly XmlValue[]).map((one) => `<member>${element(one)}</member>`).join('')
    return Object.entries(value)
      .map(([name, member]) => (member === undefined ? '' : `<${name}>${element(member)}</${name}>`))
      .join('')
  }
  return escapeXml(String(value))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

function escapeXml(text: string): string {
  // XML 1.0 has no way to write most control characters.
  return text
    .replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
}

/** An instant as AWS returns it. */
export function isoSeconds(ms: number): string {
  return formatInstant(ms).replace(/\.\d{3}Z$/, 'Z')
}

/** A document as AWS returns it: percent-encoded. */
export function encodeDocument(document: string): string {
  return encodeURIComponent(document).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}
