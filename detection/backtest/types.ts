import type { Logsource, ScanRequest } from '../../pipeline/index.ts'
import type { Finding } from '../online/finding.ts'
import type { SigmaDocument } from '../sigma/read.ts'
import type { RuleTuning } from '../tuning/tuning.ts'

/** What is tried on stored events. Plain data, to be sent to a thread. */
export interface BacktestPlan extends Pick<ScanRequest, 'account' | 'workspace' | 'from' | 'to'> {
  /** The rules that are asked about, those they build on, and the filters that narrow them. */
  readonly documents: readonly SigmaDocument[]
  readonly tunings: readonly RuleTuning[]
  /** Ids of those whose findings are looked at. */
  readonly asked: readonly string[]
}

/** How findings become alerts, as far as an estimate needs it. */
export interface AlertTerms {
  /** Findings of one key are one alert. */
  readonly keyOf: (finding: Finding) => string
  /** After how long without a finding of its key another alert begins, ms. */
  readonly windowMs: number
}

export interface BacktestSample {
  readonly ruleId: string
  readonly recordId: string
  readonly time: string
  /** The record's beginning. */
  readonly raw: string
}

export interface BacktestResult {
  readonly from: string
  readonly to: string
  readonly events: number
  /** Kinds of events that were looked at, most frequent first. */
  readonly sources: readonly { readonly logsource: Logsource; readonly channel?: string; readonly events: number }[]
  readonly rules: readonly {
    readonly id: string
    readonly title: string
    /** Events it matched; of a correlation, events at which it held. */
    readonly matches: number
    /** Matches that exclusions left out. */
    readonly excluded: number
    /** Findings it would have told; */
    readonly findings: number
    /** too many to tell, and held back; */
    readonly heldBack: number
    /** alerts these would have been, */
    readonly alerts: number
    /** a day. */
    readonly alertsPerDay: number
  }[]
  /** UTC days with findings. */
  readonly days: readonly { readonly day: string; readonly findings: number; readonly alerts: number }[]
  readonly topEntities: readonly { readonly kind: string; readonly value: string; readonly findings: number }[]
  /** The first findings and the last. */
  readonly samples: readonly BacktestSample[]
  /** Time that matching took, reading and parsing apart. */
  readonly cost: { readonly matchMs: number; readonly nsPerEvent: number }
  /** There were more keys or entities than are told apart; the estimates are too high or too short by that. */
  readonly approximate: boolean
}
