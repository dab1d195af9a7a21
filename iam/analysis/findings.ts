export const severities = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]

/** Something about policies that somebody should look at. `code` is stable. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** ARN or id of the policy, or of the user or role it is about. */
  readonly subject: string
  /** Label of the statement. */
  readonly statement?: string
  readonly line?: number
  readonly column?: number
  readonly message: string
  /** What to do. */
  readonly advice: string
  /** Of an escalation: who does what to become whom. */
  readonly path?: readonly EscalationStep[]
}

export interface EscalationStep {
  readonly from: string
  readonly action: string
  readonly resource: string
  readonly to: string
  /** What has to hold, in words. */
  readonly if?: string
}

export type FindingCode =
  | 'statement-redundant'
  | 'allow-dead'
  | 'write-wildcard'
  | 'everything-allowed'
  | 'principal-everyone'
  | 'trust-without-external-id'
  | 'statement-unused'
  | 'grant-wider-than-use'
  | 'access-key-unused'
  | 'password-unused'
  | 'role-unused'
  | 'escalation-path'

/** The worst first. */
export function bySeverity(a: Finding, b: Finding): number {
  const rank = ({ severity }: Finding) => -severities.indexOf(severity)
  const place = ({ code, subject, statement = '' }: Finding) => `${code} ${subject} ${statement}`
  return rank(a) - rank(b) || (place(a) < place(b) ? -1 : 1)
}
