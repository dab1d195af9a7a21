import { normaliseIndicator } from '../normalise.ts'
import type { Literal, ObjectPath, Pattern, Test } from '../stix/pattern.ts'
import type { ExactType, Observable } from '../types.ts'

const HASH_TYPES: ReadonlyMap<string, ExactType> = new Map<string, ExactType>([
  ['md5', 'md5'],
  ['sha1', 'sha1'],
  ['sha256', 'sha256'],
  ['sha512', 'sha512'],
])

/** What a property's value is, where events are compared with such values. */
function exactTypeOf({ object, steps }: ObjectPath): ExactType | undefined {
  const path = steps.join('.').toLowerCase()
  if (path === 'value') {
    switch (object) {
      case 'ipv4-addr':
      case 'ipv6-addr':
        return 'ip'
      case 'domain-name':
        return 'domain'
      case 'url':
        return 'url'
      case 'email-addr':
        return 'email'
    }
  }
  if (object === 'file' || object === 'artifact') {
    const algorithm = /^hashes\.(.+)$/.exec(path)?.[1]?.replaceAll('-', '')
    return algorithm === undefined ? undefined : HASH_TYPES.get(algorithm)
  }
  if (object === 'network-traffic') {
    if (/^(src|dst)_ref\.value$/.test(path)) return 'ip'
    if (/(^|\.)ja3s?(_hash|_fingerprint)?$/.test(path)) return 'ja3'
    if (/(^|\.)ja4s?(_hash|_fingerprint)?$/.test(path)) return 'ja4'
  }
  if (object === 'email-message' && /^(from|sender|to|cc|bcc)_refs?(\.(\*|[0-9]+))?\.value$/.test(path)) return 'email'
  return undefined
}

/** The values that a pattern is made of when meeting any one of them is all that it asks; undefined where it asks for
 * more. */
export function exactValues(pattern: Pattern): readonly Observable[] | undefined {
  switch (pattern.kind) {
    case 'observation':
      return valuesOfTest(pattern.of)
    case 'or':
      return joined(pattern.of.map(exactValues))
    default:
      return undefined
  }
}

function valuesOfTest(test: Test): readonly Observable[] | undefined {
  if (test.kind === 'anyOf') return joined(test.of.map(valuesOfTest))
  if (test.kind !== 'comparison' || test.negated) return undefined
  const { path, operator, values } = test
  const type = exactTypeOf(path)
  const isOneOf = operator === '=' || operator === 'IN' || (operator === 'ISSUBSET' && type === 'ip')
  if (type === undefined || !isOneOf) return undefined
  return joined(values.map((value) => oneValue(type, value)))
}

function oneValue(type: ExactType, value: Literal): readonly Observable[] | undefined {
  const found = normaliseIndicator(type, String(value))
  return found.ok ? [found.value] : undefined
}

function joined(parts: readonly (readonly Observable[] | undefined)[]): readonly Observable[] | undefined {
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined
}
