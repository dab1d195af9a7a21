import { SHOWN_CHARS_MAX, SHOWN_VALUES_MAX } from '../limits.ts'
import { normalise } from '../normalise.ts'
import type { ExactType } from '../types.ts'

/** A value of a property of a STIX object. */
export type ShownValue = string | number | boolean

/** JSON as events hold it. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [member: string]: Json }
type Members = { readonly [member: string]: Json }

/** An event as patterns see it: its OCSF members, and the observables found in it. */
export interface Observation {
  /** When it happened, ms. */
  readonly time: number
  readonly ocsf: Members
  readonly observables: readonly { readonly type: ExactType; readonly value: string }[]
}

/** A STIX object that an event shows, by its properties. */
export interface ShownObject {
  /** The values at a path of the object; of a list all its elements.   @param path as `pathKey` writes it */
  valuesAt(path: string): readonly ShownValue[]
}

interface Property {
  /** Members below the object's own place, or a way to make the values. */
  readonly from: readonly string[] | ((place: Members) => readonly (Json | undefined)[])
  /** `value` tells things apart, so that patterns are found by it; `word` is one of few; a `number` is one. */
  readonly kind: 'value' | 'word' | 'number'
  /** What its text is, and so the one spelling of it. */
  readonly type?: ExactType
}

interface ShownType {
  /** Where in an OCSF event such objects stand; '' is the event itself. */
  readonly places: readonly string[]
  readonly properties: Readonly<Record<string, Property>>
}

const value = (...from: string[]): Property => ({ from, kind: 'value' })
const typed = (type: ExactType, ...from: string[]): Property => ({ from, kind: 'value', type })
const word = (...from: string[]): Property => ({ from, kind: 'word' })
const number = (...from: string[]): Property => ({ from, kind: 'number' })

const hashes = (prefix: string, list: string): Record<string, Property> =>
  Object.fromEntries(
    (
      [
        ['md5', 32],
        ['sha1', 40],
        ['sha256', 64],
        ['sha512', 128],
      ] as const
    ).map(([type, chars]) => [
      `${prefix}hashes.${type}`,
      {
        from: (place: Members) => valuesIn(place, `${list}.value`).filter((each) => String(each).length === chars),
        kind: 'value' as const,
        type,
      },
    ]),
  )

/** A file, where it stands by itself or below a reference. */
const fileProperties = (prefix: string, below: string): Record<string, Property> => ({
  [`${prefix}name`]: value(`${below}name`),
  [`${prefix}size`]: number(`${below}size`),
  [`${prefix}mime_type`]: word(`${below}mime_type`),
  [`${prefix}parent_directory_ref.path`]: {
    from: (place) => [
      ...valuesIn(place, `${below}parent_folder`),
      ...valuesIn(place, `${below}path`).map((path) => folderOf(String(path))),
    ],
    kind: 'value',
  },
  ...hashes(prefix, `${below}hashes`),
})

const userProperties = (prefix: string, below: string): Record<string, Property> => ({
  [`${prefix}user_id`]: value(`${below}uid`),
  [`${prefix}account_login`]: value(`${below}name`),
  [`${prefix}display_name`]: value(`${below}full_name`),
  [`${prefix}account_type`]: word(`${below}account.type`),
})

const processProperties = (prefix: string, below: string): Record<string, Property> => ({
  [`${prefix}pid`]: number(`${below}pid`),
  [`${prefix}command_line`]: value(`${below}cmd_line`),
  [`${prefix}cwd`]: value(`${below}working_directory`),
  // STIX 2.0; 2.1 has only the image's.
  [`${prefix}name`]: value(`${below}name`),
  ...fileProperties(`${prefix}image_ref.`, `${below}file.`),
  ...fileProperties(`${prefix}binary_ref.`, `${below}file.`),
  ...userProperties(`${prefix}creator_user_ref.`, `${below}user.`),
})

const FILES = ['file', 'process.file', 'actor.process.file', 'module.file', 'driver.file', 'script.file']

/** What of STIX an OCSF event shows, but for plain values (`plain`).   @see STIX 2.1, 6 (cyber-observable objects) */
const ofOcsf: Readonly<Record<string, ShownType>> = {
  file: {
    places: [...FILES, 'process.parent_process.file', 'email.files', 'win_service.service_file'],
    properties: fileProperties('', ''),
  },
  artifact: {
    places: [...FILES, 'email.files'],
    properties: { mime_type: word('mime_type'), ...hashes('', 'hashes') },
  },
  directory: {
    places: FILES,
    properties: {
      path: { from: (place) => valuesIn(place, 'path').map((path) => folderOf(String(path))), kind: 'value' },
    },
  },
  process: {
    places: ['process', 'actor.process', 'process.parent_process'],
    properties: { ...processProperties('', ''), ...processProperties('parent_ref.', 'parent_process.') },
  },
  'user-account': {
    places: ['user', 'actor.user', 'process.user'],
    properties: userProperties('', ''),
  },
  'mac-addr': { places: ['src_endpoint', 'dst_endpoint', 'device'], properties: { value: value('mac') } },
  'windows-registry-key': {
    places: [''],
    properties: {
      key: value('reg_key.path', 'reg_value.path'),
      'values.name': value('reg_value.name'),
      'values.data': value('reg_value.data'),
    },
  },
  'network-traffic': {
    places: [''],
    properties: {
      'src_ref.value': typed('ip', 'src_endpoint.ip', 'src_endpoint.hostname'),
      'dst_ref.value': typed('ip', 'dst_endpoint.ip', 'dst_endpoint.hostname'),
      'src_ref.type': { from: (event) => endTypes(event, 'src_endpoint'), kind: 'word' },
      'dst_ref.type': { from: (event) => endTypes(event, 'dst_endpoint'), kind: 'word' },
      src_port: number('src_endpoint.port'),
      dst_port: number('dst_endpoint.port'),
      src_byte_count: number('traffic.bytes_out'),
      dst_byte_count: number('traffic.bytes_in'),
      src_packets: number('traffic.packets_out'),
      dst_packets: number('traffic.packets_in'),
      protocols: { from: protocolsOf, kind: 'word' },
      'extensions.http-request-ext.request_method': word('http_request.http_method'),
      'extensions.http-request-ext.request_value': value('http_request.url.url_string'),
      'extensions.http-request-ext.request_version': word('http_request.version'),
      'extensions.http-request-ext.request_header.user-agent': value('http_request.user_agent'),
      'extensions.http-request-ext.request_header.referer': value('http_request.referrer'),
      'extensions.http-request-ext.request_header.host': typed('domain', 'http_request.url.hostname'),
      'extensions.tls-ext.ja3_hash': typed('ja3', 'tls.ja3_hash.value'),
      'extensions.tls-ext.ja3s_hash': typed('ja3', 'tls.ja3s_hash.value'),
      'extensions.tls-ext.ja4_hash': typed('ja4', 'ja4_fingerprint_list.value', 'tls.ja4_fingerprint_list.value'),
      'extensions.tls-ext.sni': typed('domain', 'tls.sni'),
    },
  },
  'email-message': {
    places: ['email'],
    properties: {
      'from_ref.value': typed('email', 'from'),
      'sender_ref.value': typed('email', 'smtp_from', 'from'),
      'to_refs.value': typed('email', 'to'),
      'cc_refs.value': typed('email', 'cc'),
      subject: value('subject'),
      message_id: value('message_uid'),
      'body_multipart.body_raw_ref.name': value('files.name'),
    },
  },
  'x509-certificate': {
    places: ['tls.certificate', 'certificate'],
    properties: {
      subject: value('subject'),
      issuer: value('issuer'),
      serial_number: value('serial_number'),
      ...hashes('', 'fingerprints'),
    },
  },
  'autonomous-system': {
    places: ['src_endpoint.autonomous_system', 'dst_endpoint.autonomous_system'],
    properties: { number: number('number'), name: value('name') },
  },
}

/** Objects that are a value and little else: they are made of the observables of any event. */
const plain: Readonly<Record<string, ExactType>> = {
  'ipv4-addr': 'ip',
  'ipv6-addr': 'ip',
  'domain-name': 'domain',
  url: 'url',
  'email-addr': 'email',
}
/** What a name was answered to be, of DNS events. */
const RESOLVES_TO: Property = { from: ['answers.rdata'], kind: 'value', type: 'ip' }

/** What is known of a path; undefined where no event shows it.
 * @param path as `pathKey` writes it */
export function propertyAt(object: string, path: string): Pick<Property, 'kind' | 'type'> | undefined {
  const type = Object.hasOwn(plain, object) ? plain[object] : undefined
  if (type) {
    if (path === 'value') return { kind: 'value', type }
    return object === 'domain-name' && path === 'resolves_to_refs.value' ? RESOLVES_TO : undefined
  }
  const shown = Object.hasOwn(ofOcsf, object) ? ofOcsf[object] : undefined
  return shown && Object.hasOwn(shown.properties, path) ? shown.properties[path] : undefined
}

/** A path into an object as it is looked up: indices left out, names in lower case, hash names without dashes. */
export function pathKey(steps: readonly (string | number)[]): string {
  const names = steps.filter((step) => typeof step === 'string' && step !== '*') as string[]
  const keys = names.map((name, at) => {
    const small = name.toLowerCase()
    return names[at - 1]?.toLowerCase() === 'hashes' ? small.replaceAll('-', '') : small
  })
  return keys.join('.')
}

/** A value in the one spelling of its type; as it is where it has no type, or is none of that. */
export function spelled(type: ExactType | undefined, text: ShownValue): ShownValue {
  if (type === undefined || typeof text !== 'string') return text
  // What an address or a host may stand for is told by its form.
  return (
    normalise(type, text) ?? (type === 'ip' || type === 'domain' ? normalise(OTHER[type], text) : undefined) ?? text
  )
}
const OTHER = { ip: 'domain', domain: 'ip' } as const

/** The STIX objects that an event shows, made when they are asked for. */
export class Shown {
  readonly time: number
  readonly #observation: Observation
  readonly #objects = new Map<string, readonly ShownObject[]>()

  constructor(observation: Observation) {
    this.time = observation.time
    this.#observation = observation
  }

  objectsOf(type: string): readonly ShownObject[] {
    let objects = this.#objects.get(type)
    if (!objects) {
      objects = Object.hasOwn(plain, type) ? this.#plainOf(type) : this.#ocsfOf(type)
      this.#objects.set(type, objects)
    }
    return objects
  }

  #ocsfOf(type: string): readonly ShownObject[] {
    const shown = Object.hasOwn(ofOcsf, type) ? ofOcsf[type] : undefined
    if (!shown) return []
    const { ocsf } = this.#observation
    const objects: ShownObject[] = []
    for (const path of shown.places) {
      for (const place of membersIn(ocsf, path)) objects.push(new PlacedObject(place, shown.properties))
    }
    return objects
  }

  #plainOf(type: string): readonly ShownObject[] {
    const { observables, ocsf } = this.#observation
    const kind = plain[type]
    const objects: ShownObject[] = []
    for (const { type: own, value: text } of observables) {
      if (own !== kind || (own === 'ip' && text.includes(':') !== (type === 'ipv6-addr'))) continue
      objects.push(new PlainObject(spelled(own, text), ocsf))
    }
    return objects
  }
}

/** A value, and of a domain what it was answered to be. */
class PlainObject implements ShownObject {
  readonly #value: readonly ShownValue[]
  readonly #ocsf: Members

  constructor(shown: ShownValue, ocsf: Members) {
    this.#value = [shown]
    this.#ocsf = ocsf
  }

  valuesAt(path: string): readonly ShownValue[] {
    if (path === 'value') return this.#value
    if (path !== 'resolves_to_refs.value') return NO_VALUES
    const [asked] = valuesIn(this.#ocsf, 'query.hostname')
    const isAsked = asked !== undefined && spelled('domain', String(asked)) === this.#value[0]
    return isAsked ? readProperty(this.#ocsf, RESOLVES_TO) : NO_VALUES
  }
}

const NO_VALUES: readonly ShownValue[] = []

class PlacedObject implements ShownObject {
  readonly #place: Members
  readonly #properties: Readonly<Record<string, Property>>
  readonly #values = new Map<string, readonly ShownValue[]>()

  constructor(place: Members, properties: Readonly<Record<string, Property>>) {
    this.#place = place
    this.#properties = properties
  }

  valuesAt(path: string): readonly ShownValue[] {
    let values = this.#values.get(path)
    if (!values) {
      const property = this.#properties[path]
      values = property ? readProperty(this.#place, property) : NO_VALUES
      this.#values.set(path, values)
    }
    return values
  }
}

function readProperty(place: Members, { from, kind, type }: Property): readonly ShownValue[] {
  const found = typeof from === 'function' ? from(place) : from.flatMap((path) => valuesIn(place, path))
  if (found.length === 0) return NO_VALUES
  const values: ShownValue[] = []
  for (const each of found) {
    if (values.length >= SHOWN_VALUES_MAX) break
    if (kind === 'number') {
      if (typeof each === 'number' || (typeof each === 'string' && /^\d{1,15}$/.test(each))) values.push(Number(each))
    } else if (typeof each === 'string') {
      if (each.length <= SHOWN_CHARS_MAX) values.push(spelled(type, each))
    } else if (typeof each === 'number' || typeof each === 'boolean') values.push(each)
  }
  return values
}

/** The scalars at a path, of lists all of them. */
function valuesIn(place: Members, path: string): Json[] {
  const found: Json[] = []
  collect(place, stepsOf(path), 0, (value) => {
    if (value !== null && !isMembers(value)) found.push(value)
  })
  return found
}

/** The objects at a path, of lists all of them. */
function membersIn(place: Members, path: string): Members[] {
  const found: Members[] = []
  collect(place, stepsOf(path), 0, (value) => {
    if (isMembers(value)) found.push(value)
  })
  return found
}

function collect(value: Json, steps: readonly string[], at: number, take: (value: Json) => void): void {
  if (Array.isArray(value)) {
    const list = value as readonly Json[]
    const length = Math.min(list.length, SHOWN_VALUES_MAX)
    for (let index = 0; index < length; index++) collect(list[index] ?? null, steps, at, take)
    return
  }
  const step = steps[at]
  if (step === undefined) take(value)
  else if (isMembers(value)) {
    const next = value[step]
    if (next !== undefined) collect(next, steps, at + 1, take)
  }
}

/** Paths in steps: those of the tables, so that there are few. */
const split = new Map<string, readonly string[]>()

function stepsOf(path: string): readonly string[] {
  let steps = split.get(path)
  if (!steps) {
    steps = path === '' ? [] : path.split('.')
    split.set(path, steps)
  }
  return steps
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function folderOf(path: string): string | undefined {
  const cut = Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/'))
  return cut < 0 ? undefined : path.slice(0, cut === 0 ? 1 : cut)
}

function endTypes(event: Members, end: string): string[] {
  const ips = valuesIn(event, `${end}.ip`).map((ip) => (String(ip).includes(':') ? 'ipv6-addr' : 'ipv4-addr'))
  return [...ips, ...valuesIn(event, `${end}.hostname`).map(() => 'domain-name')]
}

/** @see OCSF 1.8, classes 4002, 4003, 4007 */
const PROTOCOL_OF_CLASS: Readonly<Record<string, string>> = { 4002: 'http', 4003: 'dns', 4007: 'ssh' }

function protocolsOf(event: Members): string[] {
  const told = [...valuesIn(event, 'connection_info.protocol_name'), ...valuesIn(event, 'app_name')]
  const ofClass = PROTOCOL_OF_CLASS[String(event.class_uid)]
  const ends = [...endTypes(event, 'src_endpoint'), ...endTypes(event, 'dst_endpoint')]
  return [
    ...(ends.includes('ipv4-addr') ? ['ipv4'] : []),
    ...(ends.includes('ipv6-addr') ? ['ipv6'] : []),
    ...told.map((name) => String(name).toLowerCase()),
    ...(ofClass === undefined ? [] : [ofClass]),
  ]
}
