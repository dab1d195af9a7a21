import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import { familyOf, NetworkSet, networkSet, parseNetwork } from './networks.ts'

/** An address that a name was resolved to and that may be connected to. */
export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

type Verdict =
  | { readonly ok: true; readonly addresses: readonly Address[] }
  | { readonly ok: false; readonly code: 'forbidden' | 'network'; readonly message: string }

interface HostRule {
  /** Lower case, no trailing dot. */
  readonly host: string
  /** `*.domain`: any depth below, not the domain itself. */
  readonly below: boolean
  readonly port: number | undefined
}

interface NetworkRule {
  readonly network: NetworkSet
  readonly port: number | undefined
}

/** Addresses that a name may not lead to unless a network entry lists them: the machine itself and its neighbours, the
 * metadata services of clouds among them. A name's owner chooses where it leads. */
const NEVER_BY_NAME = networkSet(
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/127',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::/32',
)

/** Where the service may connect on behalf of its users: the entries of `playbooks.egress_allow`. Empty = nowhere.
 * @see contract, Respond */
export class Egress {
  readonly #hosts: HostRule[] = []
  readonly #networks: NetworkRule[] = []

  /** @param entries `host`, `host:port`, `*.domain`, CIDR, `CIDR:port`; IPv6 with a port in brackets
   * @throws Error that names the entry which is none of these */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry)
  }

  /** Resolves a host once and gives the addresses that may be connected to. What is returned must be what is connected
   * to: resolving again would let the name's owner answer differently (DNS rebinding). */
  async check(host: string, port: number): Promise<Verdict> {
    const name = host
      .replace(/^\[|\]$/g, '')
      .replace(/\.$/, '')
      .toLowerCase()
    if (familyOf(name)) {
      const address = unmap(name)
      return this.#networkAllows(address, port)
        ? { ok: true, addresses: [withFamily(address)] }
        : refused(`${address}:${port}`)
    }
    const byName = this.#hosts.some((rule) => matches(rule, name, port))
    // An address is only looked up where it could be allowed: a look-up tells the name's owner something, too.
    if (!byName && this.#networks.length === 0) return refused(`${name}:${port}`)
    const found = await resolve(name)
    if (!found) return { ok: false, code: 'network', message: `the name ${name} does not resolve` }
    const local = this.#hosts.some((rule) => rule.host === 'localhost' && matches(rule, name, port))
    const addresses = found.filter(
      (address) => this.#networkAllows(address, port) || (byName && (local || !NEVER_BY_NAME.has(address))),
    )
    return addresses.length > 0 ? { ok: true, addresses: addresses.map(withFamily) } : refused(`${name}:${port}`)
  }

  #networkAllows(address: string, port: number): boolean {
    return this.#networks.some((rule) => (rule.port === undefined || rule.port === port) && rule.network.has(address))
  }

  #add(entry: string): void {
    const text = entry.trim()
    const { host, port } = splitPort(text)
    const network = parseNetwork(host)
    if (network) {
      this.#networks.push({ network: new NetworkSet([network]), port })
      return
    }
    const below = host.startsWith('*.')
    const name = (below ? host.slice(2) : host).replace(/\.$/, '').toLowerCase()
    if (!/^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name)) {
      throw wrong(entry)
    }
    // All digits and dots would be an address to the URL parser, and can never match.
    if (/^[0-9.]+$/.test(name)) throw wrong(entry)
    this.#hosts.push({ host: name, below, port })
  }
}

function wrong(entry: string): Error {
  return new Error(`\`${entry.slice(0, 200)}\` is no host, host:port, *.domain, CIDR or CIDR:port`)
}

function refused(target: string): Verdict {
  return {
    ok: false,
    code: 'forbidden',
    message: `${target} is not listed in playbooks.egress_allow`,
  }
}

function matches(rule: HostRule, name: string, port: number): boolean {
  if (rule.port !== undefined && rule.port !== port) return false
  return rule.below ? name.endsWith(`.${rule.host}`) : name === rule.host
}

function splitPort(text: string): { host: string; port: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::([0-9]{1,5}))?$/.exec(text)
  if (bracketed?.[1] !== undefined) return { host: bracketed[1], port: toPort(bracketed[2], text) }
  const colon = text.lastIndexOf(':')
  const several = text.indexOf(':') !== colon
  if (colon === -1 || several) return { host: text, port: undefined }
  return { host: text.slice(0, colon), port: toPort(text.slice(colon + 1), text) }
}

function toPort(text: string | undefined, entry: string): number | undefined {
  if (text === undefined) return undefined
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw wrong(entry)
  return port
}

async function resolve(name: string): Promise<readonly string[] | undefined> {
  try {
    const found = await lookup(name, { all: true, order: 'verbatim' })
    return found.map(({ address }) => unmap(address))
  } catch {
    return undefined
  }
}

/** `::ffff:10.0.0.1` and `64:ff9b::a00:1` reach 10.0.0.1 and are judged as it. */
function unmap(address: string): string {
  const mapped = /^(?:::ffff:|64:ff9b::)(?:([0-9.]+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(address)
  if (!mapped) return address
  if (mapped[1] !== undefined) return isIPv4(mapped[1]) ? mapped[1] : address
  const high = Number.parseInt(mapped[2] ?? '0', 16)
  const low = Number.parseInt(mapped[3] ?? '0', 16)
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

function withFamily(address: string): Address {
  return { address, family: isIPv4(address) ? 4 : 6 }
}
