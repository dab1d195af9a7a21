import type { AccountId } from '../platform/index.ts'

/** In rising order; the OCSF `severity_id` is the place in this list, from 1. */
export const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]

/** OCSF's alert states; an alert is never deleted by a user.   @see alert-state.ts (the moves) */
export const alertStates = ['new', 'in_progress', 'suppressed', 'resolved', 'archived'] as const
export type AlertState = (typeof alertStates)[number]

/** What an alert turned out to be. In the order of OCSF's `verdict_id`, from 1. */
export const verdicts = [
  'false_positive',
  'true_positive',
  'disregard',
  'suspicious',
  'benign',
  'test',
  'insufficient_data',
  'security_risk',
  'managed_externally',
  'duplicate',
] as const
export type Verdict = (typeof verdicts)[number]

/** Entity values by kind: `users`, `hosts`, `ips`, and whatever else a detector tells apart. */
export type Entities = Readonly<Record<string, readonly string[]>>

/** How the findings of one rule become alerts. Absent members take the defaults of limits.ts. */
export interface DedupPolicy {
  /** The rule's own key, its template filled in; replaces `groupBy`. */
  readonly key?: string
  /** How long after its last occurrence an alert takes further findings. */
  readonly windowMs?: number
  /** How long after an alert was closed the same key opens it again instead of making another. */
  readonly reopenForMs?: number
  /** What a `groupBy` field without a value means: all such findings are one alert, or each is its own. */
  readonly missing?: 'shared' | 'each'
}

/** What a detector states, as the hub takes it. The same `id` is the same finding, however often it comes. */
export interface IncomingFinding {
  readonly id: string
  readonly account: AccountId
  readonly workspace: string
  readonly kind: 'rule' | 'correlation' | 'baseline' | 'indicator' | 'risk'
  readonly rule: {
    readonly id: string
    readonly title: string
    readonly severity: Severity
    readonly techniques: readonly string[]
    readonly tactics?: readonly string[]
    /** Names of `group` or kinds of `entities`. */
    readonly groupBy?: readonly string[]
    readonly tags?: readonly string[]
    readonly dedup?: DedupPolicy
    readonly risk?: RiskPolicy
    readonly description?: string
    readonly falsePositives?: readonly string[]
    readonly response?: string
  }
  /** When it happened, ms. */
  readonly time: number
  readonly recordIds: readonly string[]
  readonly entities: Entities
  /** The values that a correlation grouped by. */
  readonly group?: Readonly<Record<string, string>>
  readonly explanation?: Explanation
  /** An indicator was met, as sure as that, 0 to 100. */
  readonly indicator?: { readonly confidence: number }
  readonly riskOf?: RiskOf
}

/** What a rule says of the risk of what it finds. */
export interface RiskPolicy {
  /** Its findings make no alert by themselves; they add to the risk of their entities. */
  readonly only?: boolean
  /** How sure it is, 0.25 to 1. */
  readonly confidence?: number
}

/** What a risk was made of: score = base × confidence × intel × asset, at most 100. */
export interface AlertRisk {
  readonly score: number
  /** By severity. */
  readonly base: number
  /** How sure the detector is, 0.25 to 1. */
  readonly confidence: number
  /** 1 to 1.3: an indicator of that confidence was met. */
  readonly intel: number
  /** Of the most critical entity. */
  readonly asset: number
}

/** The entity whose risk made an alert, and what it came from. */
export interface RiskOf {
  readonly kind: string
  readonly value: string
  readonly score: number
  /** The weightiest first. */
  readonly contributions: readonly {
    readonly source: string
    readonly alertId?: string
    readonly ruleId: string
    readonly title: string
    readonly risk: number
    readonly at: number
  }[]
}

/** Why a baseline states something: what is usual, and what was seen instead. */
export interface Explanation {
  /** Whom it is about, as the baseline names it. */
  readonly entity: string
  readonly expected: string
  readonly seen: string
  /** When what is stated began, ms. */
  readonly since: number
  /** 0..1, by the baseline's own measure. */
  readonly score: number
  /** Of the baseline. */
  readonly version: number
}

/** A record that an alert rests on. */
export interface EventRef {
  readonly time: number
  readonly recordId: string
}

/** What the author of a rule tells whoever looks at its alerts. */
export interface Guidance {
  readonly description?: string
  /** Ordinary causes. */
  readonly falsePositives?: readonly string[]
  /** What to do first. */
  readonly response?: string
}

/** Findings merged: one thing to look at, with a state and an owner. */
export interface Alert {
  readonly account: AccountId
  readonly workspace: string
  readonly id: string
  readonly dedupKey: string
  /** It takes further findings of its key. At most one alert of a key does. */
  readonly collecting: boolean
  readonly ruleId: string
  readonly title: string
  readonly severity: Severity
  readonly state: AlertState
  readonly verdict?: Verdict
  readonly owner?: string
  readonly count: number
  /** Findings counted after it was closed as harmless. */
  readonly seenAgain: number
  readonly firstSeen: number
  readonly lastSeen: number
  readonly closedAt?: number
  /** Grows by one with each change. */
  readonly revision: number
  readonly entities: Entities
  readonly techniques: readonly string[]
  readonly tactics: readonly string[]
  readonly tags: readonly string[]
  /** The first and the last of them by time. */
  readonly events: readonly EventRef[]
  readonly guidance?: Guidance
  /** Of the finding with the highest score, where a baseline made the alert. */
  readonly explanation?: Explanation
  readonly risk?: AlertRisk
  readonly riskOf?: RiskOf
}

/** An alert as expressions of playbooks see it: OCSF's own snake_case, instants as RFC 3339 text. */
export interface AlertSnapshot {
  readonly id: string
  readonly rule_id: string
  readonly title: string
  readonly severity: Severity
  /** 1 informational … 5 critical. */
  readonly severity_id: number
  readonly state: AlertState
  /** Empty while nobody judged. */
  readonly verdict: Verdict | ''
  readonly count: number
  readonly first_seen: string
  readonly last_seen: string
  readonly dedup_key: string
  /** `users`, `hosts` and `ips` are always there. */
  readonly entities: Readonly<Record<string, readonly string[]>>
  readonly techniques: readonly string[]
  readonly tactics: readonly string[]
  /** Empty while nobody has it. */
  readonly owner: string
  readonly tags: readonly string[]
  /** Record ids. */
  readonly events: readonly string[]
}

export const alertChangeKinds = ['created', 'updated', 'severity_raised', 'status_changed'] as const
export type AlertChangeKind = (typeof alertChangeKinds)[number]

/** What became of an alert in one transaction, and the alert as it was then. */
export interface AlertChange {
  readonly id: string
  readonly account: AccountId
  readonly workspace: string
  /** The most telling one: `updated` only when neither severity nor state moved. */
  readonly change: AlertChangeKind
  readonly revision: number
  readonly alert: AlertSnapshot
}

/** A change of state, verdict or owner, as it is kept for ever. */
export interface AlertMove {
  readonly id: string
  readonly at: number
  /** A principal's name, or `platform`. */
  readonly who: string
  readonly member: 'state' | 'verdict' | 'owner'
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly requestId: string
}

export interface AlertComment {
  readonly id: string
  readonly at: number
  readonly author: string
  readonly text: string
}

/** What a person or a playbook wants of an alert, not judged yet. `null` takes a member away. */
export interface AlertPatch {
  readonly state?: string
  readonly verdict?: string | null
  readonly owner?: string | null
  readonly comment?: string
}
