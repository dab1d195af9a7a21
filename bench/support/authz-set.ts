import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { SetRequest } from '../../iam/index.ts'
import { sharedData } from '../../test/support/requirements.ts'

export interface Policy {
  readonly id: string
  readonly document: { readonly Statement: readonly Statement[] }
}

export interface Statement {
  readonly Sid: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: Values
  readonly NotAction?: Values
  readonly Resource?: Values
  readonly NotResource?: Values
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Values>>>>
}

export type Values = string | readonly string[]

export const list = (values: Values): readonly string[] => (typeof values === 'string' ? [values] : values)

interface Holder {
  readonly id: string
  readonly policies: readonly string[]
}

/** The acceptance set of ../shared/data/authz. */
export interface AuthzSet {
  readonly policies: readonly Policy[]
  readonly groups: readonly Holder[]
  readonly users: readonly (Holder & { readonly groups: readonly string[] })[]
  readonly requests: readonly SetRequest[]
  /** Whether each request is allowed. */
  readonly expected: readonly boolean[]
  /** Ids of the policies that apply, by user. */
  readonly held: ReadonlyMap<string, readonly string[]>
}

/** undefined where it is not there. */
export function readAuthzSet(): AuthzSet | undefined {
  const folder = sharedData('authz')
  if (!folder) return undefined
  const groups = read<Holder>(folder, 'groups')
  const users = read<AuthzSet['users'][number]>(folder, 'users')
  const policiesOf = new Map(groups.map((group) => [group.id, group.policies]))
  return {
    policies: read<Policy>(folder, 'policies'),
    groups,
    users,
    requests: read<SetRequest>(folder, 'requests'),
    expected: read<{ decision: string }>(folder, 'expected').map(({ decision }) => decision === 'allow'),
    held: new Map(
      users.map((user) => [
        user.id,
        [...new Set([...user.policies, ...user.groups.flatMap((group) => policiesOf.get(group) ?? [])])],
      ]),
    ),
  }
}

function read<T>(folder: string, name: string): T[] {
  const text = gunzipSync(readFileSync(`${folder}/${name}.ndjson.gz`)).toString('utf8')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T)
}
