import type { JsonValue } from '../../pipeline/index.ts'
import { parseIso } from '../../platform/base/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import type { Draft } from '../ocsf/event.ts'

interface Header5424 {
  readonly time?: number
  readonly timestamp?: string
  readonly hostname?: string
  readonly appname?: string
  readonly procid?: string
  readonly msgid?: string
  readonly structuredData?: Draft
  readonly message: string
}

/** Longest header fields, with room for senders that overstep the 255, 48, 128 and 32 of RFC 5424 6. */
const FIELD_CHARS_MAX = 512

/** Structured data as far as it is read: elements and parameters count together against one bound. */
interface Structured {
  readonly elements: Draft
  count: number
}

/** One `[id name="value" …]` at `at`, into `into`; where it ends, or -1 when it is malformed or there are too many.
 * @see RFC 5424 6.3 */
function readElement(text: string, at: number, into: Structured): number {
  let i = at + 1
  const idEnd = endOfName(text, i)
  if (idEnd === i) return -1
  const id = safeName(text.slice(i, idEnd))
  const { elements } = into
  const repeated = Object.hasOwn(elements, id) ? elements[id] : undefined
  const element: Draft = isElement(repeated) ? repeated : {}
  i = idEnd
  for (;;) {
    if (++into.count > PARSE_LIMITS.columnsMax) return -1
    while (text[i] === ' ') i += 1
    if (text[i] === ']') break
    const nameEnd = endOfName(text, i)
    if (nameEnd === i || text[nameEnd] !== '=' || text[nameEnd + 1] !== '"') return -1
    const name = safeName(text.slice(i, nameEnd))
    const value = readValue(text, nameEnd + 2)
    if (value === undefined) return -1
    const before = Object.hasOwn(element, name) ? element[name] : undefined
    element[name] =
      before === undefined ? value.text : Array.isArray(before) ? [...before, value.text] : [before, value.text]
    i = value.end
  }
  elements[id] = element
  return i + 1
}

function isElement(value: JsonValue | undefined): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `__proto__` is a legal SD-NAME and must stay one. */
function safeName(name: string): string {
  return name === '__proto__' ? '[__proto__]' : name
}

/** Where an SD-NAME ends: at `=`, space, `]`, `"` or what is not printable ASCII. */
function endOfName(text: string, at: number): number {
  let i = at
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 32 || code >= 127 || code === 61 || code === 93 || code === 34) break
  }
  return i
}

/** A quoted value from after its opening quote; only `"`, `\` and `]` are escaped, another backslash is itself. */
function readValue(text: string, at: number): { readonly text: string; readonly end: number } | undefined {
  let plain = ''
  let from = at
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 34) return { text: plain + text.slice(from, i), end: i + 1 }
    if (code !== 92) continue
    const next = text.charCodeAt(i + 1)
    if (next !== 34 && next !== 92 && next !== 93) continue
    plain += text.slice(from, i)
    from = i + 1
    i += 1
  }
  return undefined
}

/** The header from the timestamp on, and the message; undefined when it is not of RFC 5424, so that another reading may
 * be tried. A malformed structured data element counts as part of the message. */
export function tryParse5424(text: string, from: number): Header5424 | undefined {
  const fields: string[] = []
  let at = from
  for (let i = 0; i < 5; i++) {
    const space = text.indexOf(' ', at)
    const end = space < 0 && i === 4 ? text.length : space
    if (end <= at || end - at > FIELD_CHARS_MAX) return undefined
    fields.push(text.slice(at, end))
    at = Math.min(end + 1, text.length)
  }
  const [timestamp = '-', hostname = '-', appname = '-', procid = '-', msgid = '-'] = fields
  const time = parseIso(timestamp)
  if (time === undefined && timestamp !== '-') return undefined

  const structured: Structured = { elements: {}, count: 0 }
  let isMalformed = false
  const structuredFrom = at
  if (text[at] === '-') at += 1
  else {
    while (text[at] === '[') {
      const end = readElement(text, at, structured)
      if (end < 0) {
        isMalformed = true
        break
      }
      at = end
    }
  }
  // A message that follows malformed structured data cannot be told from it.
  let message = isMalformed ? text.slice(structuredFrom) : text.slice(text[at] === ' ' ? at + 1 : at)
  if (message.charCodeAt(0) === 0xfeff) message = message.slice(1)
  return {
    ...(time === undefined ? {} : { time, timestamp }),
    ...(hostname === '-' ? {} : { hostname }),
    ...(appname === '-' ? {} : { appname }),
    ...(procid === '-' ? {} : { procid }),
    ...(msgid === '-' ? {} : { msgid }),
    ...(isMalformed || structured.count === 0 ? {} : { structuredData: structured.elements }),
    message,
  }
}
