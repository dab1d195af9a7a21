import { domainToASCII } from 'node:url'
import { err, ok, type Result } from '../platform/index.ts'
import { formatIp, formatNetwork, parseIp, parseNetwork } from './ip.ts'
import { VALUE_CHARS_MAX } from './limits.ts'
import type { ExactType, IndicatorType, Observable } from './types.ts'

// The one normaliser: indicators are stored, and what events hold is looked up, in the form that it gives.

const HEX_CHARS: Readonly<Partial<Record<IndicatorType, number>>> = {
  md5: 32,
  sha1: 40,
  sha256: 64,
  sha512: 128,
  ja3: 32,
}
/** @see FoxIO, JA4 technical details: `t13d1516h2_8daaf6152771_e5627efa2ab1` and its kin */
const JA4 = /^[tqdh][a-z0-9]{2,24}(_[a-z0-9]{1,12}){1,3}$/

const normalisers: Readonly<Record<ExactType, (text: string) => string | undefined>> = {
  ip: normaliseIp,
  network: normaliseNetwork,
  domain: normaliseDomain,
  url: normaliseUrl,
  email: normaliseEmail,
  md5: (text) => normaliseHex(text, 32),
  sha1: (text) => normaliseHex(text, 40),
  sha256: (text) => normaliseHex(text, 64),
  sha512: (text) => normaliseHex(text, 128),
  ja3: (text) => normaliseHex(text, 32),
  ja4: normaliseJa4,
}

/** The form of a value of this type, or undefined where it is none. */
export function normalise(type: ExactType, text: string): string | undefined {
  return text.length > VALUE_CHARS_MAX ? undefined : normalisers[type](text)
}

/** An indicator as it is stored: a network of one address is an address, an `ip` with a prefix is a network. */
export function normaliseIndicator(type: ExactType, text: string): Result<Observable, string> {
  const told = text.slice(0, 80)
  if (text.length > VALUE_CHARS_MAX) return err(`\`${told}…\` is longer than ${VALUE_CHARS_MAX} characters`)
  const clean = refang(text.trim())
  const network = type === 'ip' || type === 'network' ? parseNetwork(clean) : undefined
  if (network) {
    const single = network.prefix === network.words.length * 32
    return ok(
      single ? { type: 'ip', value: formatIp(network.words) } : { type: 'network', value: formatNetwork(network) },
    )
  }
  const actual = type === 'network' ? 'ip' : type
  const value = normalise(actual, clean)
  return value === undefined ? err(`\`${told}\` is no ${type}: ${hint(type)}`) : ok({ type: actual, value })
}

function hint(type: ExactType): string {
  const chars = HEX_CHARS[type]
  if (chars !== undefined) return `${chars} hexadecimal digits are`
  switch (type) {
    case 'ip':
      return '192.0.2.7 and 2001:db8::7 are'
    case 'network':
      return '192.0.2.0/24 is'
    case 'domain':
      return 'a host name with a dot in it is'
    case 'url':
      return 'http://host/path is'
    case 'email':
      return 'name@host is'
    default:
      return 't13d1516h2_8daaf6152771_e5627efa2ab1 is'
  }
}

/** What a text is, where its form says so. 32 hexadecimal digits are taken for MD5. */
export function guessIndicator(text: string): Result<Observable, string> {
  const clean = refang(text.trim())
  for (const type of ['ip', 'md5', 'sha1', 'sha256', 'sha512'] as const) {
    const found = normaliseIndicator(type, clean)
    if (found.ok) return found
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(clean)) return normaliseIndicator('url', clean)
  if (clean.includes('@')) return normaliseIndicator('email', clean)
  if (/^[tqdh][0-9a-z]{9}_[0-9a-f]{12}_[0-9a-f]{12}$/i.test(clean)) return normaliseIndicator('ja4', clean)
  if (clean.includes('/')) return normaliseIndicator('url', clean)
  const domain = normaliseIndicator('domain', clean)
  return domain.ok
    ? domain
    : err(`\`${text.slice(0, 80)}\` is no indicator: no address, domain, URL, hash or mail address`)
}

/** Takes back how people keep others from clicking: `hxxp`, `[.]`, `(dot)`, `[@]`. */
function refang(text: string): string {
  if (!/[[({]|hxxp/i.test(text)) return text
  return text
    .replace(/^h(?:xx|XX)p(s?)(?=[:[])/i, 'http$1')
    .replace(/\[:\/\/\]|\[:\]\/\//g, '://')
    .replace(/[[({](?:\.|dot)[\])}]/gi, '.')
    .replace(/[[({](?:@|at)[\])}]/gi, '@')
    .replace(/\[:\]/g, ':')
}

function normaliseIp(text: string): string | undefined {
  const words = parseIp(text.includes('%') ? text.replace(/%[A-Za-z0-9._-]+$/, '') : text)
  return words && formatIp(words)
}

function normaliseNetwork(text: string): string | undefined {
  const network = parseNetwork(text)
  return network && formatNetwork(network)
}

/** Lower case, punycode, no dot at the end; at least two labels, the last one not a number.
 * @see UTS 46 (non-transitional) */
function normaliseDomain(text: string): string | undefined {
  let domain = text.endsWith('.') ? text.slice(0, -1) : text
  if (!isPlainName(domain)) {
    if (domain.length > 1_000 || /[\s/?#@:%\\]/.test(domain)) return undefined
    domain = domainToASCII(domain)
    if (domain.endsWith('.')) domain = domain.slice(0, -1)
    if (!isPlainName(domain)) return undefined
  }
  if (domain.length > 253 || domain.startsWith('.') || domain.endsWith('.') || domain.includes('..')) return undefined
  const dot = domain.lastIndexOf('.')
  if (dot === -1) return undefined
  const lastLabel = domain.charCodeAt(dot + 1)
  if (lastLabel >= 48 && lastLabel <= 57 && /^[0-9]+$/.test(domain.slice(dot + 1))) return undefined
  return domain
}

/** Small letters, digits, `-`, `_` and dots, and so in its form already. */
function isPlainName(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    const plain = (char >= 97 && char <= 122) || (char >= 45 && char <= 57 && char !== 47) || char === 95
    if (!plain) return false
  }
  return text.length > 0
}

/** Scheme and host in lower case, without default port, fragment and user. One without a scheme keeps `//` in front and
 * stands for every scheme. */
function normaliseUrl(text: string): string | undefined {
  const bare = !/^[a-z][a-z0-9+.-]*:/i.test(text)
  if (bare && !/^[^/\s]+\.[^/\s]+\//.test(text) && !text.startsWith('//')) return undefined
  const whole = bare ? `http://${text.replace(/^\/\//, '')}` : text
  if (!URL.canParse(whole)) return undefined
  const url = new URL(whole)
  if (url.host === '') return undefined
  if (!/^[\x21-\x7e]*$/.test(url.host)) return undefined
  const rest = `${url.host}${url.pathname}${url.search}`
  return bare ? `//${rest}` : `${url.protocol}//${rest}`
}

/** The form of a URL that stands for every scheme. */
export function anyScheme(url: string): string {
  return url.slice(url.indexOf('//'))
}

/** Both parts in lower case, the host as a domain: mailboxes that differ by case alone are one in practice. */
function normaliseEmail(text: string): string | undefined {
  const mailbox = /<([^<>]+)>\s*$/.exec(text)?.[1] ?? text
  const at = mailbox.lastIndexOf('@')
  if (at < 1 || at > 64) return undefined
  const local = mailbox.slice(0, at).toLowerCase()
  const domain = normaliseDomain(mailbox.slice(at + 1))
  return domain !== undefined && /^[\x21-\x7e]+$/.test(local) && !local.includes('@') ? `${local}@${domain}` : undefined
}

function normaliseHex(text: string, chars: number): string | undefined {
  if (text.length !== chars) return undefined
  for (let at = 0; at < chars; at++) {
    const char = text.charCodeAt(at) | 32
    if (!((char >= 48 && char <= 57) || (char >= 97 && char <= 102))) return undefined
  }
  // A control character of 16 to 25 becomes a digit by that bit, but toLowerCase leaves it as it is.
  const hex = text.toLowerCase()
  return /^[0-9a-f]+$/.test(hex) ? hex : undefined
}

function normaliseJa4(text: string): string | undefined {
  const fingerprint = text.toLowerCase()
  return JA4.test(fingerprint) ? fingerprint : undefined
}
