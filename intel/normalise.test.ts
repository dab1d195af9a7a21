import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { refusalOf } from './admission.ts'
import { decaysAt, scoreAt } from './decay.ts'
import { guessIndicator, normalise, normaliseIndicator } from './normalise.ts'
import { DAY_MS, START } from './testing/builders.ts'
import type { ExactType } from './types.ts'

describe('one form', () => {
  it.each<[ExactType, string, string]>([
    ['ip', '8.8.8.8', 'ip 8.8.8.8'],
    ['ip', '8[.]8[.]8(.)8', 'ip 8.8.8.8'],
    ['ip', '2001:DB8:0:0:0:0:0:1', 'ip 2001:db8::1'],
    ['ip', '2001:db8:0:0:1:0:0:0', 'ip 2001:db8:0:0:1::'],
    ['ip', '::ffff:8.8.4.4', 'ip 8.8.4.4'],
    ['ip', '::ffff:808:404', 'ip 8.8.4.4'],
    ['ip', '8.8.8.0/24', 'network 8.8.8.0/24'],
    ['network', '8.8.8.9/24', 'network 8.8.8.0/24'],
    ['network', '8.8.8.9/32', 'ip 8.8.8.9'],
    ['network', '2001:db8::1/32', 'network 2001:db8::/32'],
    ['network', '::ffff:8.8.8.9/120', 'network 8.8.8.0/24'],
    ['domain', 'Evil.Example.', 'domain evil.example'],
    ['domain', 'evil[.]example', 'domain evil.example'],
    ['domain', 'evil[dot]example', 'domain evil.example'],
    ['domain', 'bücher.example', 'domain xn--bcher-kva.example'],
    ['domain', '_dmarc.evil.example', 'domain _dmarc.evil.example'],
    ['url', 'hXXps://User:pw@EVIL.example:443/A?b=c#d', 'url https://evil.example/A?b=c'],
    ['url', 'hxxp[://]evil[.]example/', 'url http://evil.example/'],
    ['url', 'http://evil.example', 'url http://evil.example/'],
    ['url', 'evil.example/a', 'url //evil.example/a'],
    ['url', 'http://[2001:DB8::1]:8080/a b', 'url http://[2001:db8::1]:8080/a%20b'],
    ['email', 'Ann <A.B@Evil.Example>', 'email a.b@evil.example'],
    ['email', 'a.b[@]evil[.]example', 'email a.b@evil.example'],
    ['md5', 'D41D8CD98F00B204E9800998ECF8427E', 'md5 d41d8cd98f00b204e9800998ecf8427e'],
    ['ja4', 'T13d1516h2_8daaf6152771_e5627efa2ab1', 'ja4 t13d1516h2_8daaf6152771_e5627efa2ab1'],
  ])('%s %s is %s', (type, text, expected) => {
    const found = normaliseIndicator(type, text)
    expect(found.ok && `${found.value.type} ${found.value.value}`).toBe(expected)
  })

  it.each<[ExactType, string]>([
    ['ip', '8.8.8'],
    ['ip', '8.8.8.08'],
    ['ip', '8.8.8.256'],
    ['ip', '1:2:3:4:5:6:7'],
    ['ip', '1::2::3'],
    ['ip', 'fe80::1%eth0/64'],
    ['network', '8.8.8.8/33'],
    ['network', '8.8.8.8/08'],
    ['domain', 'localhost'],
    ['domain', '8.8.8.8'],
    ['domain', 'a b.example'],
    ['domain', 'evil..example'],
    ['domain', 'evil.example..'],
    ['domain', 'x..'],
    ['domain', `${'a'.repeat(300)}.example`],
    ['url', 'javascript:alert(1)'],
    ['url', 'evil.example'],
    ['url', 'http://'],
    ['email', 'evil.example'],
    ['email', 'ä@evil.example'],
    ['md5', 'd41d8cd98f00b204e9800998ecf8427'],
    ['md5', 'z41d8cd98f00b204e9800998ecf8427e'],
    ['md5', `\u0010${'0'.repeat(31)}`],
    ['ja4', 'nothing'],
  ])('%s %s is none', (type, text) => {
    const found = normaliseIndicator(type, text)
    expect(found.ok ? found.value : found.error).toMatch(/is no|is longer/)
  })

  it('is not made of what is too long', () => {
    const found = normaliseIndicator('url', `http://evil.example/${'a'.repeat(3000)}`)
    expect(!found.ok && found.error).toMatch(/longer than 2048/)
  })

  it.each([
    ['8.8.8.8', 'ip'],
    ['2001:db8::/32', 'network'],
    ['evil.example', 'domain'],
    ['hxxp://evil[.]example/a', 'url'],
    ['evil.example/a', 'url'],
    ['a@evil.example', 'email'],
    ['da39a3ee5e6b4b0d3255bfef95601890afd80709', 'sha1'],
  ])('%s is told to be %s', (text, type) => {
    const found = guessIndicator(text)
    expect(found.ok && found.value.type).toBe(type)
  })

  it('is its own form, and nothing throws', () => {
    const types: ExactType[] = ['ip', 'network', 'domain', 'url', 'email', 'md5', 'sha512', 'ja3', 'ja4']
    const near = fc.stringMatching(/^[a-fA-F0-9:./@[\]%xn-]{0,60}$/)
    const text = fc.oneof(
      fc.string({ maxLength: 80, unit: 'binary' }),
      near,
      fc.webUrl(),
      fc.emailAddress(),
      fc.ipV6(),
      fc.domain(),
    )
    fc.assert(
      fc.property(fc.constantFrom(...types), text, (type, raw) => {
        const found = normaliseIndicator(type, raw)
        if (!found.ok) return
        expect(normaliseIndicator(type, found.value.value)).toEqual(found)
        expect(normalise(found.value.type as ExactType, found.value.value)).toBe(found.value.value)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('an address', () => {
  it('is one where Node says so, and in the form that Node gives it', () => {
    const part = fc.constantFrom('0', '1', '00ff', 'ABCD', '12345', ':', '::', ':0:0:', '.', '1.2.3.4', '08', 'g')
    const near = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), fc.ipV4(), near), (text) => {
        const found = normalise('ip', text)
        expect(found !== undefined).toBe(isIP(text) !== 0)
        if (isIP(text) !== 6 || found === undefined) return
        const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1)
        const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical)
        if (mapped) expect(isIP(found)).toBe(4)
        else expect(found).toBe(canonical)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('a URL that is taken as it is', () => {
  it('is what a URL parser makes of it', () => {
    const part = fc.constantFrom(
      'a',
      'b1',
      '-',
      '.',
      '..',
      '/',
      '?',
      '=',
      '%2e',
      '%41',
      '@',
      ':',
      '#',
      '8',
      '0x7f',
      'xn--a',
      'A',
      '_',
      '~',
      "'",
      '|',
      ';',
    )
    fc.assert(
      fc.property(fc.constantFrom('http://', 'https://'), fc.array(part, { maxLength: 12 }), (scheme, parts) => {
        const text = `${scheme}${parts.join('')}`
        const found = normalise('url', text)
        const url = URL.canParse(text) ? new URL(text) : undefined
        expect(found).toBe(url && `${url.protocol}//${url.host}${url.pathname}${url.search}`)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('what may not be an indicator', () => {
  it.each([
    ['network', '0.0.0.0/0', /larger than a \/8/],
    ['network', '8.0.0.0/7', /larger than a \/8/],
    ['network', '2000::/3', /larger than a \/16/],
    ['network', '10.0.0.0/9', /private/],
    ['network', '192.160.0.0/11', /private/],
    ['ip', '192.168.1.1', /private/],
    ['ip', '127.0.0.1', /private/],
    ['ip', 'fe80::1', /private/],
    ['domain', 'co.uk', /public suffix/],
    ['domain', 'github.io', /public suffix/],
  ] as const)('%s %s', (type, value, reason) => {
    expect(refusalOf({ type, value })).toMatch(reason)
  })

  it.each([
    ['network', '8.0.0.0/8'],
    ['ip', '203.0.113.7'],
    ['domain', 'evil.co.uk'],
    ['domain', 'someone.github.io'],
    ['domain', 'evil.example'],
  ] as const)('%s %s may', (type, value) => {
    expect(refusalOf({ type, value })).toBeUndefined()
  })
})

describe('decay', () => {
  it.each([
    ['ip', 80, 30 * (1 - 30 / 80) ** 2],
    ['domain', 100, 90 * 0.7 ** 2],
    ['url', 80, 14 * (1 - 30 / 80) ** 2.3],
    ['sha256', 80, 730 * (1 - 30 / 80) ** 0.5],
  ] as const)('of %s at %i ends where the score meets the threshold', (type, confidence, days) => {
    const opinion = { confidence, lastSeen: START }
    const end = decaysAt(type, opinion)
    expect((end - START) / DAY_MS).toBeCloseTo(days, 6)
    expect(scoreAt(type, opinion, end - 2)).toBeGreaterThanOrEqual(30)
    expect(scoreAt(type, opinion, end)).toBeLessThan(30)
  })

  it('leaves nothing below the threshold', () => {
    expect(decaysAt('ip', { confidence: 29, lastSeen: START })).toBe(START)
  })
})
