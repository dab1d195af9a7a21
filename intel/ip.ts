/** An address as its 32-bit words, network order: one for IPv4, four for IPv6. */
export type IpWords = readonly [number] | readonly [number, number, number, number]

/** A network: an address and how many of its bits count. */
export interface Network {
  readonly words: IpWords
  readonly prefix: number
}

/** An address in any of its spellings; IPv4-mapped IPv6 is IPv4. Zones (`%eth0`) are none.
 * @see RFC 4291 2.2 (text), 2.5.5.2 (IPv4-mapped) */
export function parseIp(text: string): IpWords | undefined {
  if (text.length > 45) return undefined
  if (!text.includes(':')) {
    const word = parseIpv4(text)
    return word === undefined ? undefined : [word]
  }
  const words = parseIpv6(text)
  if (!words) return undefined
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff ? [words[3]] : words
}

/** Four decimal numbers without leading zeros, which some readers take for octal. */
function parseIpv4(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined
  let word = 0
  let octet = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return undefined
      octet = octet < 0 ? digit : octet * 10 + digit
      if (octet > 255) return undefined
    } else if (digit === -2 && octet >= 0 && dots < 3) {
      word = word * 256 + octet
      octet = -1
      dots++
    } else return undefined
  }
  return dots === 3 && octet >= 0 ? word * 256 + octet : undefined
}

function parseIpv6(text: string): readonly [number, number, number, number] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const word = (at: number) => (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0
  return [word(0), word(2), word(4), word(6)]
}

/** @param last the text may end in an IPv4 address */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const word = last && index === parts.length - 1 ? parseIpv4(part) : undefined
      if (word === undefined) return undefined
      groups.push(word >>> 16, word & 0xffff)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups
}

/** The one spelling of an address.   @see RFC 5952 4 */
export function formatIp(words: IpWords): string {
  if (words.length === 1) {
    const [word] = words
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
  }
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff])
  let best = { at: -1, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && groups[at + length] === 0) length++
    if (length > best.length) best = { at, length }
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return best.at === -1 ? hex(0, 8) : `${hex(0, best.at)}::${hex(best.at + best.length, 8)}`
}

/** `10.0.0.0/8`; bits behind the prefix are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  if (slash === -1) return undefined
  const bits = text.slice(slash + 1)
  const address = text.slice(0, slash)
  const words = parseIp(address)
  if (!words || !/^(0|[1-9][0-9]{0,2})$/.test(bits)) return undefined
  // `::ffff:10.0.0.0/104` is 10.0.0.0/8.
  const prefix = words.length === 1 && address.includes(':') ? Number(bits) - 96 : Number(bits)
  if (prefix < 0 || prefix > words.length * 32) return undefined
  return { words: maskIp(words, prefix), prefix }
}

export function formatNetwork({ words, prefix }: Network): string {
  return `${formatIp(words)}/${prefix}`
}

/** The address with the bits behind the prefix cleared. */
export function maskIp(words: IpWords, prefix: number): IpWords {
  const masked = words.map((word, index) => (word & maskOfWord(prefix - index * 32)) >>> 0)
  return masked as unknown as IpWords
}

function maskOfWord(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? 0xffffffff : ~(0xffffffff >>> bits)
}

/** True when the address lies in the network. */
export function isInside(words: IpWords, network: Network): boolean {
  if (words.length !== network.words.length) return false
  return words.every((word, index) => {
    const mask = maskOfWord(network.prefix - index * 32)
    return ((word & mask) ^ ((network.words[index] ?? 0) & mask)) === 0
  })
}
