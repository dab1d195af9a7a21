import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../../ocsf/event.ts'
import { endpoint, process, put, textOf, user } from '../../ocsf/objects.ts'
import { deviceOf, type UnixMessage } from './message.ts'

/** Programs whose PAM sessions mean "acting as another user", not "signing in". */
const switchers = new Set(['sudo', 'su', 'su-l', 'sudo-i', 'runuser', 'runuser-l', 'doas', 'polkit-1'])

/** Starts an Authentication event of a Unix service. */
export function authentication(
  message: UnixMessage,
  parts: { readonly service: string; readonly activity: number; readonly user: Draft | undefined },
): Draft {
  const draft = startEvent(3002, parts.activity)
  put(draft, 'user', parts.user)
  draft.service = { name: parts.service }
  put(draft, 'dst_endpoint', endpoint({ hostname: message.hostname, address: message.senderIp }))
  put(draft, 'device', deviceOf(message))
  if (parts.activity === 7) {
    draft.account_switch_type_id = 1
    draft.account_switch_type = 'Substitute User'
  }
  const logger = process({ pid: message.procid, name: message.appname })
  if (logger !== undefined) draft.logon_process = logger
  draft.metadata = { product: { name: 'PAM', vendor_name: 'Linux' } }
  return draft
}

/** `name(uid=0)` or `name`. */
function nameAndUid(text: string): { readonly name: string; readonly uid: string | undefined } {
  const found = /^(.*)\(uid=(\d+)\)$/s.exec(text)
  return found === null ? { name: text, uid: undefined } : { name: found[1] ?? text, uid: found[2] }
}

function session(message: UnixMessage, original: Draft, service: string, text: string): Draft | undefined {
  const opened = text.startsWith('session opened for user ')
  const closed = text.startsWith('session closed for user ')
  if (!opened && !closed) return undefined
  const rest = text.slice(24)
  const by = opened ? rest.lastIndexOf(' by ') : -1
  const target = nameAndUid(by < 0 ? rest : rest.slice(0, by))
  const activity = closed ? 2 : switchers.has(service) ? 7 : 1
  original.user = target.name
  const draft = authentication(message, { service, activity, user: user(target) })
  if (by >= 0) {
    const actor = nameAndUid(rest.slice(by + 4))
    // A daemon opens sessions as `(uid=0)` without a name.
    const acting = user({ name: actor.name === '' ? undefined : actor.name, uid: actor.uid })
    if (acting !== undefined) draft.actor = { user: acting }
    if (actor.name !== '') original.by = actor.name
  }
  setStatus(draft, SUCCESS)
  return draft
}

/** `; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.1  user=root`: all values but the last are free of spaces. */
function failure(message: UnixMessage, original: Draft, service: string, text: string): Draft | undefined {
  const front = /^(?:(\d+) more )?authentication failures?; /.exec(text)
  if (front === null) return undefined
  const tail = text.slice(front[0].length)
  const fields: Record<string, string> = {}
  const last = tail.lastIndexOf(' user=')
  for (const pair of (last < 0 ? tail : tail.slice(0, last)).split(' ')) {
    const cut = pair.indexOf('=')
    if (cut > 0) fields[`pam_${pair.slice(0, cut)}`] = pair.slice(cut + 1)
  }
  const name = last < 0 ? undefined : textOf(tail.slice(last + 6))
  put(original, 'user', name)
  put(original, 'src_ip', textOf(fields.pam_rhost))
  put(original, 'tty', textOf(fields.pam_tty))
  put(original, 'ruser', textOf(fields.pam_ruser))
  const draft = authentication(message, { service, activity: switchers.has(service) ? 7 : 1, user: user({ name }) })
  put(draft, 'src_endpoint', endpoint({ address: fields.pam_rhost }))
  const actor = user({ name: fields.pam_ruser || fields.pam_logname, uid: fields.pam_uid })
  if (actor !== undefined) draft.actor = { user: actor }
  if (front[1] !== undefined) draft.count = Number(front[1])
  setStatus(draft, FAILURE, 'authentication failure')
  return draft
}

function passwordChange(message: UnixMessage, original: Draft, text: string): Draft | undefined {
  if (!text.startsWith('password changed for ')) return undefined
  const name = text.slice(21)
  original.user = name
  const draft = startEvent(3001, 3)
  put(draft, 'user', user({ name }))
  put(draft, 'device', deviceOf(message))
  setStatus(draft, SUCCESS)
  draft.metadata = { product: { name: 'PAM', vendor_name: 'Linux' } }
  return draft
}

/** `pam_unix(sshd:auth): …` of any program: sessions, failed authentications, changed passwords. */
export function readPam(message: UnixMessage, original: Draft): Draft | undefined {
  // libpam's own summary names no module: `PAM 2 more authentication failures; …`
  if (message.text.startsWith('PAM ')) return failure(message, original, message.appname, message.text.slice(4))
  const front = /^pam_[a-z0-9_]{1,32}\(([\w.@-]{1,64}):(\w{1,32})\): /.exec(message.text)
  if (front === null) return undefined
  const service = front[1] ?? message.appname
  const text = message.text.slice(front[0].length)
  original.pam_service = service
  return (
    session(message, original, service, text) ??
    failure(message, original, service, text) ??
    passwordChange(message, original, text)
  )
}
