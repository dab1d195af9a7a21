import { hash } from 'node:crypto'
import type { Event, ShardAddress } from '../../pipeline/index.ts'
import type { AccountId } from '../../platform/base/index.ts'
import type { RuleHead, Severity } from '../types.ts'
import type { Entities } from './entities.ts'

/** What is stated of events: a rule matched one, a correlation holds over several, or a baseline saw what is not as ever. The same state, rules and events
 * give the same `id`, so that a finding told twice is known to be one. */
export interface Finding {
  readonly id: string
  readonly account: AccountId
  readonly workspace: string
  readonly kind: 'rule' | 'correlation' | 'baseline' | 'indicator'
  readonly rule: {
    readonly id: string
    readonly title: string
    readonly severity: Severity
    readonly techniques: readonly string[]
    readonly tactics: readonly string[]
    /** The `group-by` of a correlation. */
    readonly groupBy?: readonly string[]
    readonly description?: string
    readonly falsePositives?: readonly string[]
    readonly response?: string
    readonly tags?: readonly string[]
    readonly risk?: NonNullable<RuleHead['risk']>
    /** What makes findings one alert, where the rule says so itself. */
    readonly dedup?: { readonly key: string }
  }
  /** When it happened, ms: the event's time, or that of the event at which the correlation held. */
  readonly time: number
  /** `workspace/dataspace/pipe/shard/offset`, oldest first. */
  readonly recordIds: readonly string[]
  readonly entities: Entities
  /** The values of `groupBy`. */
  readonly group?: Readonly<Record<string, string>>
  /** The indicator that was met, and by what. */
  readonly indicator?: {
    readonly id: string
    readonly type: string
    readonly value: string
    /** The source that is surest of it. */
    readonly source: string
    readonly confidence: number
    readonly score: number
    /** The value as the event holds it, and in which member. */
    readonly observable: string
    readonly field: string
    /** Who met it. */
    readonly entity: string
  }
  /** What a baseline expected and saw. */
  readonly explanation?: {
    /** Whom it is about, as the baseline names it. */
    readonly entity: string
    readonly expected: string
    readonly seen: string
    /** When what is stated began, ms. */
    readonly since: number
    /** 0..1. */
    readonly score: number
    readonly version: number
  }
  /** Its rule is tried out: it becomes no alert. */
  readonly canary?: true
  /** The last finding of its rule for now: the rule matches so much that more would be noise. */
  readonly throttled?: true
}

export function recordIdOf(shard: ShardAddress, offset: number): string {
  return `${shard.workspace}/${shard.dataspace}/${shard.pipe}/${shard.shard}/${offset}`
}

/** An id made of what the finding is about, the same on every replay. */
export function findingId(...parts: readonly (string | number)[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex').slice(0, 40)
}

export function ruleOfFinding(head: RuleHead, groupBy?: readonly string[]): Finding['rule'] {
  const { id, title, severity, techniques, tactics, description, falsePositives, response, risk } = head
  return {
    id,
    title,
    severity,
    techniques,
    tactics,
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(description === undefined ? {} : { description }),
    ...(falsePositives === undefined ? {} : { falsePositives }),
    ...(response === undefined ? {} : { response }),
    ...(risk === undefined ? {} : { risk }),
  }
}

/** The time that correlations use: the event's own, but never more than a little after it was received. Otherwise one
 * event from the future would make every honest one late. */
export function trustedTime({ time, receivedAt }: Event, skewMs: number): number {
  return Math.min(time, receivedAt + skewMs)
}
