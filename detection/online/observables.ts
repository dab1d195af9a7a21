import type { ExactType } from '../../intel/index.ts'
import type { Event, JsonObject, JsonValue } from '../../pipeline/index.ts'
import { ENTITY_CHARS_MAX, OBSERVABLES_PER_EVENT_MAX } from '../limits.ts'

/** A value of an event that an indicator may be about, as the event holds it. */
export interface EventObservable {
  readonly type: ExactType
  readonly value: string
  /** Where it stands in the event. */
  readonly field: string
}

type Kind = 'ip' | 'domain' | 'host' | 'url' | 'email' | 'hash' | 'ja3' | 'ja4'

interface Place {
  readonly path: readonly string[]
  readonly name: string
  readonly kind: Kind
}

/** Where OCSF events hold observables; `host` is a name or an address. */
const ocsfFields: Readonly<Record<Kind, readonly string[]>> = {
  ip: [
    'src_endpoint.ip',
    'src_endpoint.intermediate_ips',
    'dst_endpoint.ip',
    'dst_endpoint.intermediate_ips',
    'proxy_endpoint.ip',
    'device.ip',
  ],
  domain: ['query.hostname', 'tls.sni', 'src_endpoint.domain', 'dst_endpoint.domain', 'email.from_domain'],
  host: [
    'src_endpoint.hostname',
    'dst_endpoint.hostname',
    'answers.rdata',
    'http_request.url.hostname',
    'url.hostname',
    'device.hostname',
  ],
  url: ['http_request.url.url_string', 'url.url_string', 'email.urls.url_string'],
  email: [
    'email.from',
    'email.to',
    'email.cc',
    'email.reply_to',
    'email.smtp_from',
    'email.smtp_to',
    'actor.user.email_addr',
    'user.email_addr',
  ],
  hash: [
    'file.hashes.value',
    'process.file.hashes.value',
    'process.parent_process.file.hashes.value',
    'actor.process.file.hashes.value',
    'module.file.hashes.value',
    'driver.file.hashes.value',
    'email.files.hashes.value',
  ],
  ja3: ['tls.ja3_hash.value', 'tls.ja3s_hash.value'],
  ja4: ['ja4_fingerprint_list.value', 'tls.ja4_fingerprint_list.value'],
}

/** Well-known members of records that no parser makes OCSF of: Zeek, Suricata, ECS. */
const plainFields: Readonly<Record<Kind, readonly string[]>> = {
  ip: [
    'src_ip',
    'dst_ip',
    'dest_ip',
    'client_ip',
    'id.orig_h',
    'id.resp_h',
    'source.ip',
    'destination.ip',
    'client.ip',
    'server.ip',
  ],
  domain: ['query', 'server_name', 'dns.rrname', 'dns.question.name', 'tls.sni'],
  host: ['host', 'hostname', 'domain', 'answers', 'http.hostname', 'url.domain', 'destination.domain'],
  url: ['url', 'uri', 'url.full', 'url.original'],
  email: ['mailfrom', 'rcptto', 'from', 'email.from.address', 'email.to.address'],
  hash: ['md5', 'sha1', 'sha256', 'sha512', 'hash', 'file.hash.md5', 'file.hash.sha1', 'file.hash.sha256'],
  ja3: ['ja3', 'tls.ja3.hash', 'tls.client.ja3'],
  ja4: ['ja4', 'tls.ja4', 'tls.client.ja4'],
}

const HASH_OF_LENGTH: ReadonlyMap<number, ExactType> = new Map([
  [32, 'md5'],
  [40, 'sha1'],
  [64, 'sha256'],
  [128, 'sha512'],
])
/** OCSF `observables[].type_id`. */
const KIND_OF_TYPE_ID: ReadonlyMap<JsonValue, Kind> = new Map<JsonValue, Kind>([
  [1, 'host'],
  [2, 'ip'],
  [5, 'email'],
  [6, 'url'],
  [8, 'hash'],
])

/** By the first member of their path, so that an event is looked at once for each member that it has. */
function byFirstMember(fields: Readonly<Record<Kind, readonly string[]>>): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, Place[]>()
  for (const [kind, names] of Object.entries(fields) as [Kind, readonly string[]][]) {
    for (const name of names) {
      const [first = '', ...path] = name.split('.')
      // Zeek's `id.orig_h` is one member with a dot in its name.
      places.set(name, [...(places.get(name) ?? []), { path: [], name, kind }])
      if (path.length > 0) places.set(first, [...(places.get(first) ?? []), { path, name, kind }])
    }
  }
  return places
}

const ofOcsf = byFirstMember(ocsfFields)
const ofPlain = byFirstMember(plainFields)

/** The observables that an event holds in members of known meaning, each once, few of an event.
 * Its text is not searched: a value that somebody wrote into a log line has not been met. */
export function observablesOf({ ocsf, original }: Pick<Event, 'ocsf' | 'original'>): readonly EventObservable[] {
  const found = new Found()
  found.walk(ocsf, ofOcsf)
  found.takeDeclared(ocsf.observables)
  // Where OCSF says only that something happened, the record's own members are all there is.
  if (ocsf.class_uid === undefined || ocsf.class_uid === 0) found.walk(original, ofPlain)
  return found.observables
}

class Found {
  readonly observables: EventObservable[] = []

  walk(root: JsonObject, places: ReadonlyMap<string, readonly Place[]>): void {
    for (const member in root) {
      const here = places.get(member)
      if (!here) continue
      for (const place of here) this.#collect(root[member], place, 0, root)
    }
  }

  takeDeclared(declared: JsonValue | undefined): void {
    if (!Array.isArray(declared)) return
    for (const each of declared as readonly JsonValue[]) {
      if (this.#full) return
      if (!isObject(each)) continue
      const kind = KIND_OF_TYPE_ID.get(each.type_id ?? 0)
      const { name, value } = each
      if (kind && typeof value === 'string') this.#add(kind, value, typeof name === 'string' ? name : 'observables')
    }
  }

  get #full(): boolean {
    return this.observables.length >= OBSERVABLES_PER_EVENT_MAX
  }

  #collect(value: JsonValue | undefined, place: Place, depth: number, parent: JsonObject): void {
    if (value === undefined || value === null || this.#full) return
    if (Array.isArray(value)) {
      for (const each of value as readonly JsonValue[]) {
        if (this.#full) return
        this.#collect(each, place, depth, parent)
      }
      return
    }
    const member = place.path[depth]
    if (member !== undefined) {
      if (isObject(value)) this.#collect(value[member], place, depth + 1, value)
    } else if (typeof value === 'string') {
      if (place.kind === 'url' && value.startsWith('/')) this.#addRelative(value, parent, place)
      else this.#add(place.kind, value, place.name)
    }
  }

  /** A path of a server whose name stands beside it. */
  #addRelative(path: string, url: JsonObject, { name }: Place): void {
    const host = url.hostname ?? url.host
    if (typeof host !== 'string' || path.startsWith('//')) return
    for (const scheme of ['http', 'https']) this.#add('url', `${scheme}://${host}${path}`, name)
  }

  #add(kind: Kind, text: string, field: string): void {
    if (text.length === 0 || text.length > (kind === 'url' ? URL_CHARS_MAX : ENTITY_CHARS_MAX)) return
    const type = typeOf(kind, text)
    if (type === undefined || this.#full) return
    if (!this.observables.some((known) => known.value === text && known.type === type)) {
      this.observables.push({ type, value: text, field })
    }
  }
}

const URL_CHARS_MAX = 2_048

function typeOf(kind: Kind, text: string): ExactType | undefined {
  if (kind === 'hash') return HASH_OF_LENGTH.get(text.length)
  if (kind !== 'host') return kind
  const first = text.charCodeAt(text.length - 1)
  // A name ends in a letter; an address in a digit, or it holds a colon.
  return text.includes(':') || (first >= 48 && first <= 57) ? 'ip' : 'domain'
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
