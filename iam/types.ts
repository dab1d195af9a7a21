import type { AccountId, Arn } from '../platform/index.ts'
import type { CompiledPolicy } from './policy/statement.ts'

export type Tags = Readonly<Record<string, string>>

/** A policy as decisions see it; undefined where what is stored cannot be compiled, which denies. */
export type LoadedPolicy = CompiledPolicy | undefined

export const holderKinds = ['user', 'group', 'role'] as const
export type HolderKind = (typeof holderKinds)[number]

/** What user, group and role have in common: they hold policies. */
export interface Holder {
  readonly account: AccountId
  readonly name: string
  readonly id: string
  readonly arn: Arn
  readonly createdAt: number
  /** ARNs of managed policies, sorted. */
  readonly attached: readonly string[]
  readonly inline: ReadonlyMap<string, InlinePolicy>
  /** Managed policies held for part of the account: `project/<id>` or `resource/<ARN>`. */
  readonly grants: readonly { readonly policy: string; readonly scope: string }[]
}

/** An enterprise project. */
export interface Project {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly enabled: boolean
  readonly createdAt: number
}

export interface InlinePolicy {
  readonly document: string
  readonly compiled: LoadedPolicy
}

/** A policy or membership that a user holds until an instant. */
export interface TimedAccess {
  readonly request: string
  readonly kind: 'policy' | 'group'
  /** ARN of the policy, name of the group. */
  readonly target: string
  /** Of what had the name when access was asked for. */
  readonly targetId: string
  readonly expiresAt: number
}

/** A user kept for emergencies: acts only while its custodians let it, and then outside every guardrail. */
export interface BreakGlass {
  /** Ids of users. */
  readonly custodians: ReadonlySet<string>
  /** Undefined while closed; in the past where it was closed by time. */
  readonly openUntil: number | undefined
}

export interface User extends Holder {
  readonly enabled: boolean
  readonly hasPassword: boolean
  /** Tokens from before this instant are refused. */
  readonly tokensValidAfter: number
  readonly boundary: string | undefined
  readonly tags: Tags
  /** Names, sorted. */
  readonly groups: readonly string[]
  readonly access: readonly TimedAccess[]
  readonly breakGlass: BreakGlass | undefined
}

export type Group = Holder

export interface Role extends Holder {
  readonly description: string
  readonly trust: string
  readonly compiledTrust: LoadedPolicy
  readonly sessionSecMax: number
  /** Sessions that began before are refused. */
  readonly sessionsValidAfter: number
  readonly boundary: string | undefined
  readonly tags: Tags
  readonly builtin: boolean
}

export interface ManagedPolicy {
  readonly account: AccountId | 'rampart'
  readonly name: string
  readonly id: string
  readonly arn: Arn
  readonly description: string
  readonly defaultVersion: number
  readonly latestVersion: number
  /** Of the default version. */
  readonly document: string
  readonly compiled: LoadedPolicy
  readonly createdAt: number
}

export interface AccessKey {
  readonly account: AccountId
  readonly id: string
  readonly userName: string
  readonly sealedSecret: Uint8Array
  readonly enabled: boolean
  readonly createdAt: number
  readonly lastUsedAt: number | undefined
}

/** What sessions are on, as who watches over devices says. */
export interface Device {
  readonly id: string
  readonly name: string
  readonly managed: boolean
  readonly posture: string
  /** The only user whose sessions may be on it. */
  readonly userId?: string
  readonly createdAt: number
  readonly updatedAt: number
}

export interface Account {
  readonly id: AccountId
  readonly name: string
  readonly createdAt: number
}

/** The part of a logger that is used here; pino fits. */
export interface Log {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
}
