import { formatNetwork, maskIp, parseIp, parseNetwork } from '../ip.ts'
import { anyScheme, normalise } from '../normalise.ts'
import type { ExactType, LiveIndicator, LiveOpinion, Observable, Place } from '../types.ts'
import { MatchSet, type MatchSetData } from './match-set.ts'

/** What happens to the indicators of a workspace. Plain data and shared memory, to be sent to threads. */
export type IntelChange = Place &
  (
    | {
        readonly kind: 'set'
        readonly set: MatchSetData /** Changes up to this one are in it. */
        readonly upTo: number
      }
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
  readonly #recent = new Map<string, Recent>()
  /** How many recent networks there are of each prefix length, by number of words. */
  readonly #recentPrefixes: Record<1 | 4, Map<number, number>> = { 1: new Map(), 4: new Map() }

  get size(): number {
    return (this.#set?.size ?? 0) + this.#recent.size
  }

  change(change: IntelChange): void {
    if (change.kind === 'set') {
      this.#set = new MatchSet(change.set)
      for (const [key, { sequence }] of this.#recent) if (sequence <= change.upTo) this.#forget(key)
      return
    }
    for (const indicator of change.changes) {
      const key = keyOf(indicator)
      this.#forget(key)
      this.#recent.set(key, { indicator, sequence: change.sequence })
      this.#countPrefix(indicator, 1)
    }
  }

  /** Every indicator that this value of an event meets at an instant: itself, networks around an address, domains above
   * a domain, and of a URL its host. `text` may be in any spelling. */
  lookUp(type: ExactType, text: string, at: number): readonly Hit[] {
    const value = normalise(type, text)
    if (value === undefined || this.size === 0) return NONE
    switch (type) {
      case 'ip':
        return this.#lookUpIp(value, at)
      case 'domain':
        return this.#lookUpDomain(value, at)
      case 'url':
        return [
          ...this.#exact('url', value, at),
          ...this.#exact('url', anyScheme(value), at),
          ...this.#hostOf(value, at),
        ]
      case 'email':
        return [...this.#exact('email', value, at), ...this.#lookUpDomain(value.slice(value.lastIndexOf('@') + 1), at)]
      default:
        return this.#exact(type, value, at)
    }
  }

  #hostOf(url: string, at: number): readonly Hit[] {
    const host = hostOfUrl(url)
    const ip = normalise('ip', host)
    if (ip !== undefined) return this.#lookUpIp(ip, at)
    const domain = normalise('domain', host)
    return domain === undefined ? NONE : this.#lookUpDomain(domain, at)
  }

  #lookUpIp(ip: string, at: number): readonly Hit[] {
    const hits = [...this.#exact('ip', ip, at)]
    const words = parseIp(ip)
    if (!words) return hits
    if (this.#set) {
      const found: number[] = []
      this.#set.findNetworks(words, found)
      for (const number of found) this.#takeOld('network', this.#set, number, at, hits)
    }
    for (const prefix of this.#recentPrefixes[words.length].keys()) {
      this.#takeRecent('network', formatNetwork({ words: maskIp(words, prefix), prefix }), at, hits)
    }
    return hits
  }

  #lookUpDomain(domain: string, at: number): readonly Hit[] {
    const hits: Hit[] = []
    if (this.#set) {
      const found: number[] = []
      this.#set.findDomains(domain, found)
      for (const number of found) this.#takeOld('domain', this.#set, number, at, hits)
    }
    if (this.#recent.size === 0) return hits
    for (let start = 0; ; ) {
      this.#takeRecent('domain', domain.slice(start), at, hits)
      const dot = domain.indexOf('.', start)
      if (dot === -1) break
      start = dot + 1
    }
    return hits
  }

  #exact(type: ExactType, value: string, at: number): readonly Hit[] {
    if (this.#recent.size > 0) {
      const recent = this.#recent.get(keyOf({ type, value }))
      if (recent) {
        const hits: Hit[] = []
        this.#takeRecent(type, value, at, hits)
        return hits
      }
    }
    const number = this.#set?.find(type, value) ?? -1
    if (number < 0 || !this.#set) return NONE
    const opinions = this.#set.opinionsOf(number, at)
    return opinions.length === 0 ? NONE : [{ type, value, opinions }]
  }

  /** Adds an indicator of the set unless it changed since. */
  #takeOld(type: ExactType, set: MatchSet, number: number, at: number, hits: Hit[]): void {
    const opinions = set.opinionsOf(number, at)
    if (opinions.length === 0) return
    const value = set.valueOf(number)
    if (!this.#recent.has(keyOf({ type, value }))) hits.push({ type, value, opinions })
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
