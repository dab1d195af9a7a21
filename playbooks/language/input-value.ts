import { isIP } from 'node:net'
import { RE2JS } from 're2js'
import { parseNetwork } from '../../platform/index.ts'
import { parseDurationMs } from '../expressions/duration.ts'
import type { Fields, ValueType } from '../expressions/value-type.ts'
import { PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX } from '../limits.ts'
import type { Json, JsonMap } from '../types.ts'
import type { InputSpec, InputType, ValueSpec } from './document.ts'
import { isInstant } from './fits.ts'
import { hint } from './hint.ts'

/** One input that is wrong. */
export interface InputProblem {
  readonly name: string
  readonly message: string
}

/** The inputs of a run: what was given, defaults filled in; or everything that is wrong with it. */
export function readInputs(
  specs: readonly InputSpec[],
  given: JsonMap,
):
  | { readonly ok: true; readonly inputs: JsonMap }
  | { readonly ok: false; readonly problems: readonly InputProblem[] } {
  const problems: InputProblem[] = []
  const inputs: Record<string, Json> = {}
  const names = specs.map((spec) => spec.name)
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) problems.push({ name, message: `is no input of this playbook${hint(name, names)}` })
  }
  for (const spec of specs) {
    const value = Object.hasOwn(given, spec.name) ? given[spec.name] : undefined
    if (value === undefined || value === null) {
      if (spec.default !== undefined) inputs[spec.name] = spec.default
      else if (spec.required) problems.push({ name: spec.name, message: 'is required' })
      continue
    }
    const problem = badValue(value, spec)
    if (problem) problems.push({ name: spec.name, message: problem })
    else inputs[spec.name] = value
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, inputs }
}

/** Why a value does not fit its spec, or undefined. */
export function badValue(value: Json, spec: ValueSpec): string | undefined {
  const size = oversize(value)
  if (size) return size
  return badShape(value, spec)
}

function badShape(value: Json, spec: ValueSpec): string | undefined {
  const wrong = badType(value, spec.type)
  if (wrong) return wrong
  if (spec.enum && !spec.enum.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value))) {
    return `must be one of ${spec.enum
      .map((allowed) => JSON.stringify(allowed))
      .join(', ')
      .slice(0, 200)}`
  }
  if (typeof value === 'number') {
    if (spec.min !== undefined && value < spec.min) return `must be at least ${spec.min}`
    if (spec.max !== undefined && value > spec.max) return `must be at most ${spec.max}`
  }
  if (typeof value === 'string') {
    if (spec.min !== undefined && value.length < spec.min) return `must have at least ${spec.min} characters`
    if (spec.max !== undefined && value.length > spec.max) return `must have at most ${spec.max} characters`
    if (spec.pattern && !RE2JS.compile(spec.pattern).matcher(value).find()) return `must match ${spec.pattern}`
  }
  if (Array.isArray(value)) return badList(value as readonly Json[], spec)
  if (spec.fields && typeof value === 'object' && value !== null) {
    const read = readInputs(spec.fields, value as JsonMap)
    const first = read.ok ? undefined : read.problems[0]
    if (first) return `has a field \`${first.name}\` that ${first.message}`
  }
  return undefined
}

function badList(items: readonly Json[], spec: ValueSpec): string | undefined {
  if (spec.minItems !== undefined && items.length < spec.minItems) return `must have at least ${spec.minItems} items`
  if (spec.maxItems !== undefined && items.length > spec.maxItems) return `must have at most ${spec.maxItems} items`
  if (!spec.items) return undefined
  for (const [index, item] of items.entries()) {
    const problem = badShape(item, spec.items)
    if (problem) return `${problem} at index ${index}`
  }
  return undefined
}

const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/i
const EMAIL = /^[^\s@"<>]{1,64}@[^\s@"<>]{1,255}$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const HASH = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i

const textTypes: { readonly [type in InputType]?: { words: string; test(text: string): boolean } } = {
  duration: { words: 'a duration such as 5m', test: (text) => parseDurationMs(text) !== undefined },
  timestamp: { words: 'an RFC 3339 instant', test: isInstant },
  uuid: { words: 'a UUID', test: (text) => UUID.test(text) },
  ip: { words: 'an IP address', test: (text) => isIP(text) !== 0 },
  cidr: {
    words: 'a network such as 10.0.0.0/8',
    test: (text) => text.includes('/') && parseNetwork(text) !== undefined,
  },
  domain: { words: 'a domain name', test: (text) => DOMAIN.test(text) },
  url: { words: 'a URL', test: (text) => text.length <= 8192 && URL.canParse(text) },
  email: { words: 'an e-mail address', test: (text) => EMAIL.test(text) },
  hash: { words: 'a hash in hexadecimal', test: (text) => HASH.test(text) },
  arn: { words: 'a resource name', test: (text) => /^arn:[^\s]{3,2000}$/.test(text) },
}

function badType(value: Json, type: InputType): string | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? undefined : 'must be text'
    case 'int':
      return typeof value === 'number' && Number.isSafeInteger(value) ? undefined : 'must be a whole number'
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number'
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case 'list':
      return Array.isArray(value) ? undefined : 'must be a list'
    case 'map':
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'must be a map'
    default: {
      const rule = textTypes[type]
      return typeof value === 'string' && rule?.test(value) ? undefined : `must be ${rule?.words}`
    }
  }
}

/** The type of an input's value for expressions. */
export function valueTypeOf(spec: ValueSpec): ValueType {
  switch (spec.type) {
    case 'int':
      return 'int'
    case 'number':
      return 'double'
    case 'boolean':
      return 'bool'
    case 'duration':
      return 'duration'
    case 'timestamp':
      return 'timestamp'
    case 'list':
      return { list: spec.items ? elementType(spec.items) : 'dyn' }
    case 'map':
      return spec.fields ? { fields: fieldTypes(spec.fields) } : { map: 'dyn' }
    default:
      return 'string'
  }
}

function elementType(spec: ValueSpec): ValueType {
  const type = valueTypeOf(spec)
  return typeof type === 'object' && 'fields' in type ? 'dyn' : type
}

export function fieldTypes(specs: readonly InputSpec[]): Fields {
  return Object.fromEntries(specs.map((spec) => [spec.name, valueTypeOf(spec)]))
}

/** Why a value is too large or too deep to be carried, or undefined. Walks without recursion: the value may be
 * anything that a caller sent. */
export function oversize(root: unknown, bytesMax: number = PAYLOAD_BYTES_MAX): string | undefined {
  let level: unknown[] = [root]
  let bytes = 0
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > PAYLOAD_DEPTH_MAX) return `nests deeper than ${PAYLOAD_DEPTH_MAX}`
    const next: unknown[] = []
    for (const value of level) {
      bytes += typeof value === 'string' ? value.length + 2 : 4
      if (typeof value !== 'object' || value === null) continue
      if (Array.isArray(value)) for (const item of value) next.push(item)
      else {
        for (const [key, member] of Object.entries(value)) {
          bytes += key.length + 3
          next.push(member)
        }
      }
    }
    if (bytes > bytesMax) return `is larger than ${bytesMax / 1024} KB`
    level = next
  }
  return undefined
}
