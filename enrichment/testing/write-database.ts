// Writes MaxMind DB files for tests.   @see https://maxmind.github.io/MaxMind-DB/ (format 2.0)
import { isIPv4 } from 'node:net'

type Value = string | number | { readonly [name: string]: Value } | readonly Value[]
interface Entry {
  /** `192.0.2.0/24` */
  readonly network: string
  readonly record: Value
}

const TYPE = { string: 2, double: 3, uint32: 6, map: 7, array: 11, uint64: 9 } as const

/** A database of these networks, with records of 32 bits; numbers that are whole are written as unsigned, others as double. */
export function writeDatabase(
  entries: readonly Entry[],
  { type = 'Test-City', builtAt = Date.UTC(2026, 0, 2) } = {},
): Buffer {
  const nodes: [number, number][] = [[-1, -1]]
  const data: Buffer[] = []
  let dataLength = 0
  /** Below 0 nothing, up to 2^31 a node, above it data. */
  const DATA = 2 ** 31
  for (const { network, record } of entries) {
    const [address = '', prefix = ''] = network.split('/')
    const bits = bitsOf(address).slice(0, isIPv4(address) ? 96 + Number(prefix) : Number(prefix))
    const place = DATA + dataLength
    const bytes = encode(record)
    data.push(bytes)
    dataLength += bytes.length
    let node = 0
    for (const [i, bit] of bits.entries()) {
      const pair = nodes[node] as [number, number]
      if (i === bits.length - 1) pair[bit] = place
      else {
        if (pair[bit] < 0) pair[bit] = nodes.push([-1, -1]) - 1
        node = pair[bit]
      }
    }
  }
  const tree = Buffer.alloc(8 * nodes.length)
  for (const [i, pair] of nodes.entries())
    for (const [side, target] of pair.entries()) {
      // Data lies behind 16 bytes of zeros, which are counted.
      const pointer = target < 0 ? nodes.length : target < DATA ? target : target - DATA + nodes.length + 16
      tree.writeUInt32BE(pointer, 8 * i + 4 * side)
    }
  const metadata = encode({
    ...{ node_count: nodes.length, record_size: 32, ip_version: 6, database_type: type, languages: ['en'] },
    ...{ binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: builtAt / 1000 },
    description: { en: 'for tests' },
  })
  return Buffer.concat([
    tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('abcdef', 'hex'),
    Buffer.from('MaxMind.com'),
    metadata,
  ])
}

function bitsOf(address: string): (0 | 1)[] {
  const groups = isIPv4(address)
    ? [0, 0, 0, 0, 0, 0, ...[0, 2].map((i) => 256 * Number(address.split('.')[i]) + Number(address.split('.')[i + 1]))]
    : expand(address)
  return groups.flatMap((group) => Array.from({ length: 16 }, (_, i) => ((group >>> (15 - i)) & 1) as 0 | 1))
}

function expand(address: string): number[] {
  const halves = address
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((one) => Number.parseInt(one, 16))))
  const [front = [], back = []] = halves
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    return Buffer.concat([control(TYPE.string, bytes.length), bytes])
  }
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64BE(BigInt(value))
      return value < 2 ** 32
        ? Buffer.concat([control(TYPE.uint32, 4), bytes.subarray(4)])
        : Buffer.concat([control(TYPE.uint64, 8), bytes])
    }
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value)
    return Buffer.concat([control(TYPE.double, 8), bytes])
  }
  if (Array.isArray(value)) return Buffer.concat([control(TYPE.array, value.length), ...value.map(encode)])
  const members = Object.entries(value as { readonly [name: string]: Value })
  return Buffer.concat([
    control(TYPE.map, members.length),
    ...members.flatMap(([name, member]) => [encode(name), encode(member)]),
  ])
}

/** Type and size; types above 7 have a byte of their own. */
function control(type: number, size: number): Buffer {
  const head = type <= 7 ? [type << 5] : [0, type - 7]
  if (size < 29) head[0] = (head[0] as number) | size
  else {
    head[0] = (head[0] as number) | 29
    head.push(size - 29)
  }
  return Buffer.from(head)
}
