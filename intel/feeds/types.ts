import type { ImportFormat } from '../import/reading.ts'

/** What is at a feed's URL: a TAXII 2.1 collection, a file of indicators, a folder of MISP events with a manifest, or a MISP
 * that answers searches. */
export const feedKinds = ['taxii', 'file', 'misp', 'misp-api'] as const

export interface FeedSettings {
  readonly kind: (typeof feedKinds)[number]
  readonly url: string
  readonly enabled: boolean
  readonly intervalSec: number
  /** Of what does not say itself how sure it is. */
  readonly confidence: number
  /** How a file is written; found by its looks when absent. */
  readonly format?: ImportFormat
  /** A `misp-api` learns when indicators of its were met, and when that was wrong. */
  readonly pushSightings?: boolean
}

/** What came of the last poll. */
export interface FeedOutcome {
  readonly at: number
  readonly created: number
  readonly updated: number
  readonly refused: number
  readonly error?: { readonly code: string; readonly message: string }
  /** When it was last read without failure. */
  readonly succeededAt?: number
}

export interface Feed extends FeedSettings {
  readonly name: string
  /** There is something that authorises us there; what, nobody is told. */
  readonly authorized: boolean
  readonly cursor: string
  readonly nextAt: number
  readonly outcome?: FeedOutcome
  readonly createdAt: number
  readonly updatedAt: number
  readonly revision: number
}
