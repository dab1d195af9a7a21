import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pageThrough } from './page-through.ts'

const numbers = Array.from({ length: 60 }, (_, index) => String(index).padStart(3, '0'))
const rowsOf = (all: readonly string[], scannedMax: number) => {
  const read: number[] = []
  const rows = {
    async read({ after = '', limit }: { readonly after: string | undefined; readonly limit: number }) {
      const some = all.filter((row) => row > after).slice(0, limit)
      read.push(some.length)
      return some
    },
    placeOf: (row: string) => row,
    toItem: (row: string) => ({ number: Number(row) }),
    scannedMax,
  }
  return { rows, read }
}

it('pages one after the other are the whole list, whatever the filter, the limit and the bound', async () => {
  const filters = fc.array(fc.integer({ min: 0, max: 59 }))
  await fc.assert(
    fc.asyncProperty(
      filters,
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 500 }),
      async (some, limit, max) => {
        const wanted = new Set(some)
        const { rows } = rowsOf(numbers, max)
        const found: number[] = []
        let cursor: string | undefined
        do {
          const page = { limit, ...(cursor === undefined ? {} : { cursor }) }
          const listed = await pageThrough({ ...page, matches: ({ number }) => wanted.has(number) }, rows)
          expect(listed.items.length).toBeLessThanOrEqual(limit)
          found.push(...listed.items.map(({ number }) => number))
          cursor = listed.nextCursor
        } while (cursor !== undefined)
        expect(found).toEqual([...wanted].sort((a, b) => a - b))
      },
    ),
  )
})

it('a page that ends the list says so, also where it is full', async () => {
  const { rows } = rowsOf(numbers.slice(0, 10), 1_000)
  expect(await pageThrough({ limit: 10 }, rows)).toEqual({
    items: Array.from({ length: 10 }, (_, number) => ({ number })),
  })
})

it('a filter that finds nothing looks at no more rows than the bound allows, and says where to go on', async () => {
  const many = Array.from({ length: 5_000 }, (_, index) => String(index).padStart(5, '0'))
  const { rows, read } = rowsOf(many, 1_000)
  const listed = await pageThrough({ limit: 10, matches: () => false }, rows)
  expect(listed).toMatchObject({ items: [], nextCursor: expect.any(String) })
  expect(read.reduce((sum, count) => sum + count)).toBe(1_000)
})
