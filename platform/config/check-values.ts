import { isIP } from 'node:net'
import { Compile, type Validator } from 'typebox/compile'
import { type ConfigKey, configKeys } from './schema.ts'
import type { Given, Problem } from './source.ts'

const SHOWN_CHARS_MAX = 60

/** What schema cannot say, key by key: the problem in words, or undefined. */
const checks: Readonly<Record<string, (value: never) => string | undefined>> = {
  'http.host': (value: string) => (isHost(value) ? undefined : 'must be an IP address or a host name'),
  'http.public_url': publicUrlProblem,
  'http.trusted_proxies': proxiesProblem,
  'log.url': urlProblem('kafka:'),
  'store.url': urlProblem('opensearch:'),
  'database.url': urlProblem('postgres:', 'postgresql:'),
  'playbooks.egress_allow': egressProblem,
  hsm: hsmProblem,
}

const validators = new Map<string, Validator>(configKeys.map((key) => [key.path, Compile(key.schema)]))

/** Everything wrong with the values given. */
export function checkValues(given: ReadonlyMap<string, Given>): Problem[] {
  const problems: Problem[] = []
  for (const key of configKeys) {
    const entry = given.get(key.path)
    if (!entry) continue
    const message = valueProblem(key, entry.value)
    if (message) problems.push({ where: entry.source.where, message })
  }
  return problems.length > 0 ? problems : portsTwice(given)
}

function valueProblem(key: ConfigKey, value: unknown): string | undefined {
  const [error] = validators.get(key.path)?.Errors(value) ?? []
  if (error) {
    const member = error.instancePath.slice(1).replaceAll('/', '.')
    if (member) return `\`${key.path}\`, item ${member}: ${error.message}`
    return `\`${key.path}\` must be ${expectation(key)}${key.schema.secret ? '' : `, not ${shown(value)}`}`
  }
  const problem = checks[key.path]?.(value as never)
  return problem && `\`${key.path}\` ${problem}`
}

/** What a key takes, in words. */
function expectation(key: ConfigKey): string {
  const schema = key.schema as ConfigKey['schema'] & { minimum?: number; maximum?: number; items?: { enum?: string[] } }
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum} (${schema.unit})`
  if (schema.type === 'array') {
    return schema.items?.enum ? `a list of ${schema.items.enum.join(', ')}, each once` : 'a list'
  }
  return 'a text'
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return `\`${text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text}\``
}

function publicUrlProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return 'must be an http:// or https:// URL'
  if (url.search || url.hash || url.username || url.password) return 'must have no user, query or fragment'
  if (value.endsWith('/')) return 'must not end in `/`'
  return undefined
}

function urlProblem(...schemes: readonly string[]) {
  // The value may hold a password, so no message repeats it.
  return (value: string): string | undefined => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    return url && schemes.includes(url.protocol) && url.host
      ? undefined
      : `must be a URL of the form ${schemes[0]}//host:port`
  }
}

function proxiesProblem(entries: readonly string[]): string | undefined {
  const wrong = entries.find((entry) => !isNetwork(entry) || entry.endsWith('/0'))
  // Whoever trusts everybody believes what every client writes about itself.
  return wrong === undefined ? undefined : `has ${shown(wrong)}: an entry is an address or a CIDR, and not everything`
}

function egressProblem(entries: readonly string[]): string | undefined {
  const wrong = entries.find((entry) => !isEgressEntry(entry))
  return wrong === undefined
    ? undefined
    : `has ${shown(wrong)}: an entry is \`host\`, \`host:port\`, \`*.domain\`, a CIDR or \`CIDR:port\` (IPv6 in brackets before a port)`
}

function isEgressEntry(entry: string): boolean {
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](\/[0-9]{1,3})?(?::([0-9]{1,5}))?$/.exec(entry)
  if (bracketed) return isNetwork(`${bracketed[1]}${bracketed[2] ?? ''}`) && isPort(bracketed[3])
  if (isNetwork(entry)) return true
  const [host = '', port, ...rest] = entry.split(':')
  if (rest.length > 0 || (entry.includes(':') && !port) || !isPort(port)) return false
  return isNetwork(host) || isHost(host.startsWith('*.') ? host.slice(2) : host)
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

function isPort(text: string | undefined): boolean {
  return text === undefined || (Number(text) >= 1 && Number(text) <= 65535)
}

function isHost(text: string): boolean {
  if (isIP(text)) return true
  const labels = text.split('.')
  // Digits and dots that are no address are a slip, not a name.
  if (labels.every((label) => /^[0-9]*$/.test(label))) return false
  return text.length <= 253 && labels.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
}

function hsmProblem(entries: readonly { slot?: number; token_label?: string }[]): string | undefined {
  const wrong = entries.findIndex((entry) => (entry.slot === undefined) === (entry.token_label === undefined))
  return wrong === -1 ? undefined : `item ${wrong} must have either \`slot\` or \`token_label\``
}

/** Two TCP listeners on one port cannot both start; said here, with both names, and not by the system later. */
function portsTwice(given: ReadonlyMap<string, Given>): Problem[] {
  const problems: Problem[] = []
  const taken = new Map<unknown, string>()
  for (const key of configKeys) {
    if (!key.path.endsWith('port') || key.path === 'syslog.udp_port') continue
    const entry = given.get(key.path)
    const port = entry?.value ?? key.schema.default
    const other = taken.get(port)
    if (typeof port === 'number' && port > 0 && other !== undefined) {
      const where = entry?.source.where ?? given.get(other)?.source.where ?? ''
      problems.push({ where, message: `\`${key.path}\` and \`${other}\` are both ${port}` })
    }
    taken.set(port, key.path)
  }
  return problems
}
