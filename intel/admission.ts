import { getPublicSuffix } from 'tldts'
import { isInside, type Network, parseIp, parseNetwork } from './ip.ts'
import { PREFIX_MIN_V4, PREFIX_MIN_V6 } from './limits.ts'
import type { Observable } from './types.ts'

/** Addresses that are nobody's in particular, so that matching them would accuse one's own machines.
 * Those for documentation are left out: nothing real has them, and examples do.   @see RFC 6890, RFC 6598, RFC 4193 */
const special: readonly Network[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/127',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
].map((text) => {
  const network = parseNetwork(text)
  if (!network) throw new Error(`${text} is no network`)
  return network
})

/** Why an indicator must not be: it would match what everybody uses. Undefined where nothing speaks against it. */
export function refusalOf({ type, value }: Observable): string | undefined {
  switch (type) {
    case 'ip': {
      const words = parseIp(value)
      return words && special.some((network) => isInside(words, network))
        ? `${value} is a private or special address, which says nothing about an attacker`
        : undefined
    }
    case 'network':
      return refusalOfNetwork(value)
    case 'domain':
      return getPublicSuffix(value, { allowPrivateDomains: true }) === value
        ? `${value} is a public suffix, below which anybody may have a name`
        : undefined
    default:
      return undefined
  }
}

function refusalOfNetwork(value: string): string | undefined {
  const network = parseNetwork(value)
  if (!network) return `${value} is no network`
  const prefixMin = network.words.length === 1 ? PREFIX_MIN_V4 : PREFIX_MIN_V6
  if (network.prefix < prefixMin) return `${value} is larger than a /${prefixMin}: too much of the Internet`
  const overlaps = special.some((each) => isInside(network.words, each) || isInside(each.words, network))
  return overlaps ? `${value} holds private or special addresses` : undefined
}
