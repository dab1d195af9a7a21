import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { observablesOf } from '../detection/online/observables.ts'
import { formatIp, formatNetwork, maskIp } from '../intel/ip.ts'
import { IndicatorIndex } from '../intel/match/indicator-index.ts'
import { MatchSetBuilder, type MatchSetData } from '../intel/match/match-set.ts'
import type { ExactType, LiveIndicator } from '../intel/types.ts'
import { parseAccountId } from '../platform/index.ts'

type Report = (row: { readonly case: string; readonly value: number; readonly unit: string }) => void

const account = parseAccountId('000000000001')
const NOW = Date.UTC(2026, 2, 1)

/** Shares of the types in the set, after what public feeds hold. */
const shares: readonly (readonly [ExactType, number])[] = [
  ['ip', 0.3],
  ['network', 0.04],
  ['domain', 0.24],
  ['url', 0.12],
  ['md5', 0.06],
  ['sha1', 0.06],
  ['sha256', 0.14],
  ['email', 0.02],
  ['ja3', 0.01],
  ['ja4', 0.01],
]

/** 32 bits that are told by a number and look like chance.   @see MurmurHash3, its finaliser */
function mixed32(number: number, salt: number): number {
  let bits = (number ^ Math.imul(salt + 1, 0x9e3779b1)) >>> 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

/** A value that is told by its number, the same each time. */
function valueNumbered(type: ExactType, number: number): string {
  const word = (at: number) => mixed32(number, at)
  const hex = [0, 1, 2, 3].map((at) => word(at).toString(16).padStart(8, '0')).join('')
  switch (type) {
    case 'ip':
      return number % 8 === 0
        ? formatIp([0x20010db8, word(0), word(1), word(2)])
        : formatIp([(word(0) % 0xdf000000) + 0x01000000])
    case 'network': {
      const prefix = number % 100 === 0 ? 16 + (number % 8) : 24 + (number % 5)
      return formatNetwork({ words: maskIp([word(0)], prefix), prefix })
    }
    case 'domain':
      return `${hex.slice(0, 6 + (number % 14))}.${number % 3 === 0 ? `${hex.slice(20, 26)}.` : ''}example`
    case 'url':
      return `http://${hex.slice(0, 10)}.example/${hex.slice(10, 20 + (number % 12))}/${hex.slice(0, 8)}.php?id=${number}`
    case 'email':
      return `${hex.slice(0, 9)}@${hex.slice(9, 19)}.example`
    case 'ja4':
      return `t13d1516h2_${hex.slice(0, 12)}_${hex.slice(12, 24)}`
    case 'sha1':
      return `${hex}${hex.slice(0, 8)}`
    case 'sha256':
      return `${hex}${hex}`
    default:
      return hex
  }
}

const opinionsOf = (number: number): LiveIndicator['opinions'] => [
  {
    source: `feed-${number % 20}`,
    confidence: 40 + (number % 60),
    tlp: 'amber',
    validFrom: NOW - 86_400_000,
    expiresAt: NOW + 86_400_000 + number,
    lastSeen: NOW - 86_400_000,
  },
]

/** Five million indicators: what they take in memory, and how fast events are compared with them. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const total = quick ? 200_000 : 5_000_000
  const before = settledRss()
  const began = performance.now()
  const data = build(total)
  report({ case: `${total} indicators: built in`, value: (performance.now() - began) / 1000, unit: 's' })
  const index = new IndicatorIndex()
  index.change({ kind: 'set', account, workspace: 'default', set: data, patterns: [], upTo: 0 })
  report({ case: `${total} indicators: shared memory`, value: bytesOf(data) / 2 ** 20, unit: 'MiB' })
  report({ case: `${total} indicators: growth of the process`, value: (settledRss() - before) / 2 ** 20, unit: 'MiB' })

  for (const type of ['ip', 'domain', 'url', 'sha256', 'md5', 'email', 'ja3', 'ja4'] as const) {
    report({ case: `look-ups that miss: ${type}`, value: rateOf(index, misses(type)), unit: '/s' })
  }
  report({ case: 'look-ups that hit: domain', value: rateOf(index, hits('domain', total)), unit: '/s' })
  report({ case: 'look-ups that hit: sha256', value: rateOf(index, hits('sha256', total)), unit: '/s' })
  const mixed = mixture(total)
  report({ case: 'look-ups, mixed, 1 of 1,000 hits', value: rateOf(index, mixed), unit: '/s' })
  report({ case: 'events of 6 observables compared', value: eventRate(index), unit: 'events/s' })
  for (const count of quick ? [100, 1_000] : [100, 100_000]) {
    index.change({ kind: 'set', account, workspace: 'default', set: data, patterns: patterns(count), upTo: 0 })
    const { indexed } = index.patternCounts
    report({ case: `the same, beside ${indexed} patterns`, value: eventRate(index), unit: 'events/s' })
  }
}

/** Patterns of two properties, as feeds have them. */
function patterns(count: number): LiveIndicator[] {
  return Array.from({ length: count }, (_, number) => {
    const value = [
      `[file:hashes.MD5 = '${valueNumbered('md5', number)}' AND file:size > ${number % 1000}]`,
      `[domain-name:value = '${valueNumbered('domain', number)}' AND network-traffic:dst_port = 443]`,
      `[ipv4-addr:value = '9.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}' AND network-traffic:dst_port = ${number % 60_000}]`,
      `[process:command_line LIKE '%-x${number} %' AND file:name = 'evil-${number}.exe']`,
    ][number % 4]
    return { type: 'pattern', value: value ?? '', opinions: opinionsOf(number) }
  })
}

function build(total: number): MatchSetData {
  const builder = new MatchSetBuilder({ values: total, opinions: total, bytes: total * 30 })
  const seen = new Set<string>()
  for (const [type, share] of shares) {
    const count = Math.round(total * share)
    for (let number = 0; number < count; number++) {
      const value = valueNumbered(type, number)
      // Few networks of a short prefix there are; each stands once.
      if (type === 'network') {
        if (seen.has(value)) continue
        seen.add(value)
      }
      builder.add({ type, value, opinions: opinionsOf(number) })
    }
  }
  // So that the number is the one that is named.
  for (let number = 0; builder.size < total; number++) {
    builder.add({ type: 'domain', value: `fill-${number}.example`, opinions: opinionsOf(number) })
  }
  return builder.finish()
}

interface Lookup {
  readonly type: ExactType
  readonly text: string
}

const LOOKUPS = 200_000

const misses = (type: ExactType): Lookup[] =>
  Array.from({ length: LOOKUPS }, (_, number) => ({ type, text: missOf(type, number) }))

/** Like the values of the set, and none of them. */
function missOf(type: ExactType, number: number): string {
  const value = valueNumbered(type, 1_000_000_000 + number)
  return type === 'domain' ? `www.${value}` : value
}

function hits(type: ExactType, total: number): Lookup[] {
  const count = Math.round(total * (shares.find(([each]) => each === type)?.[1] ?? 0))
  return Array.from({ length: LOOKUPS }, (_, number) => ({ type, text: valueNumbered(type, (number * 7919) % count) }))
}

/** What events look up: addresses and domains mostly. */
function mixture(total: number): Lookup[] {
  const types: readonly ExactType[] = ['ip', 'ip', 'domain', 'sha256', 'ip', 'domain', 'md5', 'url', 'ip', 'domain']
  return Array.from({ length: LOOKUPS }, (_, number) => {
    const type = types[number % types.length] ?? 'ip'
    const text = number % 1000 === 0 ? valueNumbered(type, number % Math.round(total * 0.05)) : missOf(type, number)
    return { type, text }
  })
}

function rateOf(index: IndicatorIndex, lookups: readonly Lookup[]): number {
  let best = 0
  for (let round = 0; round < 6; round++) {
    let found = 0
    const began = cpuMs()
    for (const { type, text } of lookups) found += index.lookUp(type, text, NOW).length
    best = Math.max(best, (1000 * lookups.length) / (cpuMs() - began))
    if (found < 0) throw new Error('never')
  }
  return best
}

function eventRate(index: IndicatorIndex): number {
  const events = Array.from({ length: 50_000 }, (_, number) => ({
    original: {},
    ocsf: {
      class_uid: 4003,
      src_endpoint: { ip: missOf('ip', number) },
      dst_endpoint: { ip: missOf('ip', number + 1) },
      query: { hostname: missOf('domain', number) },
      answers: [{ rdata: missOf('ip', number + 2) }, { rdata: missOf('ip', number + 3) }],
      file: { name: `file-${number}.exe`, hashes: [{ value: missOf('sha256', number) }] },
    },
  }))
  let best = 0
  for (let round = 0; round < 6; round++) {
    const began = cpuMs()
    for (const event of events) {
      const observables = observablesOf(event)
      for (const { type, value } of observables) index.lookUp(type, value, NOW)
      index.findPatterns({ time: NOW, ocsf: event.ocsf, observables }, NOW)
    }
    best = Math.max(best, (1000 * events.length) / (cpuMs() - began))
  }
  return best
}

function bytesOf(data: MatchSetData): number {
  const { networks, keys: _keys, sources: _sources, hasBareUrls: _bare, ...columns } = data
  const tables = [networks.v4, networks.v6].flatMap(({ starts, prefixes, parents, numbers }) => [
    ...starts,
    ...[prefixes, parents, numbers],
  ])
  return [...Object.values(columns), ...tables].reduce((sum, column) => sum + column.buffer.byteLength, 0)
}

/** Processor time of this thread: what others do meanwhile does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** What the process holds after everything that can go has gone. */
function settledRss(): number {
  setFlagsFromString('--expose-gc')
  for (let round = 0; round < 3; round++) runInNewContext('gc')()
  return process.memoryUsage().rss
}
