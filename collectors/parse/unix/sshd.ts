import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../../ocsf/event.ts'
import { endpoint, ipOf, put, user } from '../../ocsf/objects.ts'
import { deviceOf, type UnixMessage } from './message.ts'
import { authentication, readPam } from './pam.ts'

const product = { product: { name: 'OpenSSH', vendor_name: 'OpenBSD' } } as const

interface Peer {
  readonly address: string
  readonly port: number
}

/** `<address> port <number>` in front of `text`, and what follows it. */
function readPeer(text: string): (Peer & { readonly rest: string }) | undefined {
  const found = /^(\S{1,255}) port (\d{1,5})(?=$|[\s:])/.exec(text)
  if (found === null) return undefined
  return { address: found[1] ?? '', port: Number(found[2]), rest: text.slice(found[0].length) }
}

/** `<user> from <address> port <number>…`, read from its end: the user's name is the client's choice and may itself hold
 * ` from 10.0.0.1 port 22`. */
function readUserAndPeer(text: string): (Peer & { readonly name: string; readonly rest: string }) | undefined {
  for (let cut = text.lastIndexOf(' from '); cut >= 0; cut = cut === 0 ? -1 : text.lastIndexOf(' from ', cut - 1)) {
    const tail = text.slice(cut + 6)
    const peer = readPeer(tail)
    if (peer !== undefined) return { ...peer, name: text.slice(0, cut) }
    // Before OpenSSH 7 `Invalid user` named no port.
    if (!tail.includes(' ') && ipOf(tail) !== undefined)
      return { address: tail, port: 0, name: text.slice(0, cut), rest: '' }
    // Anything after a last ` from ` that is no peer was not written by sshd there.
    if (cut < text.length - 400) return undefined
  }
  return undefined
}

function withPeer(draft: Draft, original: Draft, peer: Peer): void {
  original.src_ip = peer.address
  if (peer.port > 0) original.src_port = peer.port
  put(draft, 'src_endpoint', endpoint({ address: peer.address, port: peer.port > 0 ? peer.port : undefined }))
}

function logon(
  message: UnixMessage,
  original: Draft,
  parts: { readonly name: string; readonly peer: Peer; readonly failure?: string; readonly method?: string },
): Draft {
  const draft = authentication(message, { service: 'sshd', activity: 1, user: user({ name: parts.name }) })
  if (parts.name !== '') original.user = parts.name
  withPeer(draft, original, parts.peer)
  if (parts.method !== undefined) original.auth_method = parts.method
  draft.auth_protocol_id = 99
  draft.auth_protocol = parts.method === undefined ? 'SSH' : `SSH ${parts.method}`
  draft.logon_type_id = 3
  draft.logon_type = 'Network'
  draft.is_remote = true
  if (parts.failure === undefined) setStatus(draft, SUCCESS)
  else setStatus(draft, FAILURE, parts.failure)
  draft.metadata = { ...product }
  return draft
}

/** `Accepted <method> for <user> from …` and `Failed <method> for [invalid user ]<user> from …`. */
function attempt(message: UnixMessage, original: Draft): Draft | undefined {
  const { text } = message
  const accepted = text.startsWith('Accepted ')
  const from = accepted ? 9 : 7
  const forAt = text.indexOf(' for ', from)
  if (forAt < 0) return undefined
  const method = text.slice(from, forAt)
  if (method.length > 64) return undefined
  const isInvalid = text.startsWith('invalid user ', forAt + 5)
  const found = readUserAndPeer(text.slice(forAt + (isInvalid ? 18 : 5)))
  if (found === undefined) return undefined
  const draft = logon(message, original, {
    name: found.name,
    peer: found,
    method,
    ...(accepted ? {} : { failure: isInvalid ? `Failed ${method}, invalid user` : `Failed ${method}` }),
  })
  const key = /: ([A-Z0-9-]{2,24}) (SHA256:[A-Za-z0-9+/=]{20,64}|MD5:[0-9a-f:]{47})/.exec(found.rest)
  if (key?.[2] !== undefined) original.key_fingerprint = key[2]
  return draft
}

/** Failures that name the user before ` from <peer>`. */
const refusals: readonly (readonly [start: string, reason: string])[] = [
  ['Invalid user ', 'Invalid user'],
  ['Illegal user ', 'Invalid user'],
  ['error: maximum authentication attempts exceeded for invalid user ', 'Too many attempts, invalid user'],
  ['maximum authentication attempts exceeded for invalid user ', 'Too many attempts, invalid user'],
  ['error: maximum authentication attempts exceeded for ', 'Too many attempts'],
  ['maximum authentication attempts exceeded for ', 'Too many attempts'],
  ['Postponed keyboard-interactive for invalid user ', 'Postponed, invalid user'],
]

function refusal(message: UnixMessage, original: Draft): Draft | undefined {
  for (const [start, reason] of refusals) {
    if (!message.text.startsWith(start)) continue
    const found = readUserAndPeer(message.text.slice(start.length))
    if (found === undefined) return undefined
    return logon(message, original, { name: found.name, peer: found, failure: reason })
  }
  return undefined
}

/** `User <name> from <host> not allowed because …`: the reason is sshd's own words. */
function notAllowed(message: UnixMessage, original: Draft): Draft | undefined {
  const because = message.text.lastIndexOf(' not allowed because ')
  const fromAt = because < 0 ? -1 : message.text.lastIndexOf(' from ', because)
  if (fromAt < 5) return undefined
  const address = message.text.slice(fromAt + 6, because)
  if (address.includes(' ')) return undefined
  return logon(message, original, {
    name: message.text.slice(5, fromAt),
    peer: { address, port: 0 },
    failure: message.text.slice(because + 1),
  })
}

/** Lines that end or break a connection: the peer, perhaps after a user's name, stands at the end. */
const endings: readonly (readonly [start: string, activity: number])[] = [
  ['Connection closed by ', 2],
  ['Connection reset by ', 3],
  ['Disconnected from ', 2],
  ['Disconnecting ', 2],
  ['Received disconnect from ', 2],
  ['Did not receive identification string from ', 4],
  ['Unable to negotiate with ', 4],
  ['Bad protocol version identification ', 4],
  ['banner exchange: Connection from ', 4],
  ['Connection from ', 1],
  ['Timeout before authentication for ', 4],
  ['refused connect from ', 5],
]

function connection(message: UnixMessage, original: Draft): Draft | undefined {
  const { text } = message
  for (const [start, activity] of endings) {
    if (!text.startsWith(start)) continue
    const rest = text.slice(start.length)
    // `… user <name> <address> port <n>`: the last peer is sshd's, a name may hold others.
    const portAt = start === 'Connection from ' ? rest.indexOf(' port ') : rest.lastIndexOf(' port ')
    const addressAt = portAt < 0 ? -1 : rest.lastIndexOf(' ', portAt - 1) + 1
    const peer = portAt < 0 ? undefined : readPeer(rest.slice(addressAt))
    if (peer === undefined) return undefined
    const draft = startEvent(4007, activity)
    withPeer(draft, original, peer)
    put(draft, 'dst_endpoint', endpoint({ hostname: message.hostname, address: message.senderIp }))
    put(draft, 'device', deviceOf(message))
    const named = /^(?:authenticating |invalid )?user (.+) $/s.exec(rest.slice(0, addressAt))
    if (named?.[1] !== undefined) {
      original.user = named[1]
      draft.actor = { user: { name: named[1] } }
    }
    draft.metadata = { ...product }
    return draft
  }
  return undefined
}

/** OpenSSH's server: sign-ins as Authentication, what is left of a connection as SSH Activity.
 * @see openssh-portable auth.c (auth_log), auth2.c, packet.c */
export function readSshd(message: UnixMessage, original: Draft): Draft | undefined {
  const { text } = message
  switch (text.charCodeAt(0)) {
    case 65: // A
      return text.startsWith('Accepted ') ? attempt(message, original) : undefined
    case 70: // F
      return text.startsWith('Failed ') ? attempt(message, original) : undefined
    case 80: // P
    case 112: // p
      return readPam(message, original) ?? refusal(message, original)
    case 85: // U
      if (text.startsWith('User ')) return notAllowed(message, original)
      return connection(message, original)
    default:
      return refusal(message, original) ?? connection(message, original)
  }
}
