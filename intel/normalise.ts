import { domainToASCII } from 'node:url'
import { err, ok, type Result } from '../platform/index.ts'
import { formatIp, formatNetwork, type IpWords, parseIp, parseNetwork } from './ip.ts'
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
  const words = parseAddress(text)
  return words && addressText(words, text)
}

/** An address that may name its zone (`fe80::1%eth0`), which says nothing to others. */
export function parseAddress(text: string): IpWords | undefined {
  return parseIp(text.includes('%') ? text.replace(/%[A-Za-z0-9._-]+$/, '') : text)
}

/** The one spelling of an address that was read from a text. */
export function addressText(words: IpWords, text: string): string {
  // Read as strictly as it is, an IPv4 address has one spelling only.
  return words.length === 1 && !text.includes(':') ? text : formatIp(words)
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
  if (isPlainUrl(text)) return text
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

/** Characters of a path or query that a URL parser leaves as they are. */
const URL_PLAIN = Uint8Array.from({ length: 128 }, (_, char) =>
  /[A-Za-z0-9_~!$&()*+,;=:@/?-]/.test(String.fromCharCode(char)) ? 1 : 0,
)

/** True for a URL that surely is in its form: http or https, a host of plain labels whose last begins with a letter, and
 * a path without anything that a parser would change. Most URLs are, and reading them so takes a tenth of the time. */
function isPlainUrl(text: string): boolean {
  if (!text.startsWith('http')) return false
  const from = text.startsWith('://', 4) ? 7 : text.startsWith('s://', 4) ? 8 : 0
  const slash = text.indexOf('/', from)
  if (from === 0 || slash <= from || text.includes('xn--')) return false
  let label = from
  for (let at = from; at < slash; at++) {
    const char = text.charCodeAt(at)
    if (char === 46) {
      if (at === label) return false
      label = at + 1
    } else if (!((char >= 97 && char <= 122) || (char >= 48 && char <= 57) || char === 45)) return false
  }
  const first = text.charCodeAt(label)
  if (label === slash || label === from || first < 97 || first > 122) return false
  for (let at = slash; at < text.length; at++) {
    const char = text.charCodeAt(at)
    // A dot may stand in a name, but not begin a segment: `.` and `..` are taken away.
    const plain = char < 128 && (URL_PLAIN[char] === 1 || (char === 46 && text.charCodeAt(at - 1) !== 47))
    if (!plain) return false
  }
  return true
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

/** What characters are: 1 a hexadecimal digit, 2 one in upper case. */
const HEX_KIND = Uint8Array.from({ length: 128 }, (_, char) => {
  const text = String.fromCharCode(char)
  return /[0-9a-f]/.test(text) ? 1 : /[A-F]/.test(text) ? 2 : 0
})

function normaliseHex(text: string, chars: number): string | undefined {
  if (text.length !== chars) return undefined
  let kinds = 0
  for (let at = 0; at < chars; at++) {
    const char = text.charCodeAt(at)
    const kind = char < 128 ? (HEX_KIND[char] ?? 0) : 0
    if (kind === 0) return undefined
    kinds |= kind
  }
  return kinds === 1 ? text : text.toLowerCase()
}

function normaliseJa4(text: string): string | undefined {
  const fingerprint = text.toLowerCase()
  return JA4.test(fingerprint) ? fingerprint : undefined
}
