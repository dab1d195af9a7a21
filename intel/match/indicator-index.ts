import { formatNetwork, type IpWords, maskIp, parseNetwork } from '../ip.ts'
import { addressText, anyScheme, normalise, parseAddress } from '../normalise.ts'
import { type PatternCounts, type PatternHit, PatternIndex } from '../patterns/pattern-index.ts'
import type { Observation } from '../patterns/shown-objects.ts'
import type { ExactType, LiveIndicator, LiveOpinion, Observable, Place } from '../types.ts'
import { MatchSet, type MatchSetData } from './match-set.ts'

/** What happens to the indicators of a workspace. Plain data and shared memory, to be sent to threads. */
export type IntelChange = Place &
  (
    | {
        readonly kind: 'set'
        readonly set: MatchSetData
        readonly patterns: readonly LiveIndicator[]
        /** Changes up to this one are in it. */
        readonly upTo: number
      }
    /** What no indicator is met by, whatever sources say. */
    | { readonly kind: 'allow'; readonly set: MatchSetData }
    | { readonly kind: 'changes'; readonly sequence: number; readonly changes: readonly LiveIndicator[] }
  )

/** An indicator that an observable met, with those opinions that hold at the time. */
export interface Hit extends Observable {
  readonly type: ExactType
  readonly opinions: readonly LiveOpinion[]
}

interface Recent {
  readonly indicator: LiveIndicator
  readonly sequence: number
}

/** The indicators of one workspace: a set that never changes, and beside it what changed since it was built, which wins. */
export class IndicatorIndex {
  #set: MatchSet | undefined
  #allowed: IndicatorIndex | undefined
  readonly #patterns = new PatternIndex()
  // Used by one look-up after another, so that those that find nothing allocate nothing.
  readonly #hits: Hit[] = []
  readonly #found: number[] = []
  readonly #recent = new Map<string, Recent>()
  /** How many recent networks there are of each prefix length, by number of words. */
  readonly #recentPrefixes: Record<1 | 4, Map<number, number>> = { 1: new Map(), 4: new Map() }

  get size(): number {
    return (this.#set?.size ?? 0) + this.#recent.size + this.#patterns.size
  }

  get patternCounts(): PatternCounts {
    return this.#patterns.counts
  }

  change(change: IntelChange): void {
    if (change.kind === 'set') {
      this.#set = new MatchSet(change.set)
      this.#patterns.set(change.patterns, change.upTo)
      for (const [key, { sequence }] of this.#recent) if (sequence <= change.upTo) this.#forget(key)
      return
    }
    if (change.kind === 'allow') {
      this.#allowed = new IndicatorIndex()
      this.#allowed.change({ ...change, kind: 'set', patterns: [], upTo: 0 })
      return
    }
    for (const indicator of change.changes) {
      if (indicator.type === 'pattern') {
        this.#patterns.change(indicator, change.sequence)
        continue
      }
      const key = keyOf(indicator)
      this.#forget(key)
      this.#recent.set(key, { indicator, sequence: change.sequence })
      this.#countPrefix(indicator, 1)
    }
  }

  /** Every indicator that this value of an event meets at an instant: itself, networks around an address, domains above
   * a domain, and of a URL its host; none where an allow-list holds it. `text` may be in any spelling. */
  lookUp(type: ExactType, text: string, at: number): readonly Hit[] {
    if (this.size === 0) return NONE
    const hits = this.#lookUp(type, text, at)
    const isAllowed = hits.length > 0 && (this.#allowed?.lookUp(type, text, at).length ?? 0) > 0
    return isAllowed ? NONE : hits
  }

  /** Every pattern that an event meets at an instant, unless an allow-list holds a value that it was met by. */
  findPatterns(observation: Observation, at: number): readonly PatternHit[] {
    const hits = this.#patterns.find(observation, at)
    const allowed = this.#allowed
    if (hits.length === 0 || !allowed) return hits
    return hits.filter(({ values }) => values.every(({ type, value }) => allowed.lookUp(type, value, at).length === 0))
  }

  #lookUp(type: ExactType, text: string, at: number): readonly Hit[] {
    const hits: Hit[] = this.#hits
    hits.length = 0
    if (type === 'ip') {
      const words = parseAddress(text)
      if (words) this.#takeIp(words, addressText(words, text), at, hits)
      return hits.length === 0 ? NONE : hits.slice()
    }
    const value = normalise(type, text)
    if (value === undefined) return NONE
    switch (type) {
      case 'domain':
        this.#takeDomain(value, at, hits)
        break
      case 'url':
        this.#takeUrl(value, at, hits)
        break
      case 'email':
        this.#take('email', value, at, hits)
        this.#takeDomain(value.slice(value.lastIndexOf('@') + 1), at, hits)
        break
      default:
        this.#take(type, value, at, hits)
    }
    return hits.length === 0 ? NONE : hits.slice()
  }

  #takeUrl(url: string, at: number, hits: Hit[]): void {
    this.#take('url', url, at, hits)
    if (this.#set?.hasBareUrls || this.#recent.size > 0) this.#take('url', anyScheme(url), at, hits)
    const host = hostOfUrl(url)
    const domain = normalise('domain', host)
    if (domain !== undefined) this.#takeDomain(domain, at, hits)
    else {
      const words = parseAddress(host)
      if (words) this.#takeIp(words, addressText(words, host), at, hits)
    }
  }

  #takeIp(words: IpWords, ip: string, at: number, hits: Hit[]): void {
    this.#take('ip', ip, at, hits)
    if (this.#set) {
      const found = this.#found
      found.length = 0
      this.#set.findNetworks(words, found)
      for (const number of found) this.#takeOld('network', this.#set, number, at, hits)
    }
    for (const prefix of this.#recentPrefixes[words.length].keys()) {
      this.#takeRecent('network', formatNetwork({ words: maskIp(words, prefix), prefix }), at, hits)
    }
  }

  #takeDomain(domain: string, at: number, hits: Hit[]): void {
    if (this.#set) {
      const found = this.#found
      found.length = 0
      this.#set.findDomains(domain, found)
      for (const number of found) this.#takeOld('domain', this.#set, number, at, hits)
    }
    if (this.#recent.size === 0) return
    for (let start = 0; ; ) {
      this.#takeRecent('domain', domain.slice(start), at, hits)
      const dot = domain.indexOf('.', start)
      if (dot === -1) return
      start = dot + 1
    }
  }

  /** Adds the indicator of exactly this value. */
  #take(type: ExactType, value: string, at: number, hits: Hit[]): void {
    if (this.#recent.size > 0 && this.#recent.has(keyOf({ type, value }))) {
      this.#takeRecent(type, value, at, hits)
      return
    }
    const number = this.#set?.find(type, value) ?? -1
    if (number < 0 || !this.#set) return
    const opinions = this.#set.opinionsOf(number, at)
    if (opinions.length > 0) hits.push({ type, value, opinions })
  }

  /** Adds an indicator of the set unless it changed since. */
  #takeOld(type: ExactType, set: MatchSet, number: number, at: number, hits: Hit[]): void {
    const opinions = set.opinionsOf(number, at)
    if (opinions.length === 0) return
    const value = set.valueOf(number)
    if (this.#recent.size === 0 || !this.#recent.has(keyOf({ type, value }))) hits.push({ type, value, opinions })
  }

  #takeRecent(type: ExactType, value: string, at: number, hits: Hit[]): void {
    const recent = this.#recent.get(keyOf({ type, value }))
    const opinions = recent?.indicator.opinions.filter(({ validFrom, expiresAt }) => at >= validFrom && at < expiresAt)
    if (opinions && opinions.length > 0) hits.push({ type, value, opinions })
  }

  #forget(key: string): void {
    const known = this.#recent.get(key)
    if (!known) return
    this.#recent.delete(key)
    this.#countPrefix(known.indicator, -1)
  }

  #countPrefix({ type, value }: LiveIndicator, by: 1 | -1): void {
    const network = type === 'network' ? parseNetwork(value) : undefined
    if (!network) return
    const counts = this.#recentPrefixes[network.words.length]
    const count = (counts.get(network.prefix) ?? 0) + by
    if (count > 0) counts.set(network.prefix, count)
    else counts.delete(network.prefix)
  }
}

const NONE: readonly Hit[] = []

function keyOf({ type, value }: Observable): string {
  return `${type} ${value}`
}

/** The host of a normalised URL, an IPv6 address without its brackets. */
function hostOfUrl(url: string): string {
  const from = url.indexOf('//') + 2
  const slash = url.indexOf('/', from)
  const authority = url.slice(from, slash === -1 ? undefined : slash)
  if (authority.startsWith('[')) return authority.slice(1, authority.indexOf(']'))
  const colon = authority.indexOf(':')
  return colon === -1 ? authority : authority.slice(0, colon)
}
