import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIp, formatNetwork, isInside, maskIp, parseIp, parseNetwork } from '../ip.ts'
import { account, aLive, aLiveOpinion, aMatchSet, DAY_MS, metBy, START } from '../testing/builders.ts'
import type { LiveIndicator } from '../types.ts'
import { IndicatorIndex } from './indicator-index.ts'

const place = { account, workspace: 'default' }
const known: readonly LiveIndicator[] = [
  aLive('ip', '8.8.8.8'),
  aLive('ip', '2001:db8::7'),
  aLive('network', '8.8.0.0/16'),
  aLive('network', '8.8.8.0/24'),
  aLive('network', '2001:db8::/32'),
  aLive('domain', 'evil.example'),
  aLive('domain', 'a.evil.example'),
  aLive('url', 'http://bad.example/a?b'),
  aLive('url', '//bad.example/any'),
  aLive('email', 'x@bad.example'),
  aLive('md5', 'd41d8cd98f00b204e9800998ecf8427e'),
  aLive('ja3', 'd41d8cd98f00b204e9800998ecf8427e'),
]

/** The same indicators as a set, and as what changed since an empty one. */
function bothWays(indicators: readonly LiveIndicator[]): { name: string; index: IndicatorIndex }[] {
  const ofSet = new IndicatorIndex()
  ofSet.change({ kind: 'set', ...place, set: aMatchSet(indicators), patterns: [], upTo: 0 })
  const recent = new IndicatorIndex()
  recent.change({ kind: 'changes', ...place, sequence: 1, changes: indicators })
  return [
    { name: 'a set', index: ofSet },
    { name: 'recent changes', index: recent },
  ]
}

describe.each(bothWays(known))('$name', ({ index }) => {
  it.each<[Parameters<typeof metBy>[1], string, string[]]>([
    ['ip', '8.8.8.8', ['ip 8.8.8.8', 'network 8.8.0.0/16', 'network 8.8.8.0/24']],
    ['ip', '::ffff:8.8.9.1', ['network 8.8.0.0/16']],
    ['ip', '8.9.0.0', []],
    ['ip', '2001:DB8:0::7', ['ip 2001:db8::7', 'network 2001:db8::/32']],
    ['ip', '2001:db9::7', []],
    ['domain', 'EVIL.example.', ['domain evil.example']],
    ['domain', 'b.a.evil.example', ['domain a.evil.example', 'domain evil.example']],
    ['domain', 'notevil.example', []],
    ['domain', 'example', []],
    ['url', 'http://BAD.example/a?b#c', ['url http://bad.example/a?b']],
    ['url', 'https://bad.example/a?b', []],
    ['url', 'ftp://bad.example/any', ['url //bad.example/any']],
    ['url', 'http://x.evil.example:81/', ['domain evil.example']],
    ['url', 'http://8.8.8.8/', ['ip 8.8.8.8', 'network 8.8.0.0/16', 'network 8.8.8.0/24']],
    ['email', 'X@bad.example', ['email x@bad.example']],
    ['email', 'y@sub.evil.example', ['domain evil.example']],
    ['md5', 'D41D8CD98F00B204E9800998ECF8427E', ['md5 d41d8cd98f00b204e9800998ecf8427e']],
    ['ja3', 'd41d8cd98f00b204e9800998ecf8427e', ['ja3 d41d8cd98f00b204e9800998ecf8427e']],
    ['sha1', 'da39a3ee5e6b4b0d3255bfef95601890afd80709', []],
    ['ip', 'nonsense', []],
  ])('%s %s meets %j', (type, text, expected) => {
    expect(metBy(index, type, text)).toEqual(expected)
  })
})

describe('an opinion', () => {
  it.each(
    bothWays([
      aLive(
        'domain',
        'evil.example',
        aLiveOpinion({ source: 'a' }),
        aLiveOpinion({ source: 'b', validFrom: START + 5, expiresAt: START + 10 }),
      ),
    ]),
  )('of $name holds from its first to before its last millisecond', ({ index }) => {
    const sources = (at: number) =>
      index.lookUp('domain', 'evil.example', at).flatMap(({ opinions }) => opinions.map(({ source }) => source))
    expect(sources(START - 1)).toEqual([])
    expect(sources(START)).toEqual(['a'])
    expect(sources(START + 5)).toEqual(['a', 'b'])
    expect(sources(START + 10)).toEqual(['a'])
    expect(sources(START + DAY_MS - 1)).toEqual(['a'])
    expect(sources(START + DAY_MS)).toEqual([])
  })
})

describe('changes', () => {
  it('win over the set at once, until a set holds them', () => {
    const index = new IndicatorIndex()
    index.change({ kind: 'set', ...place, set: aMatchSet(known), patterns: [], upTo: 0 })
    const gone = ['ip 8.8.8.8', 'network 8.8.8.0/24', 'domain evil.example']
    const changes = known.map((each) =>
      gone.includes(`${each.type} ${each.value}`) ? { ...each, opinions: [] } : each,
    )
    index.change({ kind: 'changes', ...place, sequence: 1, changes })
    expect(metBy(index, 'ip', '8.8.8.8')).toEqual(['network 8.8.0.0/16'])
    expect(metBy(index, 'domain', 'b.evil.example')).toEqual([])
    // A set that was begun before this change still holds what it took away.
    index.change({ kind: 'set', ...place, set: aMatchSet(known), patterns: [], upTo: 0 })
    expect(metBy(index, 'domain', 'b.evil.example')).toEqual([])
    index.change({ kind: 'set', ...place, set: aMatchSet(known), patterns: [], upTo: 1 })
    expect(metBy(index, 'domain', 'b.evil.example')).toEqual(['domain evil.example'])
  })
})

describe('networks', () => {
  it('are found as comparing with each one finds them', () => {
    const v4 = fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 32 }))
    const near = fc.integer({ min: 0, max: 0xff }).map((low) => 0x08080800 + low)
    const v6 = fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 128 }),
    )
    fc.assert(
      fc.property(
        fc.array(fc.oneof(v4, fc.tuple(near, fc.integer({ min: 20, max: 32 }))), { maxLength: 40 }),
        fc.array(v6, { maxLength: 20 }),
        fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), near), { maxLength: 10 }),
        (fours, sixes, addresses) => {
          const texts = new Set([
            ...fours.map(([word, prefix]) => formatNetwork({ words: maskIp([word], prefix), prefix })),
            ...sixes.map(([a, b, prefix]) =>
              formatNetwork({ words: maskIp([0x20010db8, a << 30, 0, b], prefix), prefix }),
            ),
          ])
          for (const { index } of bothWays([...texts].map((text) => aLive('network', text)))) {
            for (const words of [
              ...addresses.map((word) => [word] as const),
              [0x20010db8, 0x40000000, 0, 2] as const,
            ]) {
              const expected = [...texts].filter((text) => {
                const network = parseNetwork(text)
                return network && isInside(words, network)
              })
              expect(metBy(index, 'ip', formatIp(words))).toEqual(expected.map((text) => `network ${text}`).sort())
            }
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a large set', () => {
  it('finds each of its values and no other', () => {
    const indicators = Array.from({ length: 20_000 }, (_, index) =>
      index % 3 === 0
        ? aLive('domain', `d${index}.example`)
        : index % 3 === 1
          ? aLive('sha1', index.toString(16).padStart(40, '0'))
          : aLive('ip', formatIp(parseIp(`9.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`) ?? [0])),
    )
    const index = new IndicatorIndex()
    index.change({ kind: 'set', ...place, set: aMatchSet(indicators), patterns: [], upTo: 0 })
    for (const { type, value } of indicators) {
      expect(metBy(index, type as 'ip', value)).toEqual([`${type} ${value}`])
      expect(metBy(index, 'domain', `${value}x`.replaceAll(':', ''))).toEqual([])
    }
  })
})
