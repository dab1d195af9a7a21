import { PATTERNS_MAX, PATTERNS_PER_VALUE_MAX, PATTERNS_SCANNED_MAX } from '../limits.ts'
import { parsePattern } from '../stix/parse-pattern.ts'
import type { ExactType, LiveIndicator, LiveOpinion } from '../types.ts'
import { compilePattern, type Way } from './compile-pattern.ts'
import { type Observation, Shown, type ShownValue } from './shown-objects.ts'
import { TextIndex, WINDOW_CHARS } from './text-index.ts'

/** A pattern that an event met, with the opinions that hold at the time. */
export interface PatternHit {
  readonly type: 'pattern'
  readonly value: string
  readonly opinions: readonly LiveOpinion[]
  /** One of the comparisons that held: what it asks about, and the value that it held of. */
  readonly field: string
  readonly observable: string
  /** The values that telling comparisons held of. */
  readonly values: readonly { readonly type: ExactType; readonly value: string }[]
}

/** What is told of a way that was met. */
type Met = Pick<PatternHit, 'field' | 'observable' | 'values'>

/** What a set of patterns holds, and what it had no room for. */
export interface PatternCounts {
  readonly indexed: number
  /** Compared with every event that shows their objects, as no exact value leads to them. */
  readonly scanned: number
  /** Not compared, as there are too many. */
  readonly passedOver: number
}

interface Entry {
  readonly text: string
  opinions: readonly LiveOpinion[]
  /** Of the change that it came with. */
  sequence: number
  readonly leads: readonly Lead[]
  place: 'indexed' | 'scanned' | 'passedOver'
}

/** A way to meet a pattern, and what leads to it; where nothing does it is scanned. */
interface Lead {
  readonly entry: Entry
  readonly way: Way
  readonly by?: At & { readonly values: readonly ShownValue[] }
  /** Without such values, a text that has to stand in a value; its window is told when it is put. */
  readonly within?: At & { readonly text: string; window: number }
}

/** Where a value stands. */
interface At {
  readonly object: string
  readonly path: string
}

/** How telling a value of a type is, the most telling first; those without a type come between. */
const TELLING: readonly (ExactType | undefined)[] = [
  ...(['sha512', 'sha256', 'sha1', 'md5', 'url', 'email', 'domain', 'ja4', 'ja3'] as const),
  undefined,
  ...(['ip', 'network'] as const),
]

/** Compiled patterns by the rarest exact value that each way to meet them asks for, or a text that a value has to hold, so
 * that an event costs the values it shows and not the patterns there are. */
export class PatternIndex {
  readonly #entries = new Map<string, Entry>()
  /** By object and path, then by value. */
  readonly #led = new Map<string, Map<string, Map<ShownValue, Lead[]>>>()
  /** By object and path, then by text. */
  readonly #within = new Map<string, Map<string, TextIndex<Lead>>>()
  readonly #scanned = new Set<Lead>()
  #counts = { indexed: 0, scanned: 0, passedOver: 0 }

  get size(): number {
    return this.#counts.indexed + this.#counts.scanned
  }

  get counts(): PatternCounts {
    return { ...this.#counts }
  }

  /** Puts the patterns of a set that holds all changes up to one; what came later stays. */
  set(patterns: readonly LiveIndicator[], upTo: number): void {
    const kept = new Set(patterns.map(({ value }) => value))
    for (const { text, sequence } of [...this.#entries.values()]) {
      if (sequence <= upTo && !kept.has(text)) this.#remove(text)
    }
    for (const pattern of patterns) {
      if ((this.#entries.get(pattern.value)?.sequence ?? 0) <= upTo) this.#put(pattern, 0)
    }
    // A pattern that had no room may have it now.
    for (const entry of [...this.#entries.values()]) {
      if (entry.place !== 'passedOver') continue
      this.#remove(entry.text)
      this.#put({ type: 'pattern', value: entry.text, opinions: entry.opinions }, entry.sequence)
    }
  }

  /** Puts one that changed; one without opinions is met no more. */
  change(pattern: LiveIndicator, sequence: number): void {
    this.#put(pattern, sequence)
  }

  /** The patterns that an event meets at an instant, each once. */
  find(observation: Observation, at: number): readonly PatternHit[] {
    if (this.size === 0) return NONE
    const shown = new Shown(observation)
    const hits = new Map<string, PatternHit>()
    for (const [object, paths] of this.#led) {
      for (const each of shown.objectsOf(object)) {
        for (const [path, byValue] of paths) {
          for (const value of each.valuesAt(path)) {
            for (const lead of byValue.get(value) ?? NO_LEADS) this.#take(lead, shown, at, hits)
          }
        }
      }
    }
    for (const [object, paths] of this.#within) {
      for (const each of shown.objectsOf(object)) {
        for (const [path, texts] of paths) {
          for (const value of each.valuesAt(path)) {
            if (typeof value === 'string') texts.find(value, (lead) => this.#take(lead, shown, at, hits))
          }
        }
      }
    }
    for (const lead of this.#scanned) this.#take(lead, shown, at, hits)
    return hits.size === 0 ? NONE : [...hits.values()]
  }

  #take({ entry, way }: Lead, shown: Shown, at: number, hits: Map<string, PatternHit>): void {
    if (hits.has(entry.text)) return
    const met = metBy(way, shown)
    if (!met) return
    const opinions = entry.opinions.filter(({ validFrom, expiresAt }) => at >= validFrom && at < expiresAt)
    if (opinions.length > 0) hits.set(entry.text, { type: 'pattern', value: entry.text, opinions, ...met })
  }

  #put({ value: text, opinions }: LiveIndicator, sequence: number): void {
    const known = this.#entries.get(text)
    // One that was taken away is remembered until a set without it comes.
    if (known && known.opinions.length > 0 === opinions.length > 0) {
      known.opinions = opinions
      known.sequence = sequence
      return
    }
    this.#remove(text)
    const ways = opinions.length > 0 ? waysOf(text) : []
    const entry: Entry = { text, opinions, sequence, leads: [], place: 'passedOver' }
    const leads = ways.map((way) => ({ entry, way, ...leadingTo(way) }))
    Object.assign(entry, { leads })
    this.#entries.set(text, entry)
    if (leads.length === 0) return
    entry.place = this.#placeFor(leads)
    this.#counts[entry.place] += 1
    if (entry.place === 'passedOver') return
    for (const lead of leads) {
      if (lead.by) for (const value of lead.by.values) this.#leadsAt(lead.by, value).push(lead)
      else if (lead.within) this.#putWithin(lead, lead.within)
      else this.#scanned.add(lead)
    }
  }

  #placeFor(leads: readonly Lead[]): Entry['place'] {
    if (this.size >= PATTERNS_MAX) return 'passedOver'
    const isCrowded = leads.some(({ by, within }) => {
      if (within) {
        const texts = this.#within.get(within.object)?.get(within.path)
        return texts !== undefined && texts.countAt(texts.windowOf(within.text) ?? 0) >= PATTERNS_PER_VALUE_MAX
      }
      const byValue = by && this.#led.get(by.object)?.get(by.path)
      return byValue && by.values.some((value) => (byValue.get(value)?.length ?? 0) >= PATTERNS_PER_VALUE_MAX)
    })
    if (isCrowded) return 'passedOver'
    if (leads.every(({ by, within }) => by ?? within)) return 'indexed'
    return this.#counts.scanned < PATTERNS_SCANNED_MAX ? 'scanned' : 'passedOver'
  }

  #putWithin(lead: Lead, within: NonNullable<Lead['within']>): void {
    const paths = entryOf(this.#within, within.object, () => new Map<string, TextIndex<Lead>>())
    const texts = entryOf(paths, within.path, () => new TextIndex<Lead>())
    within.window = texts.windowOf(within.text) ?? 0
    texts.add(within.window, lead)
  }

  #removeWithin(lead: Lead, { object, path, window }: NonNullable<Lead['within']>): void {
    const paths = this.#within.get(object)
    const texts = paths?.get(path)
    texts?.remove(window, lead)
    if (texts?.isEmpty) paths?.delete(path)
    if (paths?.size === 0) this.#within.delete(object)
  }

  #leadsAt({ object, path }: At, value: ShownValue): Lead[] {
    const paths = entryOf(this.#led, object, () => new Map<string, Map<ShownValue, Lead[]>>())
    return entryOf(
      entryOf(paths, path, () => new Map<ShownValue, Lead[]>()),
      value,
      () => [],
    )
  }

  #remove(text: string): void {
    const entry = this.#entries.get(text)
    if (!entry) return
    this.#entries.delete(text)
    if (entry.leads.length > 0) this.#counts[entry.place] -= 1
    if (entry.place === 'passedOver') return
    for (const lead of entry.leads) {
      this.#scanned.delete(lead)
      if (lead.within) this.#removeWithin(lead, lead.within)
      if (!lead.by) continue
      const { object, path } = lead.by
      const paths = this.#led.get(object)
      const byValue = paths?.get(path)
      for (const value of lead.by.values) {
        const left = byValue?.get(value)?.filter((each) => each !== lead) ?? []
        if (left.length > 0) byValue?.set(value, left)
        else byValue?.delete(value)
      }
      if (byValue?.size === 0) paths?.delete(path)
      if (paths?.size === 0) this.#led.delete(object)
    }
  }
}

const NONE: readonly PatternHit[] = []
const NO_LEADS: readonly Lead[] = []

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

/** The ways to meet a pattern that was compiled when it came; none where it was made by a version that took more. */
function waysOf(text: string): readonly Way[] {
  try {
    const compiled = compilePattern(parsePattern(text))
    return compiled.ok ? compiled.value.ways : []
  } catch {
    return []
  }
}

/** The most telling of the exact values that a way asks for, else the longest text that a value has to hold. */
function leadingTo({ groups }: Way): Pick<Lead, 'by' | 'within'> {
  const exact = groups.flatMap(({ object, comparisons }) =>
    comparisons.flatMap(({ path, type, exact: values }) =>
      values ? [{ object, path, values, rank: TELLING.indexOf(type) + values.length / 10_000 }] : [],
    ),
  )
  const [first] = exact.sort((a, b) => a.rank - b.rank)
  if (first) return { by: first }
  const texts = groups.flatMap(({ object, comparisons }) =>
    comparisons.flatMap(({ path, literal: text = '' }) =>
      text.length >= WINDOW_CHARS ? [{ object, path, text, window: 0 }] : [],
    ),
  )
  const [longest] = texts.sort((a, b) => b.text.length - a.text.length)
  return longest ? { within: longest } : {}
}

/** The comparison that is told of the way's: undefined where it is not met. */
function metBy({ groups, window }: Way, shown: Shown): Met | undefined {
  if (window && (shown.time < window.from || shown.time >= window.to)) return undefined
  const told: { field: string; observable: string }[] = []
  const values: { type: ExactType; value: string }[] = []
  for (const { object, comparisons } of groups) {
    let isMet = false
    for (const each of shown.objectsOf(object)) {
      const met: ShownValue[] = []
      for (const comparison of comparisons) {
        const value = comparison.metBy(each)
        if (value === undefined) break
        met.push(value)
      }
      if (met.length < comparisons.length) continue
      isMet = true
      for (const [at, { name, narrows, type }] of comparisons.entries()) {
        if (!narrows) continue
        const value = String(met[at])
        told.push({ field: name, observable: value.slice(0, 512) })
        if (type) values.push({ type, value })
      }
      break
    }
    if (!isMet) return undefined
  }
  const [first] = told
  return first && { ...first, values }
}
