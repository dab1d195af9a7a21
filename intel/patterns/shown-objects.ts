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
    const places = shown.places.flatMap((place) => (place === '' ? [ocsf] : membersIn(ocsf, place.split('.'))))
    return places.map((place) => new PlacedObject(place, shown.properties))
  }

  #plainOf(type: string): readonly ShownObject[] {
    const { observables, ocsf } = this.#observation
    return observables
      .filter(
        (each) =>
          each.type === plain[type] && (each.type !== 'ip' || each.value.includes(':') === (type === 'ipv6-addr')),
      )
      .map(({ type: kind, value: text }) => {
        const shown = spelled(kind, text)
        return {
          valuesAt(path) {
            if (path === 'value') return [shown]
            const asked = path === 'resolves_to_refs.value' && membersIn(ocsf, ['query'])[0]?.hostname
            return asked && spelled('domain', String(asked)) === shown ? readProperty(ocsf, RESOLVES_TO) : []
          },
        }
      })
  }
}

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
      values = property ? readProperty(this.#place, property) : []
      this.#values.set(path, values)
    }
    return values
  }
}

function readProperty(place: Members, { from, kind, type }: Property): ShownValue[] {
  const found = typeof from === 'function' ? from(place) : from.flatMap((path) => valuesIn(place, path))
  return found.slice(0, SHOWN_VALUES_MAX).flatMap((each) => {
    if (kind === 'number')
      return typeof each === 'number' || (typeof each === 'string' && /^\d{1,15}$/.test(each)) ? [Number(each)] : []
    if (typeof each === 'string') return each.length > SHOWN_CHARS_MAX ? [] : [spelled(type, each)]
    return typeof each === 'number' || typeof each === 'boolean' ? [each] : []
  })
}

/** The scalars at a path, of lists all of them. */
function valuesIn(place: Members, path: string): Json[] {
  const steps = path.split('.')
  const last = steps.pop() ?? ''
  const parents = steps.length === 0 ? [place] : membersIn(place, steps)
  return parents.flatMap((parent) => {
    const found = parent[last]
    if (found === undefined || found === null) return []
    return Array.isArray(found) ? (found as readonly Json[]) : [found]
  })
}

/** The objects at a path, of lists all of them. */
function membersIn(place: Members, steps: readonly string[]): Members[] {
  let now: Members[] = [place]
  for (const step of steps) {
    now = now.flatMap((each) => {
      const found = each[step]
      const list: readonly unknown[] = Array.isArray(found) ? found : [found]
      return list.filter(isMembers)
    })
    if (now.length === 0) break
  }
  return now.slice(0, SHOWN_VALUES_MAX)
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
