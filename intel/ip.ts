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

const groups = new Uint16Array(8)

function parseIpv6(text: string): readonly [number, number, number, number] | undefined {
  let count = 0
  /** Where `::` stands, in groups. */
  let gap = -1
  let at = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined
    gap = 0
    at = 2
  }
  while (at < text.length) {
    const start = at
    let group = 0
    for (; at < text.length; at++) {
      const digit = HEX_VALUE[text.charCodeAt(at)] ?? 0xff
      if (digit === 0xff) break
      group = group * 16 + digit
    }
    if (text.charCodeAt(at) === DOT) {
      // The text may end in an IPv4 address, which is two groups.
      const word = count <= 6 ? parseIpv4(text.slice(start)) : undefined
      if (word === undefined) return undefined
      groups[count++] = word >>> 16
      groups[count++] = word & 0xffff
      at = text.length
      break
    }
    if (at === start || at - start > 4 || count === 8) return undefined
    groups[count++] = group
    if (at === text.length) break
    if (text.charCodeAt(at) !== COLON) return undefined
    at++
    if (text.charCodeAt(at) === COLON) {
      if (gap !== -1) return undefined
      gap = count
      at++
    } else if (at === text.length) return undefined
  }
  if (gap === -1 ? count !== 8 : count > 7) return undefined
  if (gap !== -1) {
    const moved = count - gap
    groups.copyWithin(8 - moved, gap, count)
    groups.fill(0, gap, 8 - moved)
  }
  const word = (index: number) => (((groups[index] ?? 0) << 16) | (groups[index + 1] ?? 0)) >>> 0
  return [word(0), word(2), word(4), word(6)]
}

const COLON = 58
const DOT = 46
const HEX_VALUE = Uint8Array.from({ length: 128 }, (_, char) => {
  const digit = /[0-9a-f]/i.test(String.fromCharCode(char)) ? Number.parseInt(String.fromCharCode(char), 16) : 0xff
  return digit
})

/** The one spelling of an address.   @see RFC 5952 4 */
export function formatIp(words: IpWords): string {
  if (words.length === 1) {
    const [word] = words
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
  }
  const group = (index: number) => ((words[index >> 1] ?? 0) >>> ((index & 1) === 0 ? 16 : 0)) & 0xffff
  // The first of the longest runs of two or more zeros.
  let gap = -1
  let gapLength = 1
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && group(at + length) === 0) length++
    if (length > gapLength) {
      gap = at
      gapLength = length
    }
    at += length
  }
  let text = ''
  for (let at = 0; at < 8; at++) {
    if (at === gap) {
      text += '::'
      at += gapLength - 1
    } else {
      if (text !== '' && !text.endsWith('::')) text += ':'
      text += group(at).toString(16)
    }
  }
  return text
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
