import type { Draft } from '../ocsf/event.ts'
import { parse3164 } from './header-3164.ts'
import { tryParse5424 } from './header-5424.ts'

/** What stands before the message proper. */
export interface SyslogHeader {
  readonly rfc: '5424' | '3164'
  readonly facility: number
  readonly severity: number
  /** The instant as ms, and as it was written. */
  readonly time?: number
  readonly timestamp?: string
  readonly hostname?: string
  readonly appname?: string
  readonly procid?: string
  readonly msgid?: string
  /** Element id → parameter → value, a list where the name repeats. */
  readonly structuredData?: Draft
  readonly message: string
}

/** A message without PRI is user.notice.   @see RFC 3164 4.3.3 */
const DEFAULT_PRIORITY = 13

/** The priority at the front (`<34>`) and where the rest starts; `at` 0 and the default where there is none. Leading
 * zeros are taken as senders write them. */
function readPriority(text: string): { readonly priority: number; readonly at: number } {
  if (text.charCodeAt(0) !== 60) return { priority: DEFAULT_PRIORITY, at: 0 }
  let priority = 0
  for (let at = 1; at <= 4; at++) {
    const code = text.charCodeAt(at)
    if (code === 62 && at > 1) return priority <= 191 ? { priority, at: at + 1 } : { priority: DEFAULT_PRIORITY, at: 0 }
    if (!(code >= 48 && code <= 57)) break
    priority = priority * 10 + (code - 48)
  }
  return { priority: DEFAULT_PRIORITY, at: 0 }
}

/** True when the text starts as syslog does on the wire: with a priority. */
export function hasPriority(text: string): boolean {
  return readPriority(text).at > 0
}

/** Trailing NUL, LF and CR belong to the transport, not to the message. */
function trimEnd(text: string): string {
  let end = text.length
  for (; end > 0; end--) {
    const code = text.charCodeAt(end - 1)
    if (code !== 0 && code !== 10 && code !== 13) break
  }
  return end === text.length ? text : text.slice(0, end)
}

/** A syslog message taken apart; any text is one, at worst a message of its own.
 * @see RFC 5424 6, RFC 3164 4 */
export function parseSyslogHeader(received: string, receivedAt: number): SyslogHeader {
  const text = trimEnd(received)
  const { priority, at } = readPriority(text)
  const ranks = { facility: priority >> 3, severity: priority & 7 }
  if (at > 0 && text.startsWith('1 ', at)) {
    const header = tryParse5424(text, at + 2)
    if (header !== undefined) return { rfc: '5424', ...ranks, ...header }
  }
  return { rfc: '3164', ...ranks, ...parse3164(text, at, receivedAt) }
}
