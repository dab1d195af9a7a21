import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base32, hotp, matchingStep, otpauthUri, stepAt } from './totp.ts'

const secret = Buffer.from('12345678901234567890', 'latin1')

describe('one-time codes', () => {
  it.each([
    [59, '94287082'],
    [1111111109, '07081804'],
    [1111111111, '14050471'],
    [1234567890, '89005924'],
    [2000000000, '69279037'],
    [20000000000, '65353130'],
  ])('are those of RFC 6238 appendix B at %d s', (sec, code) => {
    expect(hotp(secret, stepAt(sec * 1000), 8)).toBe(code)
    expect(matchingStep(secret, code.slice(2), sec * 1000)).toBe(Math.floor(sec / 30))
  })

  it.each(['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'])(
    'are those of RFC 4226 appendix D (%s)',
    (code) => expect(Array.from({ length: 10 }, (_, counter) => hotp(secret, counter))).toContain(code),
  )

  it('are taken one step early and late, and no further', () => {
    const at = 1_800_000_000_000
    const step = stepAt(at)
    for (const away of [-1, 0, 1]) expect(matchingStep(secret, hotp(secret, step + away), at)).toBe(step + away)
    for (const away of [-3, -2, 2, 3]) expect(matchingStep(secret, hotp(secret, step + away), at)).toBeUndefined()
  })

  it.each([
    '',
    '12345',
    '1234567',
    '\u0661\u0662\u0663\u0664\u0665\u0666',
    '      ',
    '\0\0\0\0\0\0',
    '-12345',
    '1e5000',
  ])('are six ASCII digits, not %j', (code) => expect(matchingStep(secret, code, 59_000)).toBeUndefined())

  it('are shown as base32 that reads back', () => {
    expect(base32(Buffer.from('foobar'))).toBe('MZXW6YTBOI')
    expect(base32(Buffer.from('foob'))).toBe('MZXW6YQ')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const bits = [...base32(bytes)]
          .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
          .join('')
        const read = bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []
        expect(read).toEqual([...bytes])
      }),
    )
  })

  it('come with an address that apps scan, names escaped', () => {
    const uri = new URL(otpauthUri({ issuer: 'Rampart', account: 'a:b?c@000000000001', secret }))
    expect(uri.pathname).toBe('/Rampart:a%3Ab%3Fc%40000000000001')
    expect(Object.fromEntries(uri.searchParams)).toMatchObject({
      issuer: 'Rampart',
      secret: base32(secret),
      digits: '6',
    })
  })
})
