import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import { ENTITIES_PER_KIND_MAX, ENTITY_CHARS_MAX } from '../limits.ts'
import { textOfValue } from '../match/event-context.ts'
import { lookUp, makeField } from '../match/field.ts'
import { parseIp } from '../match/ip.ts'

export const entityKinds = [
  'users',
  'hosts',
  'ips',
  'domains',
  'urls',
  'processes',
  'files',
  'hashes',
  'accessKeys',
] as const
export type EntityKind = (typeof entityKinds)[number]

/** Who and what an event is about, by kind; kinds without a value are absent. */
export type Entities = Readonly<Partial<Record<EntityKind, readonly string[]>>>

const ocsfFields: Readonly<Record<EntityKind, readonly string[]>> = {
  users: ['actor.user.name', 'user.name', 'actor.session.issuer'],
  hosts: ['device.hostname', 'device.name', 'src_endpoint.hostname', 'dst_endpoint.hostname'],
  ips: ['src_endpoint.ip', 'dst_endpoint.ip', 'device.ip'],
  domains: ['query.hostname', 'http_request.url.hostname'],
  urls: ['http_request.url.url_string'],
  processes: ['process.file.path', 'actor.process.file.path'],
  files: ['file.path'],
  hashes: ['file.hashes.value', 'process.file.hashes.value', 'module.file.hashes.value'],
  accessKeys: ['actor.user.credential_uid'],
}

const originalFields: Readonly<Record<EntityKind, readonly string[]>> = {
  users: [
    'User',
    'SourceUser',
    'TargetUser',
    'TargetUserName',
    'SubjectUserName',
    'AccountName',
    'user',
    'username',
    'user.name',
    'userIdentity.userName',
    'userIdentity.sessionContext.sessionIssuer.userName',
  ],
  hosts: ['Computer', 'Hostname', 'hostname', 'host.name', 'WorkstationName', 'SourceHostname', 'DestinationHostname'],
  ips: [
    'IpAddress',
    'SourceIp',
    'DestinationIp',
    'SourceAddress',
    'DestAddress',
    'sourceIPAddress',
    'src_ip',
    'dst_ip',
    'source.ip',
    'destination.ip',
    'client_ip',
    'id.orig_h',
    'id.resp_h',
  ],
  domains: ['QueryName', 'query'],
  urls: ['url', 'c-uri'],
  processes: ['Image', 'NewProcessName', 'SourceImage', 'TargetImage'],
  files: ['TargetFilename'],
  hashes: ['Hashes', 'md5', 'sha1', 'sha256'],
  accessKeys: ['userIdentity.accessKeyId'],
}

const asFields = (names: Readonly<Record<EntityKind, readonly string[]>>) =>
  entityKinds.map((kind) => ({ kind, fields: names[kind].map(makeField) }))
const fromOcsf = asFields(ocsfFields)
const fromOriginal = asFields(originalFields)

/** The entities that an event names, in its OCSF members and in well-known ones of its own; each once, few of a kind. */
export function entitiesOf(original: JsonObject, ocsf: JsonObject): Entities {
  const entities: Partial<Record<EntityKind, string[]>> = {}
  const seen = new Set<string>()
  for (const [root, table] of [
    [ocsf, fromOcsf],
    [original, fromOriginal],
  ] as const) {
    for (const { kind, fields } of table) {
      for (const field of fields) collect(lookUp(root, field), kind, entities, seen)
    }
  }
  return entities
}

function collect(
  value: JsonValue | undefined,
  kind: EntityKind,
  into: Partial<Record<EntityKind, string[]>>,
  seen: Set<string>,
): void {
  if (value === undefined || value === null) return
  if (Array.isArray(value)) {
    for (const element of (value as readonly JsonValue[]).slice(0, ENTITIES_PER_KIND_MAX)) {
      collect(element, kind, into, seen)
    }
    return
  }
  const text = textOfValue(value)
  if (text === undefined) return
  for (const entity of readEntity(kind, text)) {
    const key = `${kind} ${entity.toLowerCase()}`
    const list = into[kind]
    if (seen.has(key) || (list && list.length >= ENTITIES_PER_KIND_MAX)) continue
    seen.add(key)
    if (list) list.push(entity)
    else into[kind] = [entity]
  }
}

/** Loopback and unspecified addresses: each host's own, so they tie nothing together. */
const NOBODY = /^(?:127\.|0\.0\.0\.0$|::1?$)/
const HASH = /\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b/gi

function readEntity(kind: EntityKind, text: string): readonly string[] {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed === '-' || trimmed.length > ENTITY_CHARS_MAX) return []
  if (kind === 'ips') {
    const ip = trimmed.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%\w+$/, '')
    return parseIp(ip) && !NOBODY.test(ip) ? [ip] : []
  }
  if (kind === 'hashes') return (trimmed.match(HASH) ?? []).map((hash) => hash.toLowerCase())
  if (kind === 'domains') return /^[\w-]+(?:\.[\w-]+)+\.?$/.test(trimmed) ? [trimmed.toLowerCase()] : []
  return [trimmed]
}
