import type { AlertChangeKind, FailureCode, Json, JsonMap } from '../types.ts'

/** A playbook as the engine runs it: defaults filled in, texts split into templates, positions gone. It is plain JSON;
 * its SHA-256 in canonical form is the revision.   @see operations reference 2.3 (grammar) */
export interface Playbook {
  readonly playbook: 1
  readonly id: string
  readonly name: string
  readonly description?: string
  readonly labels: readonly string[]
  readonly owner?: string
  readonly version?: string
  readonly inputs: readonly InputSpec[]
  readonly vars: JsonMap
  readonly triggers: readonly Trigger[]
  /** The name of the role, without `role/`. */
  readonly runAs: string
  /** Action names, sorted. */
  readonly permissions: readonly string[]
  readonly timeoutMs: number
  readonly steps: readonly Step[]
  readonly outputs: readonly OutputSpec[]
  readonly tests: readonly TestSpec[]
}

export const inputTypes = [
  'string',
  'int',
  'number',
  'boolean',
  'duration',
  'timestamp',
  'uuid',
  'ip',
  'cidr',
  'domain',
  'url',
  'email',
  'hash',
  'arn',
  'list',
  'map',
] as const
export type InputType = (typeof inputTypes)[number]

/** What a value given from outside must be. */
export interface ValueSpec {
  readonly type: InputType
  readonly enum?: readonly Json[]
  /** RE2, found anywhere unless anchored. */
  readonly pattern?: string
  readonly min?: number
  readonly max?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: ValueSpec
  readonly fields?: readonly InputSpec[]
}

export interface InputSpec extends ValueSpec {
  readonly name: string
  readonly required: boolean
  readonly default?: Json
  readonly description?: string
}

export interface OutputSpec {
  readonly name: string
  readonly type: InputType
  readonly value: string
}

/** An expression, or text with expressions in it, or a map or list of such. */
export type Template =
  | { readonly kind: 'literal'; readonly value: Json }
  /** A scalar that is one `${{ }}` and keeps its type. */
  | { readonly kind: 'expression'; readonly text: string }
  | { readonly kind: 'text'; readonly parts: readonly TextPart[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [string, Template])[] }
  | { readonly kind: 'list'; readonly items: readonly Template[] }
export type TextPart = { readonly literal: string } | { readonly expression: string }

export type Trigger = AlertTrigger | WebhookTrigger | ManualTrigger

interface TriggerBase {
  readonly id: string
  /** What the run's inputs are made of, by name. */
  readonly inputs: readonly (readonly [string, Template])[]
  readonly throttle?: { readonly key: string; readonly perMs: number }
}

export interface AlertTrigger extends TriggerBase {
  readonly kind: 'alert'
  readonly on: readonly AlertChangeKind[]
  readonly where?: string
}

export interface WebhookTrigger extends TriggerBase {
  readonly kind: 'webhook'
  readonly path: string
  readonly dedup?: string
  readonly bodyBytesMax: number
}

export interface ManualTrigger extends TriggerBase {
  readonly kind: 'manual'
}

export interface Retry {
  /** Attempts in all. */
  readonly max: number
  readonly backoff: 'fixed' | 'linear' | 'exponential'
  readonly initialMs: number
  readonly factor: number
  readonly maxDelayMs: number
  /** Share of the delay that is spread, 0..1. */
  readonly jitter: number
  readonly on: readonly FailureCode[]
}

export interface Step {
  readonly id: string
  /** Ids of the steps that must be done before; filled in where the text says nothing. */
  readonly needs: readonly string[]
  readonly if?: string
  readonly onError: 'fail' | 'continue'
  /** Of one attempt of an action; of the whole wait. */
  readonly timeoutMs?: number
  readonly does: StepWork
}

export type StepWork =
  | { readonly kind: 'action'; readonly action: string; readonly with: Template; readonly retry: Retry }
  | { readonly kind: 'set'; readonly values: Template }
  | { readonly kind: 'wait'; readonly for?: Template; readonly until?: string }
  | ApprovalWork
  | { readonly kind: 'stop'; readonly status: 'succeeded' | 'failed'; readonly reason?: Template }

export interface ApprovalWork {
  readonly kind: 'approval'
  readonly title: Template
  readonly text?: Template
  /** Expressions whose values the people who decide are shown. */
  readonly show: readonly string[]
  /** `user/<name>` or `role/<name>`. */
  readonly anyOf: readonly string[]
  readonly count: number
  readonly notInitiator: boolean
  readonly mfa: boolean
  readonly expiresMs: number
  readonly onExpiry: 'reject' | 'approve' | 'fail'
  readonly onReject: 'fail' | 'continue'
}

/** A test that stands in the playbook, run by `rampart playbook test`. */
export interface TestSpec {
  readonly name: string
  readonly inputs: JsonMap
  readonly mocks: readonly { readonly step: string; readonly output?: Json; readonly error?: FailureCode }[]
  readonly approvals: readonly { readonly step: string; readonly decision: 'approve' | 'reject' }[]
  readonly expect: {
    readonly status?: 'succeeded' | 'failed' | 'cancelled'
    readonly ran: readonly string[]
    readonly notRan: readonly string[]
    readonly outputs?: JsonMap
    /** The resolved arguments of steps, of which each member named must be equal. */
    readonly calls: readonly { readonly step: string; readonly with: JsonMap }[]
  }
}
