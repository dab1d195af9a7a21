import type { AccountId } from '../platform/index.ts'

/** What an indicator's value is. `network` is CIDR; `pattern` is a STIX pattern that is more than one value. */
export const indicatorTypes = [
  'ip',
  'network',
  'domain',
  'url',
  'email',
  'md5',
  'sha1',
  'sha256',
  'sha512',
  'ja3',
  'ja4',
  'pattern',
] as const
export type IndicatorType = (typeof indicatorTypes)[number]
/** Types whose values events are compared with one by one. */
export type ExactType = Exclude<IndicatorType, 'pattern'>

/** Who may read it, most open first.   @see FIRST, Traffic Light Protocol 2.0 */
export const tlps = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const
export type Tlp = (typeof tlps)[number]

/** The workspace that holds indicators and whose events they are matched with. */
export interface Place {
  readonly account: AccountId
  readonly workspace: string
}

/** A value in the one form in which it is stored and compared. */
export interface Observable {
  readonly type: IndicatorType
  readonly value: string
}

/** What one source says of an indicator. Sources do not overwrite each other. */
export interface Opinion {
  readonly source: string
  /** What the source says, 0 to 100. */
  readonly stated: number
  /** What the source's word is worth, percent. */
  readonly weight: number
  /** What that is worth: by the source's weight, and by the verdicts on alerts of the indicator. */
  readonly confidence: number
  readonly tlp: Tlp
  readonly labels: readonly string[]
  readonly killChain: readonly string[]
  readonly description?: string
  /** The object it came as; several indicators may be one object. */
  readonly stixId?: string
  readonly validFrom: number
  /** When the source itself says that it ends. */
  readonly validUntil?: number
  /** What decay counts from. */
  readonly lastSeen: number
  readonly revoked: boolean
  /** From then on it does not match: by the source's word, by decay, or because it was revoked. */
  readonly expiresAt: number
  readonly updatedAt: number
}

/** A value that somebody holds to be a sign of an attack, and what all its sources say. */
export interface Indicator extends Observable {
  readonly id: string
  readonly opinions: readonly Opinion[]
  /** Why it is not compared with events though it is stored. */
  readonly notMatched?: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly revision: number
  /** Strictly increasing within a workspace, microseconds: what TAXII pages by. */
  readonly addedUs: number
  readonly firstSeen?: number
  readonly lastSighted?: number
  readonly sightings: number
  /** How often people judged that it was met rightly, and wrongly. */
  readonly truePositives: number
  readonly falsePositives: number
}

/** An opinion as it is compared with events: what is needed to tell what it is worth at an instant. */
export interface LiveOpinion {
  readonly source: string
  readonly confidence: number
  readonly tlp: Tlp
  readonly validFrom: number
  readonly expiresAt: number
  readonly lastSeen: number
}

/** An indicator as it is compared with events; without opinions it is compared no more. */
export interface LiveIndicator extends Observable {
  readonly opinions: readonly LiveOpinion[]
}
