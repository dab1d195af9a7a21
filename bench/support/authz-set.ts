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

/** A policy whose resources lie in no account, as JSON text. Those of the set lie in many, which play no part in it;
 * in an account's own policies they would, so the account of a name is told in its region, in patterns and requests
 * alike: `arn:rampart:kms:eu:000000000004:key/1` is `arn:rampart:kms:eu.000000000004::key/1`. Neither holds a dot, so
 * what matched before matches still. */
export function withoutAccount(document: Policy['document']): string {
  const moved = (values: Values | undefined) => values && list(values).map(nameWithoutAccount)
  const statements = document.Statement.map(({ Resource, NotResource, ...rest }) => ({
    ...rest,
    ...(Resource === undefined ? {} : { Resource: moved(Resource) }),
    ...(NotResource === undefined ? {} : { NotResource: moved(NotResource) }),
  }))
  return JSON.stringify({ ...document, Statement: statements })
}

export function nameWithoutAccount(name: string): string {
  const [arn, partition, service, region, owner, ...rest] = name.split(':')
  return rest.length === 0 ? name : [arn, partition, service, `${region}.${owner}`, '', ...rest].join(':')
}
