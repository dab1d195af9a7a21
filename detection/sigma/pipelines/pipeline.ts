import { PREDICATES_MAX } from '../../limits.ts'
import { ANY_FIELD } from '../../match/expression.ts'
import type { CorrelationDraft, Draft, DraftItem, RuleDraft } from '../draft.ts'
import type { Reporter } from '../problem.ts'
import { FieldTrack } from './field-track.ts'

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

/** The document as the pipeline's steps leave it, one after the other. What makes it unusable goes to the reporter. */
export function runPipeline<S extends Subject>(pipeline: Pipeline, subject: S, reporter: Reporter): S {
  const run = new Run(pipeline.vars)
  try {
    // A step gives back a document of the kind it got.
    return run.through(pipeline.steps, subject) as S
  } catch (failure) {
    if (!(failure instanceof PipelineFailure)) throw failure
    reporter.error(subject.document.at, `${run.label}: ${failure.message}`)
    return subject
  }
}

/** One document's way through a pipeline: what its steps set and what they were applied to. */
export class Run {
  readonly vars: Vars
  readonly state = new Map<string, unknown>()
  /** Ids of steps that were applied to the document. */
  readonly applied = new Set<string>()
  readonly fields = new FieldTrack()
  #step: Step | undefined
  #left = PREDICATES_MAX

  constructor(vars: Vars) {
    this.vars = vars
  }

  /** What messages call the step in hand. */
  get label(): string {
    return this.#step?.label ?? 'the pipeline'
  }

  /** @throws PipelineFailure */
  through(steps: readonly Step[], subject: Subject): Subject {
    const outer = this.#step
    let current = subject
    for (const step of steps) {
      if (!this.#isFor(step, current)) continue
      this.#step = step
      this.#left = PREDICATES_MAX
      if (step.id !== undefined) this.applied.add(step.id)
      current = step.transform(current, this)
      if (current.kind === 'rule') requireBounded(current.identifiers.values())
    }
    this.#step = outer
    return current
  }

  #isFor({ ofRules }: Step, subject: Subject): boolean {
    const { tests, decide } = ofRules
    return tests.length === 0 || decide(tests.map((test) => test(subject, this)))
  }

  /** Whether the step in hand is for the item. */
  isForItem(item: DraftItem): boolean {
    if (!this.#step) return true
    const { ofItems, ofFields } = this.#step
    return (
      ofItems.decide(ofItems.tests.map((test) => test(item, this))) &&
      ofFields.decide(ofFields.tests.map((test) => this.#testsItem(test, item)))
    )
  }

  #testsItem(test: FieldTest, item: DraftItem): boolean {
    if (test.item) return test.item(item, this)
    return (
      test.name(item.field === ANY_FIELD ? undefined : item.field, this) ||
      item.values.some(({ value }) => value.kind === 'fieldRef' && test.name(value.other, this))
    )
  }

  /** Whether the step in hand is for fields of that name; undefined for keywords. */
  isForField(field: string | undefined): boolean {
    if (!this.#step) return true
    const { tests, decide } = this.#step.ofFields
    return decide(tests.map((test) => test.name(field, this)))
  }

  /** The draft, with the step in hand among those applied to it. */
  marked(draft: Draft): Draft {
    const id = this.#step?.id
    if (id === undefined) return draft
    if (draft.kind === 'item') return { ...draft, applied: new Set([...draft.applied, id]) }
    return draft.kind === 'group' ? { ...draft, of: draft.of.map((part) => this.marked(part)) } : draft
  }

  /** Counts what the step in hand makes of a rule.   @throws PipelineFailure when it is more than a rule may have */
  spend(count: number): void {
    this.#left -= count
    if (this.#left < 0) throw new PipelineFailure(`it makes more than ${PREDICATES_MAX} comparisons of this rule`)
  }

  /** Keeps that the step in hand gave a field other names. */
  trackField(field: string, names: readonly string[]): void {
    this.fields.renamed(field, names, this.#step?.id)
  }

  /** A run of its own for steps within the step in hand, whose findings are taken over when they are done. */
  nested(steps: readonly Step[], subject: Subject): Subject {
    const inner = new Run(this.vars)
    inner.#step = this.#step
    let result: Subject
    try {
      result = inner.through(steps, subject)
    } catch (failure) {
      this.#step = inner.#step
      throw failure
    }
    for (const id of inner.applied) this.applied.add(id)
    for (const [key, value] of inner.state) this.state.set(key, value)
    this.fields.takeOver(inner.fields)
    return result
  }
}

/** Steps that multiply fields or values cannot make a rule larger than it could be as it is written. */
function requireBounded(drafts: Iterable<Draft>): void {
  let left = PREDICATES_MAX
  const count = (draft: Draft): void => {
    if (draft.kind === 'group') for (const part of draft.of) count(part)
    else if (draft.kind === 'item') left -= Math.max(1, draft.values.length)
    if (left < 0) throw new PipelineFailure(`it makes more than ${PREDICATES_MAX} comparisons of this rule`)
  }
  for (const draft of drafts) count(draft)
}
