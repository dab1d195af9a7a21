import { type IpWords, parseNetwork } from '../ip.ts'

/** Networks in order of their first address, larger ones first. Two networks are apart or one lies in the other, so each
 * has at most one smallest network around it. */
export interface NetworkTable {
  /** The words of the first addresses, a column a word. */
  readonly starts: readonly Uint32Array[]
  readonly prefixes: Uint8Array
  /** The place of the smallest network around each, or -1. */
  readonly parents: Int32Array
  /** What each was called when it was added. */
  readonly numbers: Uint32Array
}

/** Tables of the networks of each family.
 * @param textOf what a network that is called so is */
export function buildNetworkTable(
  numbers: readonly number[],
  textOf: (number: number) => string,
): { readonly v4: NetworkTable; readonly v6: NetworkTable } {
  const families: Record<1 | 4, { words: IpWords; prefix: number; number: number }[]> = { 1: [], 4: [] }
  for (const number of numbers) {
    const network = parseNetwork(textOf(number))
    if (network) families[network.words.length].push({ ...network, number })
  }
  return { v4: tableOf(families[1], 1), v6: tableOf(families[4], 4) }
}

function tableOf(
  networks: readonly { readonly words: IpWords; readonly prefix: number; readonly number: number }[],
  width: 1 | 4,
): NetworkTable {
  const order = sortedOrder(
    networks.length,
    [...Array(width).keys()].map((word) => Uint32Array.from(networks, ({ words }) => words[word] ?? 0)),
    Uint8Array.from(networks, ({ prefix }) => prefix),
  )
  const column = <T extends Uint8Array | Uint32Array>(
    into: T,
    pick: (network: (typeof networks)[number]) => number,
  ): T => {
    for (const [at, index] of order.entries()) {
      const network = networks[index]
      if (network) into[at] = pick(network)
    }
    return into
  }
  const length = networks.length
  const words = (word: number) =>
    column(new Uint32Array(new SharedArrayBuffer(4 * length)), (each) => each.words[word] ?? 0)
  const starts = [...Array(width).keys()].map(words)
  const prefixes = column(new Uint8Array(new SharedArrayBuffer(length)), ({ prefix }) => prefix)
  const numbers = column(new Uint32Array(new SharedArrayBuffer(4 * length)), ({ number }) => number)
  const parents = new Int32Array(new SharedArrayBuffer(4 * length))
  const around: number[] = []
  for (let at = 0; at < length; at++) {
    const start = starts.map((column) => column[at] ?? 0)
    while (around.length > 0 && !holds(starts, prefixes, around.at(-1) ?? 0, start)) around.pop()
    parents[at] = around.at(-1) ?? -1
    around.push(at)
  }
  return { starts, prefixes, parents, numbers }
}

/** The order by words, then prefix: a radix sort, 16 bits at a time from the least. */
function sortedOrder(length: number, words: readonly Uint32Array[], prefixes: Uint8Array): Uint32Array {
  let order = Uint32Array.from({ length }, (_, index) => index)
  let next = new Uint32Array(length)
  const pass = (digitOf: (index: number) => number) => {
    const places = new Uint32Array(65_537)
    const place = (digit: number) => places[digit] ?? 0
    for (const index of order) places[digitOf(index) + 1] = place(digitOf(index) + 1) + 1
    for (let digit = 0; digit < 65_536; digit++) places[digit + 1] = place(digit + 1) + place(digit)
    for (const index of order) {
      const at = place(digitOf(index))
      places[digitOf(index)] = at + 1
      next[at] = index
    }
    const full = next
    next = order
    order = full
  }
  pass((index) => prefixes[index] ?? 0)
  for (const column of [...words].reverse()) {
    pass((index) => (column[index] ?? 0) & 0xffff)
    pass((index) => (column[index] ?? 0) >>> 16)
  }
  return order
}

function holds(starts: readonly Uint32Array[], prefixes: Uint8Array, at: number, words: readonly number[]): boolean {
  let bits = prefixes[at] ?? 0
  for (let word = 0; word < starts.length && bits > 0; word++, bits -= 32) {
    const differing = ((starts[word]?.[at] ?? 0) ^ (words[word] ?? 0)) >>> 0
    if ((bits >= 32 ? differing : differing >>> (32 - bits)) !== 0) return false
  }
  return true
}

/** Adds the numbers of all networks that hold an address, the smallest first. */
export function findNetworks(table: NetworkTable, words: readonly number[], found: number[]): void {
  const { starts, prefixes, parents, numbers } = table
  if (prefixes.length === 0) return
  const first = starts[0] ?? NO_STARTS
  const wanted = words[0] ?? 0
  let low = 0
  let high = prefixes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const start = first[middle] ?? 0
    if (start > wanted || (start === wanted && starts.length > 1 && isAfter(starts, middle, words))) high = middle
    else low = middle + 1
  }
  let at = low - 1
  while (at >= 0 && !holds(starts, prefixes, at, words)) at = parents[at] ?? -1
  for (; at >= 0; at = parents[at] ?? -1) found.push(numbers[at] ?? 0)
}

const NO_STARTS = new Uint32Array(0)

/** True when the network at this place begins after the address. */
function isAfter(starts: readonly Uint32Array[], at: number, words: readonly number[]): boolean {
  for (let word = 0; word < starts.length; word++) {
    const start = starts[word]?.[at] ?? 0
    const wanted = words[word] ?? 0
    if (start !== wanted) return start > wanted
  }
  return false
}
