import type { Logsource } from '../../pipeline/index.ts'
import type { Draft } from '../ocsf/event.ts'
import type { ParseProblem } from './problems.ts'

/** What a parser understood of one record. */
export interface Reading {
  /** The record's own members, or those its parser found in the text. */
  readonly original: Draft
  readonly logsource: Logsource
  /** When it happened by the record's own word, ms; undefined where it does not say. */
  readonly time: number | undefined
  /** Class, activity and the class's members; the frame common to all classes is put around it later. */
  readonly ocsf: Draft
  /** Why the record could not be understood whole. */
  readonly error?: ParseProblem
  /** True where nothing was understood: the whole text is the message. */
  readonly isBare?: true
}
