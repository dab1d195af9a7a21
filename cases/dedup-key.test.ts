import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dedupKey } from './dedup-key.ts'
import { aFinding, otherAccount } from './testing/builders.ts'

const grouped = (id: string, groupBy: string[], group: Record<string, string>, missing?: 'shared' | 'each') =>
  dedupKey(aFinding(id, { rule: { groupBy, ...(missing ? { dedup: { missing } } : {}) }, group }))

describe('a dedup key', () => {
  it('is the same for findings that differ in what does not group', () => {
    expect(dedupKey(aFinding('a'))).toBe(
      dedupKey(aFinding('b', { time: 1, recordIds: [], entities: { ips: ['192.0.2.1'], hosts: ['web-1', 'web-2'] } })),
    )
  })

  it.each([
    ['account', { account: otherAccount }],
    ['workspace', { workspace: 'other' }],
    ['rule', { rule: { id: 'r2' } }],
    ['main entity', { entities: { hosts: ['web-2'] } }],
    ['kind of the main entity', { entities: { users: ['web-1'] } }],
    ['main entity that is not there', { entities: {} }],
  ])('differs by %s', (_, parts) => {
    expect(dedupKey(aFinding('a', parts))).not.toBe(dedupKey(aFinding('a')))
  })

  it('takes the values that groupBy names, in any order of names', () => {
    const key = grouped('a', ['SourceIp', 'User'], { SourceIp: '10.0.0.1', User: 'bob', Other: 'x' })
    expect(grouped('b', ['User', 'SourceIp'], { User: 'bob', SourceIp: '10.0.0.1' })).toBe(key)
    expect(grouped('b', ['User', 'SourceIp'], { User: '10.0.0.1', SourceIp: 'bob' })).not.toBe(key)
  })

  it('takes kinds of entities as groupBy too, in any order of values', () => {
    const of = (ips: string[]) => dedupKey(aFinding('a', { rule: { groupBy: ['ips'] }, entities: { ips } }))
    expect(of(['1.1.1.1', '2.2.2.2'])).toBe(of(['2.2.2.2', '1.1.1.1']))
    expect(of(['1.1.1.1'])).not.toBe(of(['2.2.2.2']))
  })

  it('groups by what a correlation grouped by when its rule says nothing else', () => {
    const of = (user: string) => dedupKey(aFinding('a', { kind: 'correlation', group: { User: user } }))
    expect(of('bob')).not.toBe(of('eve'))
  })

  it('puts findings without a value in one bucket, or each in its own', () => {
    expect(grouped('a', ['User'], {})).toBe(grouped('b', ['User'], {}))
    expect(grouped('a', ['User'], {})).not.toBe(grouped('a', ['User'], { User: 'bob' }))
    expect(grouped('a', ['User'], {}, 'each')).not.toBe(grouped('b', ['User'], {}, 'each'))
    expect(grouped('a', ['User'], { User: 'bob' }, 'each')).toBe(grouped('b', ['User'], { User: 'bob' }, 'each'))
  })

  it("takes the rule's own key before anything else", () => {
    const of = (key: string, host: string) =>
      dedupKey(aFinding('a', { rule: { dedup: { key } }, entities: { hosts: [host] } }))
    expect(of('k', 'web-1')).toBe(of('k', 'web-2'))
    expect(of('k', 'web-1')).not.toBe(of('l', 'web-1'))
  })

  it('never mixes up values that run together', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
        fc.pre(a !== c || b !== d)
        expect(grouped('x', ['p', 'q'], { p: a, q: b })).not.toBe(grouped('x', ['p', 'q'], { p: c, q: d }))
      }),
    )
  })

  it('is not misled by names that every object has', () => {
    expect(grouped('a', ['constructor', '__proto__'], {})).toBe(grouped('b', ['constructor', '__proto__'], {}))
  })
})
