import { createHash } from 'node:crypto'
import type { Environment } from '@marcbachmann/cel-js'
import type { Duration } from '@marcbachmann/cel-js/evaluator'
import { RE2JS } from 're2js'
import { NetworkSet, networkSet, parseNetwork } from '../../platform/index.ts'
import { fromJson, toJson } from './convert.ts'

const PATTERNS_KEPT_MAX = 200
const PARSE_DEPTH_MAX = 64

const patterns = new Map<string, RE2JS>()
let nowMs = 0

/** Sets what `now()` gives; an evaluation has one now from its beginning to its end. */
export function setNow(ms: number): void {
  nowMs = ms
}

/** Adds what playbooks have beyond CEL: pure functions, and arithmetic between a number of JSON (double) and one of the
 * language (int). Nothing here reads the world.
 * @see docs/playbooks: expressions */
export function addFunctions(env: Environment): Environment {
  for (const [operator, compute] of Object.entries(arithmetic)) {
    env.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => compute(Number(a), b))
    env.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => compute(a, Number(b)))
  }
  for (const [signature, handler] of Object.entries(functions)) env.registerFunction(signature, handler)
  return env
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
}

const functions: Readonly<Record<string, (...args: never[]) => unknown>> = {
  're(string, string): bool': (text: string, pattern: string) => compile(pattern).matcher(text).find(),
  're_find(string, string): string': (text: string, pattern: string) => {
    const matcher = compile(pattern).matcher(text)
    return matcher.find() ? (matcher.group() ?? '') : ''
  },
  'json(dyn): string': (value: unknown) => JSON.stringify(toJson(value)),
  'parse_json(string): dyn': (text: string) => fromJson('dyn', parseJson(text)),
  'ip_in(string, string): bool': (address: string, network: string) => isInNetworks(address, [network]),
  'ip_in(string, list<string>): bool': (address: string, networks: readonly string[]) =>
    isInNetworks(address, networks),
  'is_private(string): bool': (address: string) => PRIVATE_NETWORKS.has(address),
  'domain_of(string): string': domainOf,
  'defang(string): string': (text: string) => text.replaceAll('http', 'hxxp').replaceAll('.', '[.]'),
  'refang(string): string': (text: string) => text.replaceAll('hxxp', 'http').replaceAll('[.]', '.'),
  'sha256(string): string': (text: string) => createHash('sha256').update(text).digest('hex'),
  'b64(string): string': (text: string) => Buffer.from(text, 'utf8').toString('base64'),
  'unb64(string): string': (text: string) => Buffer.from(text, 'base64').toString('utf8'),
  'uniq(list): list': (items: readonly unknown[]) => {
    const seen = new Map(items.map((item) => [JSON.stringify(toJson(item)), item]))
    return [...seen.values()]
  },
  'flatten(list): list': (items: readonly unknown[]) => items.flat(),
  'now(): google.protobuf.Timestamp': () => new Date(nowMs),
  'string(google.protobuf.Timestamp): string': (instant: Date) => instant.toISOString(),
  'string(google.protobuf.Duration): string': (duration: Duration) => String(duration),
}

/** The networks no public route leads to. @see RFC 1918, 4193, 3927, 4291, 6598 */
const PRIVATE_NETWORKS = networkSet(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
)

/** User patterns run in linear time; the library's own `matches` does not and is refused.
 * @throws Error in the pattern's words */
function compile(pattern: string): RE2JS {
  let compiled = patterns.get(pattern)
  if (!compiled) {
    compiled = RE2JS.compile(pattern)
    if (patterns.size >= PATTERNS_KEPT_MAX) patterns.clear()
    patterns.set(pattern, compiled)
  }
  return compiled
}

function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  toJson(value, PARSE_DEPTH_MAX)
  return value
}

function isInNetworks(address: string, networks: readonly string[]): boolean {
  const parsed = networks.map((text) => {
    const network = parseNetwork(text)
    if (!network) throw new Error(`\`${text}\` is not a network such as 10.0.0.0/8`)
    return network
  })
  return new NetworkSet(parsed).has(address)
}

/** The host of a URL or the domain of an e-mail address, in lower case; empty where there is none. */
function domainOf(text: string): string {
  const at = text.lastIndexOf('@')
  if (at > 0 && !text.includes('/')) return text.slice(at + 1).toLowerCase()
  return URL.canParse(text) ? new URL(text).hostname : ''
}
