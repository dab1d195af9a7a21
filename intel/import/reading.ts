import { refusalOf } from '../admission.ts'
import type { Statement } from '../indicators.ts'
import { PROBLEMS_TOLD_MAX } from '../limits.ts'
import type { StixObject } from '../stix/object.ts'
import type { Sighting } from '../store.ts'

/** How an import is written. */
export const importFormats = ['ndjson', 'stix', 'misp', 'csv', 'text'] as const
export type ImportFormat = (typeof importFormats)[number]

/** Something of an import that was left out, and why. */
export interface Refusal {
  /** An id, a line, or a place in the document. */
  readonly where: string
  readonly message: string
}

/** What a file says. */
export class Reading {
  readonly format: ImportFormat
  readonly statements: Statement[] = []
  /** STIX objects, to be kept as they came. */
  readonly objects: StixObject[] = []
  /** STIX objects whose earlier words do not hold any more, and since when. */
  readonly revoked: { readonly stixId: string; readonly saidAt: number }[] = []
  /** Sightings of the indicators that are parts of a STIX object. */
  readonly sightings: { readonly of: string; readonly sighting: Omit<Sighting, 'indicator'> }[] = []
  /** The first of them. */
  readonly refused: Refusal[] = []
  refusedCount = 0

  constructor(format: ImportFormat) {
    this.format = format
  }

  refuse(where: string, message: string): void {
    this.refusedCount += 1
    if (this.refused.length < PROBLEMS_TOLD_MAX) this.refused.push({ where: where.slice(0, 200), message })
  }

  /** Takes a statement unless its indicator may not be. */
  take(where: string, statement: Statement): void {
    const refusal = refusalOf(statement.observable)
    if (refusal === undefined) this.statements.push(statement)
    else this.refuse(where, refusal)
  }
}

/** What holds for everything in a file that does not say it itself. */
export interface ReadDefaults {
  readonly source: string
  readonly confidence: number
  readonly now: number
}
