/** An address or network as four 32-bit words, an IPv4 one in the last. */
export interface Network {
  readonly family: 4 | 6
  readonly words: readonly [number, number, number, number]
  readonly prefix: number
}

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone (all bits); undefined for anything else. */
export function parseCidr(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const address = parseIp(slash < 0 ? text : text.slice(0, slash))
  if (!address) return undefined
  const bits = address.family === 4 ? 32 : 128
  const suffix = slash < 0 ? String(bits) : text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(suffix) || Number(suffix) > bits) return undefined
  return { ...address, prefix: Number(suffix) }
}

/** True when the address lies in the network. An IPv4 address never lies in an IPv6 network, nor the other way. */
export function networkHolds(network: Network, address: Network): boolean {
  if (network.family !== address.family) return false
  let bits = network.family === 4 ? network.prefix + 96 : network.prefix
  for (let word = 0; word < 4 && bits > 0; word++) {
    const mask = bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0
    if ((((network.words[word] ?? 0) ^ (address.words[word] ?? 0)) & mask) !== 0) return false
    bits -= 32
  }
  return true
}

/** Reads an address in the text forms of RFC 4291 2.2 and dotted decimal; no zones, no octal. */
export function parseIp(text: string): Network | undefined {
  if (text.length < 2 || text.length > 45) return undefined
  if (text.includes(':')) return parseIpv6(text)
  const word = parseDotted(text)
  return word === undefined ? undefined : { family: 4, words: [0, 0, 0, word], prefix: 32 }
}

function parseDotted(text: string): number | undefined {
  let word = 0
  let octet = -1
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (octet < 0) return undefined
      word = word * 256 + octet
      octet = -1
      dots++
    } else if (code >= 48 && code <= 57) {
      if (octet === 0) return undefined
      octet = (octet < 0 ? 0 : octet * 10) + code - 48
      if (octet > 255) return undefined
    } else return undefined
  }
  return octet < 0 || dots !== 3 ? undefined : word * 256 + octet
}

function parseIpv6(text: string): Network | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '')
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '') : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const word = (index: number): number => (groups[index] ?? 0) * 65536 + (groups[index + 1] ?? 0)
  return { family: 6, words: [word(0), word(2), word(4), word(6)], prefix: 128 }
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const pieces = text.split(':')
  for (const [index, piece] of pieces.entries()) {
    if (piece.includes('.') && index === pieces.length - 1) {
      const word = parseDotted(piece)
      if (word === undefined) return undefined
      groups.push(Math.floor(word / 65536), word % 65536)
    } else if (/^[0-9a-f]{1,4}$/i.test(piece)) groups.push(Number.parseInt(piece, 16))
    else return undefined
  }
  return groups.length > 8 ? undefined : groups
}
