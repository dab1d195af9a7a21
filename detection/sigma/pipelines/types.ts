import type { CorrelationDraft, DraftItem, RuleDraft } from '../draft.ts'
import type { Run } from './run.ts'

/** What changes rules before they are compiled: other field names, added conditions, other log sources, values for
 * placeholders.   @see pySigma, Processing Pipelines */
export interface Pipeline {
  readonly vars: Vars
  readonly steps: readonly Step[]
}

/** Values by the name of a placeholder. */
export type Vars = ReadonlyMap<string, readonly string[]>

/** One file of a pipeline. */
export interface PipelineFile extends Pipeline {
  readonly name: string
  /** Files of a lower one come first. */
  readonly priority: number
  /** Sentences about what it says of the text of queries, of which there is none here. */
  readonly notApplicable: readonly string[]
}

/** A document that a pipeline changes. */
export type Subject = RuleDraft | CorrelationDraft

/** A transformation and what it is applied to. */
export interface Step {
  /** What later conditions call it. */
  readonly id: string | undefined
  /** What messages call it. */
  readonly label: string
  readonly transform: Transform
  readonly ofRules: Gate<RuleTest>
  readonly ofItems: Gate<ItemTest>
  readonly ofFields: Gate<FieldTest>
}

/** @throws PipelineFailure when the document cannot be used with it */
export type Transform = (subject: Subject, run: Run) => Subject

/** Conditions that decide together. */
export interface Gate<Test> {
  readonly tests: readonly Test[]
  /** Whether it is open, by what each test says, in their order. */
  readonly decide: (results: readonly boolean[]) => boolean
}

export type RuleTest = (subject: Subject, run: Run) => boolean
export type ItemTest = (item: DraftItem, run: Run) => boolean
/** Of the name of a field; undefined for keywords. */
export interface FieldTest {
  readonly name: (field: string | undefined, run: Run) => boolean
  /** Of an item as a whole, where that is not its field or a field it refers to. */
  readonly item?: ItemTest
}

/** A document cannot be used with a pipeline; the message says why. */
export class PipelineFailure extends Error {}
