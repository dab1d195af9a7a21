/** An address as a number, with the bits of its family. */
export interface Ip {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** The IPv4 or IPv6 address in its usual spellings; undefined for anything else: zones, octal, short forms of IPv4.
 * @see RFC 4291 2.2 */
export function parseIp(text: string): Ip | undefined {
  if (text.length > 45) return undefined
  if (!text.includes(':')) {
    const value = parseV4(text)
    return value === undefined ? undefined : { bits: 32, value }
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] ?? '')
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const value = all.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n)
  // An IPv4 address in IPv6 clothes is the IPv4 address: one spelling, and networks that match it.
  return value >> 32n === mapped ? { bits: 32, value: value & 0xffffffffn } : { bits: 128, value }
}

const mapped = 0xffffn

/** The one spelling of an address, so that equal addresses are equal texts.   @see RFC 5952 4, 5 */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text)
  return ip && formatIp(ip)
}

export function formatIp({ bits, value }: Ip): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  const parts = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn))
  const run = longestZeroRun(parts)
  if (run.length < 2) return parts.map(hex).join(':')
  return `${parts.slice(0, run.start).map(hex).join(':')}::${parts
    .slice(run.start + run.length)
    .map(hex)
    .join(':')}`
}

/** A network as its lowest and highest address; undefined when it is not `address/prefix`. Bits of the address beyond
 * the prefix are ignored.   @see RFC 4632 3.1 */
export function parseCidr(text: string): { readonly low: Ip; readonly high: Ip } | undefined {
  const slash = text.indexOf('/')
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash))
  if (!ip) return undefined
  const prefixText = slash < 0 ? String(ip.bits) : text.slice(slash + 1)
  const isMapped = ip.bits === 32 && text.includes(':') && slash >= 0
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) - (isMapped ? 96 : 0) : Number.NaN
  if (!(prefix >= 0 && prefix <= ip.bits)) return undefined
  const host = (1n << BigInt(ip.bits - prefix)) - 1n
  return { low: { bits: ip.bits, value: ip.value & ~host }, high: { bits: ip.bits, value: ip.value | host } }
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

function groups(text: string): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const last = parts.at(-1) ?? ''
  const found: number[] = []
  for (const part of last.includes('.') ? parts.slice(0, -1) : parts) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
    found.push(Number.parseInt(part, 16))
  }
  if (last.includes('.')) {
    const v4 = parseV4(last)
    if (v4 === undefined) return undefined
    found.push(Number(v4 >> 16n), Number(v4 & 0xffffn))
  }
  return found.length > 8 ? undefined : found
}

function longestZeroRun(parts: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < parts.length; start++) {
    let length = 0
    while (parts[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

function hex(group: number): string {
  return group.toString(16)
}
