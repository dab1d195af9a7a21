import { clockTime, digits, instant, parseIso } from '../../platform/base/index.ts'
import { monthOf, nearestYear } from '../parse/time.ts'

interface Header3164 {
  readonly time?: number
  readonly timestamp?: string
  readonly hostname?: string
  readonly appname?: string
  readonly procid?: string
  readonly message: string
}

interface Stamp {
  readonly time: number
  readonly timestamp: string
  /** Where what follows the timestamp starts. */
  readonly end: number
}

/** Names of programs and hosts are short; a longer first word is text. */
const TAG_CHARS_MAX = 128
const HOST_CHARS_MAX = 255

/** `Mmm dd hh:mm:ss` with the bends senders put into it: fraction, year before or after the time, zone name, colon. */
function readBsdStamp(text: string, at: number, receivedAt: number): Stamp | undefined {
  const month = monthOf(text.slice(at, at + 3))
  if (month === undefined || text[at + 3] !== ' ') return undefined
  let i = at + 4
  if (text[i] === ' ') i += 1
  const wide = digits(text, i, 2) >= 0 ? 2 : 1
  const day = digits(text, i, wide)
  if (day < 0 || text[i + wide] !== ' ') return undefined
  i += wide + 1
  let year = -1
  if (text[i + 4] === ' ' && digits(text, i, 4) >= 0) {
    year = digits(text, i, 4)
    i += 5
  }
  const time = clockTime(text, i)
  if (time.hour < 0) return undefined
  i += 8
  let fraction = 0
  if (text[i] === '.') {
    const first = digits(text, i + 1, 3)
    fraction = Math.max(first, 0)
    i += 1
    while (digits(text, i, 1) >= 0) i += 1
  }
  if (year < 0 && text[i] === ' ' && (text[i + 5] === ' ' || text[i + 5] === ':') && digits(text, i + 1, 4) >= 1970) {
    year = digits(text, i + 1, 4)
    i += 5
  }
  const ms = year < 0 ? nearestYear(receivedAt, { month, day }, time) : instant({ year, month, day }, time)
  if (ms === undefined) return undefined
  const stampEnd = i
  if (text.startsWith(' UTC:', i) || text.startsWith(' GMT:', i)) i += 4
  if (text[i] === ':') i += 1
  if (text[i] === ' ') i += 1
  else if (i < text.length && i === stampEnd) return undefined
  return { time: ms + fraction, timestamp: text.slice(at, stampEnd), end: i }
}

/** An ISO time in the place of the BSD one, as rsyslog's forward format writes it. */
function readIsoStamp(text: string, at: number): Stamp | undefined {
  const code = text.charCodeAt(at)
  if (!(code >= 48 && code <= 57) || text[at + 4] !== '-' || text[at + 10] !== 'T') return undefined
  const space = text.indexOf(' ', at)
  const end = space < 0 ? text.length : space
  const timestamp = text.slice(at, end)
  const time = parseIso(timestamp)
  return time === undefined ? undefined : { time, timestamp, end: Math.min(end + 1, text.length) }
}

/** Cisco IOS puts a message counter, sometimes its name, and a mark (`*` or `.`: clock not set) before the time. */
function skipCiscoFront(text: string, at: number): { readonly at: number; readonly hostname?: string } | undefined {
  let i = at
  while (digits(text, i, 1) >= 0 && i - at < 12) i += 1
  if (i === at || text[i] !== ':' || text[i + 1] !== ' ') return undefined
  i += 2
  let hostname: string | undefined
  const colon = text.indexOf(': ', i)
  if (colon > i && colon - i <= HOST_CHARS_MAX && monthOf(text.slice(i, i + 3)) === undefined) {
    const word = text.slice(i, colon)
    if (!word.includes(' ') && !/^[*.]/.test(word)) {
      hostname = word
      i = colon + 2
    }
  }
  if (text[i] === '*' || text[i] === '.') i += 1
  return hostname === undefined ? { at: i } : { at: i, hostname }
}

function isTagCode(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    (code >= 45 && code <= 47) ||
    code === 95 ||
    code === 64 ||
    code === 37 ||
    code === 43
  )
}

interface Tag {
  readonly appname: string
  readonly procid?: string
  readonly end: number
}

/** `name[pid]:`, `name[pid]` or `name:` at `at`. A bare word is no tag: it cannot be told from the message. */
function readTag(text: string, at: number): Tag | undefined {
  let i = at
  while (i < text.length && i - at < TAG_CHARS_MAX && isTagCode(text.charCodeAt(i))) i += 1
  if (i === at) return undefined
  const appname = text.slice(at, i)
  let procid: string | undefined
  if (text[i] === '(') {
    // PAM's older form: `sshd(pam_unix)[123]:`
    const close = text.indexOf(')', i)
    if (close > 0 && close - i < TAG_CHARS_MAX) i = close + 1
  }
  if (text[i] === '[') {
    const close = text.indexOf(']', i)
    if (close < 0 || close - i > TAG_CHARS_MAX) return undefined
    procid = text.slice(i + 1, close)
    i = close + 1
  }
  if (text[i] === ':') {
    i += 1
    if (i < text.length && text[i] !== ' ' && procid === undefined) return undefined
  } else if (procid === undefined) return undefined
  if (text[i] === ' ') i += 1
  return procid === undefined || procid === '' ? { appname, end: i } : { appname, procid, end: i }
}

/** The header of the older form from after the priority, and the message. Any text has a reading; what is not there is
 * not in the result. `receivedAt` gives the year that the form leaves out.
 * @see RFC 3164 4.1, 5.4 */
export function parse3164(text: string, from: number, receivedAt: number): Header3164 {
  let stamp = readBsdStamp(text, from, receivedAt) ?? readIsoStamp(text, from)
  let ciscoHost: string | undefined
  if (stamp === undefined && from > 0) {
    const cisco = skipCiscoFront(text, from)
    if (cisco !== undefined) {
      stamp = readBsdStamp(text, cisco.at, receivedAt)
      if (stamp !== undefined) {
        const facility = readTag(text, stamp.end)
        return {
          time: stamp.time,
          timestamp: stamp.timestamp,
          ...(cisco.hostname === undefined ? {} : { hostname: cisco.hostname }),
          ...(facility === undefined ? {} : { appname: facility.appname }),
          message: text.slice(stamp.end),
        }
      }
      ciscoHost = cisco.hostname
    }
  }
  if (stamp === undefined) {
    const tag = readTag(text, from)
    const host = ciscoHost === undefined ? {} : { hostname: ciscoHost }
    // Without a priority either, `Error: something` is a plain line and no program named Error.
    if (tag === undefined || (from === 0 && tag.procid === undefined)) return { ...host, message: text.slice(from) }
    const { end, ...names } = tag
    return { ...host, ...names, message: text.slice(end) }
  }

  const base = { time: stamp.time, timestamp: stamp.timestamp }
  if (text.startsWith('last message repeated ', stamp.end)) return { ...base, message: text.slice(stamp.end) }
  const alone = readTag(text, stamp.end)
  if (alone !== undefined) {
    const { end, ...names } = alone
    return { ...base, ...names, message: text.slice(end) }
  }
  const space = text.indexOf(' ', stamp.end)
  if (space < 0 || space - stamp.end > HOST_CHARS_MAX || space === stamp.end) {
    return { ...base, message: text.slice(stamp.end) }
  }
  const hostname = text.slice(stamp.end, space)
  if (text.startsWith('last message repeated ', space + 1)) return { ...base, hostname, message: text.slice(space + 1) }
  const tag = readTag(text, space + 1)
  if (tag === undefined) return { ...base, hostname, message: text.slice(space + 1) }
  const { end, ...names } = tag
  return { ...base, hostname, ...names, message: text.slice(end) }
}
