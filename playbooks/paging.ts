/** Rows that one request may look at for the sake of its filter; the list then goes on with the next request. */
const SCAN_ROWS_MAX = 2000
const BATCH_ROWS = 200

/** Items that match, in the order of their keys, and the key to go on after. */
export async function findMatching<Row, Item>(
  limit: number,
  from: string | undefined,
  read: (from: string | undefined, limit: number) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
  toItem: (row: Row) => Item | Promise<Item>,
  matches: ((item: Item) => boolean) | undefined,
): Promise<{ readonly items: Item[]; readonly next: string | undefined }> {
  const items: Item[] = []
  let next = from
  for (let scanned = 0; scanned < SCAN_ROWS_MAX; ) {
    const batch = await read(next, Math.min(BATCH_ROWS, limit + 1))
    for (const row of batch) {
      if (items.length === limit) return { items, next }
      const item = await toItem(row)
      if (!matches || matches(item)) items.push(item)
      next = keyOf(row)
      scanned += 1
    }
    if (batch.length < Math.min(BATCH_ROWS, limit + 1)) return { items, next: undefined }
  }
  return { items, next }
}
