import { iamError } from './errors.ts'

/** ASCII only: no look-alikes, no marks that turn text around, nothing that a policy reads as a wildcard or separator. */
const NAME = /^[A-Za-z0-9_+=.@-]+$/
const TAGS_MAX = 50

/** @throws iam.limit.reached */
export function requireFewTags(tags: Readonly<Record<string, string>>): void {
  if (Object.keys(tags).length > TAGS_MAX) throw iamError('iam.limit.reached', `at most ${TAGS_MAX} tags are allowed`)
}

const LENGTH_MAX = {
  user: 64,
  role: 64,
  group: 128,
  policy: 128,
  guardrail: 128,
  account: 64,
  'organizational unit': 128,
  'enterprise project': 64,
  'identity provider': 128,
  device: 128,
} as const

/** @throws iam.name.malformed */
export function requireName(kind: keyof typeof LENGTH_MAX, name: string): void {
  if (NAME.test(name) && name.length <= LENGTH_MAX[kind]) return
  throw iamError(
    'iam.name.malformed',
    `\`${name.slice(0, 80)}\` cannot name ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}: up to ${LENGTH_MAX[kind]} letters, digits and + = . @ _ - can`,
  )
}
