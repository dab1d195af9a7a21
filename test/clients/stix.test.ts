import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parsePattern } from '../../intel/stix/parse-pattern.ts'
import { stixIndicator } from '../../intel/stix/write-indicator.ts'
import { badPatterns, goodPatterns } from '../../intel/testing/patterns.ts'
import { type Indicator, type IndicatorType, tlps } from '../../intel/types.ts'
import { engineUrl } from '../support/engines.ts'

const python = engineUrl('stix')
const script = fileURLToPath(new URL('stix.py', import.meta.url))
const START = Date.UTC(2026, 2, 1)

const values: Readonly<Record<Exclude<IndicatorType, 'pattern'>, string>> = {
  ip: '8.8.8.8',
  network: '2001:db8::/32',
  domain: 'evil.example',
  url: "http://evil.example/it's\\",
  email: 'a@evil.example',
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  sha512: 'ab'.repeat(64),
  ja3: 'd41d8cd98f00b204e9800998ecf8427e',
  ja4: 't13d1516h2_8daaf6152771_e5627efa2ab1',
}

const anIndicator = (type: IndicatorType, value: string, index: number): Indicator => ({
  id: `018f0000-0000-7000-8000-0000000000${String(index).padStart(2, '0')}`,
  type,
  value,
  opinions: [
    {
      source: 'feed',
      stated: 80,
      weight: 100,
      confidence: 80,
      tlp: tlps[index % tlps.length] ?? 'red',
      labels: ['c2'],
      killChain: ['lockheed-martin-cyber-kill-chain/delivery'],
      description: 'said',
      validFrom: START,
      lastSeen: START,
      revoked: index % 4 === 3,
      expiresAt: index % 4 === 3 ? 0 : START + 1,
      updatedAt: START,
    },
  ],
  createdAt: START,
  updatedAt: START,
  revision: 1,
  addedUs: 1,
  sightings: 0,
  truePositives: 0,
  falsePositives: 0,
})

describe.skipIf(!python)('STIX, judged by stix2 and stix2-patterns (needs `npm run engines`)', () => {
  it('is read and written as they read it', () => {
    const patterns = [...goodPatterns, ...badPatterns]
    const objects = Object.entries(values).map(([type, value], index) =>
      stixIndicator(anIndicator(type as IndicatorType, value, index)),
    )
    const bundle = { type: 'bundle', id: 'bundle--018f0000-0000-7000-8000-000000000000', objects }
    const said = execFileSync(python!, [script], { input: JSON.stringify({ patterns, bundle }), encoding: 'utf8' })
    const isOne = (pattern: string) => {
      try {
        return parsePattern(pattern) !== undefined
      } catch {
        return false
      }
    }
    const { valid, objects: read } = JSON.parse(said) as { valid: boolean[]; objects: number }
    expect(read).toBe(objects.length)
    expect(patterns.map((pattern, index) => [pattern, valid[index]])).toEqual(
      patterns.map((pattern) => [pattern, isOne(pattern)]),
    )
  })
})
