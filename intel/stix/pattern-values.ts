import { err, ok, type Result } from '../../platform/index.ts'
import { normaliseIndicator } from '../normalise.ts'
import type { ExactType, Observable } from '../types.ts'
import type { Literal, ObjectPath, Pattern, Test } from './pattern.ts'

const HASH_TYPES: ReadonlyMap<string, ExactType> = new Map<string, ExactType>([
  ['md5', 'md5'],
  ['sha1', 'sha1'],
  ['sha256', 'sha256'],
  ['sha512', 'sha512'],
])

/** What a property's value is, where events are compared with such values. */
function typeOfPath({ object, steps }: ObjectPath): ExactType | undefined {
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

/** The values that a pattern is made of when meeting any one of them is all that it asks; else why it asks for more. */
export function exactValues(pattern: Pattern): Result<readonly Observable[], string> {
  switch (pattern.kind) {
    case 'observation':
      return valuesOfTest(pattern.of)
    case 'or':
      return joined(pattern.of.map(exactValues))
    case 'and':
      return err('it asks for several observations together')
    case 'followedBy':
      return err('it asks for observations one after another')
    case 'qualified':
      return err(
        {
          within: 'it asks for observations within a time',
          repeats: 'it asks for repeated observations',
          startStop: 'it holds between two instants only',
        }[pattern.qualifier],
      )
  }
}

function valuesOfTest(test: Test): Result<readonly Observable[], string> {
  switch (test.kind) {
    case 'anyOf':
      return joined(test.of.map(valuesOfTest))
    case 'allOf':
      return err('it asks for several properties of one observation together')
    case 'exists':
      return err('it asks only that a property exists')
    case 'comparison': {
      const { path, operator, negated, values } = test
      const name = `${path.object}:${path.steps.join('.')}`
      if (negated || operator === '!=') return err(`it asks what ${name} is not`)
      const type = typeOfPath(path)
      if (type === undefined) return err(`${name} is not compared with events`)
      const single = operator === '=' || operator === 'IN' || (operator === 'ISSUBSET' && type === 'ip')
      if (!single) return err(`${operator} on ${name} is not compared with events`)
      return joined(values.map((value) => oneValue(type, value)))
    }
  }
}

function oneValue(type: ExactType, value: Literal): Result<readonly Observable[], string> {
  const found = normaliseIndicator(type, String(value))
  return found.ok ? ok([found.value]) : found
}

function joined(results: readonly Result<readonly Observable[], string>[]): Result<readonly Observable[], string> {
  const values: Observable[] = []
  for (const result of results) {
    if (!result.ok) return result
    values.push(...result.value)
  }
  return ok(values)
}
