import { intelError } from '../errors.ts'
import { isRecord } from '../import/json-depth.ts'
import { type ReadDefaults, Reading } from '../import/reading.ts'
import type { Statement } from '../indicators.ts'
import { DESCRIPTION_CHARS_MAX, IMPORT_ITEMS_MAX, LABEL_CHARS_MAX, LABELS_MAX } from '../limits.ts'
import { normaliseIndicator } from '../normalise.ts'
import { type ExactType, type Tlp, tlps } from '../types.ts'
import { baseScore } from './base-score.ts'

type Json = Readonly<Record<string, unknown>>

/** What the parts of a MISP attribute are; a part that is no indicator by itself is not named. */
const TYPES: ReadonlyMap<string, readonly (ExactType | undefined)[]> = new Map<
  string,
  readonly (ExactType | undefined)[]
>([
  ...(['md5', 'sha1', 'sha256', 'sha512', 'domain', 'url'] as const).map((type) => [type, [type]] as const),
  ['ip-src', ['ip']],
  ['ip-dst', ['ip']],
  ['ip-src|port', ['ip']],
  ['ip-dst|port', ['ip']],
  ['hostname', ['domain']],
  ['hostname|port', ['domain']],
  ['domain|ip', ['domain', 'ip']],
  ['uri', ['url']],
  ['link', ['url']],
  ['email', ['email']],
  ['email-src', ['email']],
  ['email-dst', ['email']],
  ['email-reply-to', ['email']],
  ['filename|md5', [undefined, 'md5']],
  ['filename|sha1', [undefined, 'sha1']],
  ['filename|sha256', [undefined, 'sha256']],
  ['filename|sha512', [undefined, 'sha512']],
  ['ja3-fingerprint-md5', ['ja3']],
  ['ja4-plus', ['ja4']],
])

/** What MISP events say: attributes marked for detection (`to_ids`), those of objects too, composite ones by their
 * parts.   @see MISP core format (draft) 2.2 (event), 2.4 (attribute) */
export function readMisp(value: unknown, defaults: ReadDefaults): Reading {
  const reading = new Reading('misp')
  let attributes = 0
  for (const event of eventsOf(value)) {
    for (const attribute of attributesOf(event)) {
      attributes += 1
      if (attributes > IMPORT_ITEMS_MAX) {
        throw intelError(
          'intel.import.tooLarge',
          `an import has at most ${IMPORT_ITEMS_MAX} attributes; send it in parts`,
        )
      }
      readAttribute(attribute, event, defaults, reading)
    }
  }
  return reading
}

/** An event, a list of them, or what `/events/restSearch` and `/attributes/restSearch` answer. */
function eventsOf(value: unknown): Json[] {
  const response = isRecord(value) && value.response !== undefined ? value.response : value
  if (isRecord(response) && Array.isArray(response.Attribute)) return [{ Attribute: response.Attribute }]
  const items = Array.isArray(response) ? response : [response]
  return items.flatMap((item) => {
    if (!isRecord(item)) return []
    return isRecord(item.Event) ? [item.Event] : [item]
  })
}

function attributesOf(event: Json): Json[] {
  const own = listOf(event.Attribute)
  const ofObjects = listOf(event.Object).flatMap((object) => (isDeleted(object) ? [] : listOf(object.Attribute)))
  return [...own, ...ofObjects]
}

function readAttribute(attribute: Json, event: Json, defaults: ReadDefaults, reading: Reading): void {
  const { uuid, type, value } = attribute
  const where = typeof uuid === 'string' ? uuid : `${type} ${value}`
  const saidAt = secondsOf(attribute.timestamp) ?? secondsOf(event.timestamp) ?? defaults.now
  const stixId =
    typeof uuid === 'string' && /^[0-9a-f-]{36}$/i.test(uuid) ? `indicator--${uuid.toLowerCase()}` : undefined
  if (stixId !== undefined) reading.revoked.push({ stixId, saidAt })
  if (isDeleted(attribute)) return
  if (attribute.to_ids !== true && attribute.to_ids !== '1' && attribute.to_ids !== 1) return
  if (typeof type !== 'string' || typeof value !== 'string') {
    reading.refuse(where, 'an attribute has a `type` and a `value`, both texts')
    return
  }
  const types = TYPES.get(type)
  if (!types) {
    reading.refuse(where, `attributes of type \`${type.slice(0, 60)}\` are not compared with events`)
    return
  }
  const tags = [...tagsOf(event), ...tagsOf(attribute)]
  const base = {
    source: defaults.source,
    confidence: baseScore(tagsOf(attribute), tagsOf(event)) ?? defaults.confidence,
    tlp: tlpOf(tags),
    labels: [...new Set([...(typeof attribute.category === 'string' ? [attribute.category] : []), ...tags])]
      .filter((tag) => !tag.startsWith('tlp:'))
      .slice(0, LABELS_MAX)
      .map((tag) => tag.slice(0, LABEL_CHARS_MAX)),
    ...describe(attribute, event),
    ...(stixId === undefined ? {} : { stixId }),
    validFrom: instantOf(attribute.first_seen) ?? Math.min(saidAt, defaults.now),
    lastSeen: Math.min(instantOf(attribute.last_seen) ?? saidAt, defaults.now),
    saidAt,
  } satisfies Omit<Statement, 'observable'>
  // A URL may hold a `|`; only composite types are made of parts.
  const parts = type.includes('|') ? value.split('|') : [value]
  for (const [index, part] of types.entries()) {
    if (part === undefined) continue
    const found = normaliseIndicator(part, parts[index] ?? '')
    if (found.ok) reading.take(where, { ...base, observable: found.value })
    else reading.refuse(where, found.error)
  }
}

function describe(attribute: Json, event: Json): { description?: string } {
  const texts = [event.info, attribute.comment].filter(
    (text): text is string => typeof text === 'string' && text !== '',
  )
  return texts.length === 0 ? {} : { description: texts.join(': ').slice(0, DESCRIPTION_CHARS_MAX) }
}

function tagsOf(of: Json): string[] {
  return listOf(of.Tag).flatMap(({ name }) => (typeof name === 'string' ? [name] : []))
}

function tlpOf(tags: readonly string[]): Tlp {
  const levels = tags.flatMap((tag) => {
    const text = /^tlp:(.+)$/i.exec(tag)?.[1]?.toLowerCase().replaceAll('"', '')
    return text === 'white' ? (['clear'] as const) : tlps.filter((level) => level === text)
  })
  return levels.sort((a, b) => tlps.indexOf(b) - tlps.indexOf(a))[0] ?? 'amber'
}

function isDeleted({ deleted }: Json): boolean {
  return deleted === true || deleted === 1 || deleted === '1'
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

/** MISP writes instants as seconds, in texts. */
function secondsOf(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^[0-9]{1,11}$/.test(value) ? Number(value) : value
  return typeof seconds === 'number' && seconds > 0 && seconds < 1e11 ? Math.floor(seconds * 1000) : undefined
}

function instantOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(value)) return secondsOf(value)
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : at
}
