import { formatCursor, parseCursor } from './cursor.ts'
import type { Listed, ListPage } from './lists.ts'

/** Rows that one page looks at for the sake of its filter; the list then goes on with the next. */
const SCANNED_MAX = 5_000
/** Rows read at once where a filter passes over many. */
const SCANNED_AT_ONCE = 200

export interface PagedRows<Row, Item> {
  /** Rows in their order, those after a place; undefined = from the beginning. Fewer than asked for = these are the last. */
  read(some: { readonly after: string | undefined; readonly limit: number }): Promise<readonly Row[]>
  /** Where a row stands in that order. */
  placeOf(row: Row): string
  toItem(row: Row): Item | Promise<Item>
  readonly scannedMax?: number
}

/** A page of a list whose rows stand in an order. Where a filter passes over very many, a page may hold fewer items than
 * asked for, or none, and still say where the list goes on.   @throws platform.http.malformed for a foreign cursor */
export async function pageThrough<Row, Item>(
  { limit, cursor, matches }: ListPage<Item>,
  { read, placeOf, toItem, scannedMax = SCANNED_MAX }: PagedRows<Row, Item>,
): Promise<Listed<Item>> {
  const items: Item[] = []
  const atOnce = matches ? Math.max(SCANNED_AT_ONCE, limit + 1) : limit + 1
  let after = parseCursor(cursor)
  for (let scanned = 0; scanned < scannedMax; ) {
    const rows = await read({ after, limit: atOnce })
    for (const row of rows) {
      const item = await toItem(row)
      if (!matches || matches(item)) {
        if (items.length === limit) return { items, ...goesOnAt(after) }
        items.push(item)
      }
      after = placeOf(row)
    }
    if (rows.length < atOnce) return { items }
    scanned += rows.length
  }
  return { items, ...goesOnAt(after) }
}

const goesOnAt = (place: string | undefined) => (place === undefined ? {} : { nextCursor: formatCursor(place) })
