import { intelError } from '../errors.ts'
import { isRecord, isShallow, textsOf } from '../import/json-depth.ts'
import { type ReadDefaults, Reading } from '../import/reading.ts'
import type { Statement } from '../indicators.ts'
import {
  DESCRIPTION_CHARS_MAX,
  IMPORT_ITEMS_MAX,
  LABEL_CHARS_MAX,
  LABELS_MAX,
  STIX_OBJECT_CHARS_MAX,
} from '../limits.ts'
import { compilePattern } from '../patterns/compile-pattern.ts'
import { exactValues } from '../patterns/exact-values.ts'
import type { Observable, Tlp } from '../types.ts'
import { tlps } from '../types.ts'
import { microInstant, typeOfId } from './object.ts'
import { parsePattern } from './parse-pattern.ts'
import { PatternProblem } from './pattern-tokens.ts'
import { tlpIds } from './tlp.ts'

type Json = Readonly<Record<string, unknown>>

/** What STIX objects say: every object of 2.1 (and 2.0) is kept, and indicators, sightings, observed data and
 * relationships are acted on. An object that is wrong does not keep the others out.
 * @param value a bundle, a list of objects, or one */
export function readStix(value: unknown, defaults: ReadDefaults): Reading {
  const reading = new Reading('stix')
  const objects = objectsOf(value)
  if (objects.length > IMPORT_ITEMS_MAX) {
    throw intelError('intel.import.tooLarge', `an import has at most ${IMPORT_ITEMS_MAX} objects; send it in parts`)
  }
  const known = new Map<string, Json>()
  for (const [index, object] of objects.entries()) {
    const problem = problemOf(object)
    if (problem !== undefined || !isRecord(object)) {
      reading.refuse(isRecord(object) && typeof object.id === 'string' ? object.id : `objects[${index}]`, problem ?? '')
      continue
    }
    const { id, type } = object as { id: string; type: string }
    const json = JSON.stringify(object)
    if (json.length > STIX_OBJECT_CHARS_MAX) {
      reading.refuse(id, `the object is longer than ${STIX_OBJECT_CHARS_MAX} characters`)
      continue
    }
    const version = microInstant(object.modified) ?? microInstant(object.created)
    reading.objects.push({ id, type, ...(version === undefined ? {} : { version }), json })
    const other = known.get(id)
    // Of versions of one object in one bundle the newest is what it says.
    if (!other || (version ?? '') >= (microInstant(other.modified) ?? '')) known.set(id, object)
  }
  const context = contextOf(known, defaults)
  for (const object of known.values()) {
    if (object.type === 'indicator') readIndicator(object, context, reading)
    else if (object.type === 'sighting') readSighting(object, context, reading)
  }
  return reading
}

function objectsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (!isRecord(value)) throw intelError('intel.import.unreadable', 'a STIX bundle is a JSON object')
  if (value.type !== 'bundle') return [value]
  if (value.objects === undefined) return []
  if (!Array.isArray(value.objects)) throw intelError('intel.import.unreadable', '`objects` of a bundle is a list')
  return value.objects
}

function problemOf(object: unknown): string | undefined {
  if (!isRecord(object)) return 'it is no object'
  if (typeof object.id !== 'string' || typeOfId(object.id) === undefined) {
    return '`id` is no STIX identifier of the form type--UUID'
  }
  if (object.type !== typeOfId(object.id)) return '`type` is not the one that `id` begins with'
  for (const member of ['created', 'modified'] as const) {
    if (object[member] !== undefined && microInstant(object[member]) === undefined) {
      return `\`${member}\` is no timestamp of the form 2026-01-31T08:00:00.000Z`
    }
  }
  return isShallow(object) ? undefined : 'it is nested too deep'
}

interface BundleContext extends ReadDefaults {
  readonly objects: ReadonlyMap<string, Json>
  readonly markings: ReadonlyMap<string, Tlp>
  /** What indicators indicate, by their id. */
  readonly indicated: ReadonlyMap<string, readonly string[]>
}

function contextOf(objects: ReadonlyMap<string, Json>, defaults: ReadDefaults): BundleContext {
  const markings = new Map(tlpIds)
  const indicated = new Map<string, string[]>()
  for (const object of objects.values()) {
    if (object.type === 'marking-definition') {
      const level = levelOf(object)
      if (level) markings.set(String(object.id), level)
    }
    if (object.type !== 'relationship' || object.relationship_type !== 'indicates' || object.revoked === true) continue
    const target = objects.get(String(object.target_ref))
    const source = String(object.source_ref)
    if (typeof target?.name === 'string') {
      indicated.set(source, [...(indicated.get(source) ?? []), `indicates:${target.name}`.slice(0, LABEL_CHARS_MAX)])
    }
  }
  return { ...defaults, objects, markings, indicated }
}

/** The TLP level that a marking definition of somebody else's states. */
function levelOf(marking: Json): Tlp | undefined {
  const definition = isRecord(marking.definition) ? marking.definition.tlp : undefined
  const text = String(definition ?? marking.name ?? '')
    .toLowerCase()
    .replace(/^tlp:/, '')
  return text === 'white' ? 'clear' : tlps.find((level) => level === text)
}

function readIndicator(object: Json, context: BundleContext, reading: Reading): void {
  const id = String(object.id)
  const saidAt = instantOf(object.modified) ?? instantOf(object.created) ?? context.now
  // What an earlier version said of other values does not hold any more; what this one says comes after.
  reading.revoked.push({ stixId: id, saidAt })
  if (object.revoked === true) return
  const { values, notMatched } = patternOf(object)
  if (!values) {
    reading.refuse(id, notMatched ?? 'it has no pattern')
    return
  }
  const base = {
    source: context.source,
    confidence: confidenceOf(object.confidence) ?? context.confidence,
    tlp: tlpOf(object, context.markings),
    labels: [
      ...textsOf(object.indicator_types, LABELS_MAX, LABEL_CHARS_MAX),
      ...textsOf(object.labels, LABELS_MAX, LABEL_CHARS_MAX),
      ...(context.indicated.get(id) ?? []),
    ].slice(0, LABELS_MAX),
    killChain: phasesOf(object.kill_chain_phases),
    ...descriptionOf(object),
    stixId: id,
    validFrom: instantOf(object.valid_from) ?? saidAt,
    ...(instantOf(object.valid_until) === undefined ? {} : { validUntil: instantOf(object.valid_until) ?? 0 }),
    lastSeen: Math.min(saidAt, context.now),
    saidAt,
    ...(notMatched === undefined ? {} : { notMatched }),
  } satisfies Omit<Statement, 'observable'>
  for (const observable of values) reading.take(id, { ...base, observable })
}

/** The values a pattern is about, or the pattern itself and why events are not compared with it; no values where it is
 * no pattern at all. */
function patternOf(object: Json): { readonly values?: readonly Observable[]; readonly notMatched?: string } {
  const { pattern } = object
  const language = typeof object.pattern_type === 'string' ? object.pattern_type : 'stix'
  if (typeof pattern !== 'string' || pattern === '') return {}
  const whole: Observable = { type: 'pattern', value: pattern }
  if (language !== 'stix') {
    return { values: [whole], notMatched: `patterns of type ${language.slice(0, 40)} are not compared with events` }
  }
  try {
    const parsed = parsePattern(pattern)
    const values = exactValues(parsed)
    if (values) return { values }
    const compiled = compilePattern(parsed)
    return { values: [whole], ...(compiled.ok ? {} : { notMatched: compiled.error }) }
  } catch (error) {
    if (error instanceof PatternProblem) return { notMatched: `the pattern cannot be read: ${error.message}` }
    throw error
  }
}

function readSighting(object: Json, context: BundleContext, reading: Reading): void {
  const of = String(object.sighting_of_ref ?? '')
  if (object.revoked === true || typeOfId(of) !== 'indicator') return
  const at = instantOf(object.last_seen) ?? instantOf(object.first_seen) ?? instantOf(object.modified) ?? context.now
  const [where] = textsOf(object.where_sighted_refs, 1, 300)
  const place = where === undefined ? undefined : context.objects.get(where)
  const entity = typeof place?.name === 'string' ? place.name.slice(0, LABEL_CHARS_MAX) : (where ?? context.source)
  const [observed] = textsOf(object.observed_data_refs, 1, 300)
  reading.sightings.push({
    of,
    sighting: {
      id: String(object.id),
      entity,
      at: Math.min(at, context.now),
      observable: observed === undefined ? '' : observedValue(context, observed),
      recordIds: [],
    },
  })
}

/** The first value that observed data holds. */
function observedValue({ objects }: BundleContext, id: string): string {
  const data = objects.get(id)
  const inline = isRecord(data?.objects) ? Object.values(data.objects) : []
  const referred = textsOf(data?.object_refs, 100, 300).map((ref) => objects.get(ref))
  for (const object of [...inline, ...referred]) {
    if (isRecord(object) && typeof object.value === 'string') return object.value.slice(0, 2_048)
  }
  return ''
}

function tlpOf(object: Json, markings: ReadonlyMap<string, Tlp>): Tlp {
  const levels = textsOf(object.object_marking_refs, 20, 300).flatMap((id) => markings.get(id) ?? [])
  return (
    levels.reduce<Tlp | undefined>(
      (strictest, level) => (strictest && tlps.indexOf(strictest) >= tlps.indexOf(level) ? strictest : level),
      undefined,
    ) ?? 'amber'
  )
}

function phasesOf(phases: unknown): string[] {
  if (!Array.isArray(phases)) return []
  return phases
    .filter(isRecord)
    .slice(0, LABELS_MAX)
    .map(({ kill_chain_name: chain, phase_name: phase }) => `${chain}/${phase}`.slice(0, LABEL_CHARS_MAX))
}

function descriptionOf({ name, description }: Json): { description?: string } {
  const texts = [name, description].filter((text): text is string => typeof text === 'string' && text !== '')
  return texts.length === 0 ? {} : { description: texts.join(': ').slice(0, DESCRIPTION_CHARS_MAX) }
}

function confidenceOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 100 ? value : undefined
}

function instantOf(text: unknown): number | undefined {
  return microInstant(text) === undefined ? undefined : Date.parse(String(text))
}
