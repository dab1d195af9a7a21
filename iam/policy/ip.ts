/** An address as eight groups of 16 bits; IPv4 as its IPv4-mapped form, so that both compare alike. */
export type Address = readonly number[]

export interface Cidr {
  readonly address: Address
  /** Of 128, also for IPv4. */
  readonly prefix: number
}

/** undefined for what is no address. Zone ids are refused: they mean something on one machine only. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const v4 = parseV4(text)
    return v4 && [0, 0, 0, 0, 0, 0xffff, ...v4]
  }
  return parseV6(text)
}

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone. Bits beyond the prefix are ignored. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash))
  if (!address) return undefined
  const isV4 = !text.includes(':')
  const bits = isV4 ? 32 : 128
  if (slash === -1) return { address, prefix: 128 }
  const length = text.slice(slash + 1)
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > bits) return undefined
  const prefix = Number(length) + 128 - bits
  return { address: masked(address, prefix), prefix }
}

export function isInCidr(address: Address, cidr: Cidr): boolean {
  let left = cidr.prefix
  for (let i = 0; left > 0; i++, left -= 16) {
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff
    if (((address[i] ?? 0) & mask) !== cidr.address[i]) return false
  }
  return true
}

function masked(address: Address, prefix: number): Address {
  return address.map((group, index) => {
    const left = prefix - index * 16
    return left >= 16 ? group : left <= 0 ? 0 : group & (0xffff << (16 - left))
  })
}

function parseV4(text: string): [number, number] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    // A leading zero means octal to some readers and decimal to others.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return [Math.floor(value / 65_536), value % 65_536]
}

function parseV6(text: string): Address | undefined {
  let body = text
  let tail: number[] = []
  if (body.includes('.')) {
    const colon = body.lastIndexOf(':')
    const v4 = parseV4(body.slice(colon + 1))
    if (!v4) return undefined
    tail = v4
    body = body.slice(0, colon)
    if (body.endsWith(':')) body += ':'
    if (body === '::') return [0, 0, 0, 0, 0, 0, ...v4]
  }
  const halves = body.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] ?? '')
  const rest = halves.length === 2 ? groups(halves[1] ?? '') : []
  if (!head || !rest) return undefined
  const given = head.length + rest.length + tail.length
  if (halves.length === 1) return given === 8 ? [...head, ...tail] : undefined
  if (given > 7) return undefined
  return [...head, ...new Array<number>(8 - given).fill(0), ...rest, ...tail]
}

function groups(text: string): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  if (parts.some((part) => !/^[0-9a-fA-F]{1,4}$/.test(part))) return undefined
  return parts.map((part) => Number.parseInt(part, 16))
}
