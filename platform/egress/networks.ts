import { BlockList, isIP, isIPv4 } from 'node:net'

type Family = 'ipv4' | 'ipv6'

export interface Network {
  readonly base: string
  readonly prefix: number
  readonly family: Family
}

export function familyOf(address: string): Family | undefined {
  if (!isIP(address)) return undefined
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

/** `10.0.0.0/8`, or one address; undefined for what is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [base = '', bits, rest] = text.split('/')
  const family = familyOf(base)
  if (!family || rest !== undefined || (bits !== undefined && !/^[0-9]{1,3}$/.test(bits))) return undefined
  const width = family === 'ipv4' ? 32 : 128
  const prefix = bits === undefined ? width : Number(bits)
  return prefix <= width ? { base, prefix, family } : undefined
}

/** Networks, each of its family: Node's BlockList by itself finds 127.0.0.1 in `::/0`. */
export class NetworkSet {
  readonly #lists: { readonly [family in Family]: BlockList } = { ipv4: new BlockList(), ipv6: new BlockList() }

  constructor(networks: readonly Network[]) {
    for (const { base, prefix, family } of networks) this.#lists[family].addSubnet(base, prefix, family)
  }

  has(address: string): boolean {
    const family = familyOf(address)
    return family !== undefined && this.#lists[family].check(address, family)
  }
}

/** The set of constant networks. */
export function networkSet(...texts: readonly string[]): NetworkSet {
  return new NetworkSet(texts.map(parseNetwork).filter((network) => network !== undefined))
}
