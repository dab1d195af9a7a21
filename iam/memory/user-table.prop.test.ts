import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseAccountId } from '../../platform/index.ts'
import { type UserEntry, UserTable } from './user-table.ts'

const account = parseAccountId('000000000001')
const name = fc.constantFrom('ann', 'bob', 'cat', 'dan', 'eve', 'x')
const word = fc.constantFrom('a', 'b', 'c', 'd')
const words: fc.Arbitrary<string[]> = fc.uniqueArray(word, { maxLength: 4 })

const entry = fc.record({
  name,
  id: fc.uuid(),
  createdAt: fc.nat(),
  enabled: fc.boolean(),
  hasPassword: fc.boolean(),
  tokensValidAfter: fc.nat(),
  boundary: fc.option(word, { nil: undefined }),
  tags: fc.constantFrom('{}', '{"team":"a"}'),
})

const step = fc.oneof(
  fc.record({ put: entry, groups: words, attached: words, granted: fc.boolean() }),
  fc.record({ delete: name }),
  fc.record({ groupsOf: name, groups: words }),
)

interface Model extends UserEntry {
  readonly groups: readonly string[]
  readonly attached: readonly string[]
  readonly granted: boolean
}

const grants = [{ policy: 'p', scope: 'project/0' }]

it('keeps users as a map of objects does, whatever is put, replaced and deleted', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      words,
      fc.option(name, { nil: undefined }),
      (steps, sought, after) => {
        const table = new UserTable(account)
        const model = new Map<string, Model>()
        for (const one of steps) {
          if ('put' in one) {
            table.put(one.put)
            table.setGroups(one.put.name, one.groups)
            table.setAttached(one.put.name, one.attached)
            if (one.granted) table.setOwn(one.put.name, { grants })
            model.set(one.put.name, { ...one.put, ...one })
          } else if ('delete' in one) {
            table.delete(one.delete)
            model.delete(one.delete)
          } else {
            table.setGroups(one.groupsOf, one.groups)
            const known = model.get(one.groupsOf)
            if (known) model.set(one.groupsOf, { ...known, groups: one.groups })
          }
        }
        const expected = [...model.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
        expect(table.size).toBe(expected.length)
        expect([...table.values()]).toMatchObject(
          expected.map(
            ({ id, createdAt, enabled, hasPassword, tokensValidAfter, boundary, groups, attached, ...one }) => ({
              account,
              name: one.name,
              arn: `arn:rampart:iam::${account}:user/${one.name}`,
              ...{ id, createdAt, enabled, hasPassword, tokensValidAfter, boundary, groups, attached },
              grants: one.granted ? grants : [],
              tags: JSON.parse(one.tags),
            }),
          ),
        )
        for (const one of expected) expect(table.get(one.name)?.id).toBe(one.id)
        expect(table.get('nobody')).toBeUndefined()
        const holders = expected.filter(
          (one) =>
            (after === undefined || one.name > after) &&
            (one.groups.some((group) => sought.includes(group)) ||
              one.attached.some((policy) => sought.includes(policy)) ||
              one.granted),
        )
        const wanted = { groups: sought, policies: sought, holds: () => true }
        expect([...table.holdersOf(wanted, after)]).toEqual(holders.map((one) => one.name))
      },
    ),
  )
})

it('has room for many, in any order', () => {
  const table = new UserTable(account)
  const names = Array.from({ length: 5_000 }, (_, i) => `u${String((i * 7_919) % 5_000).padStart(5, '0')}`)
  for (const one of names) {
    table.put({
      name: one,
      id: one,
      createdAt: 1,
      enabled: true,
      hasPassword: false,
      tokensValidAfter: 0,
      boundary: undefined,
      tags: '{}',
    })
    table.setGroups(one, [`g${Number(one.slice(1)) % 50}`, 'all'])
  }
  for (const one of names) table.setGroups(one, [`g${Number(one.slice(1)) % 50}`])
  expect([...table.values()].map((user) => user.name)).toEqual([...names].sort())
  expect(table.get('u00123')?.groups).toEqual(['g23'])
  const wanted = { groups: ['g7'], policies: [], holds: () => false }
  expect([...table.holdersOf(wanted, 'u04900')]).toEqual(['u04907', 'u04957'])
})
