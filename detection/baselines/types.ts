import type { Savable } from './blocks/savable.ts'

/** What stood out most in a row: the feature, what was seen and what had been usual up to then. */
export interface SeriesReason {
  /** In words, such as `lowest of the last 24`. */
  readonly feature: string
  readonly seen: number
  /** Where nearly all earlier values of the feature lay. */
  readonly usual: readonly [low: number, high: number]
}

export interface SeriesScore {
  /** 0 = as ever, 1 = never seen the like. What a number in between means is for the model's docstring to say. */
  readonly score: number
  readonly reason?: SeriesReason
}

/** Scores the rows of one series, in their order, each by what came before it: a model cannot look ahead because it is
 * never given more. Deterministic: the same rows give the same scores. */
export interface SeriesModel {
  /** True while too few rows were seen to say anything; scores are 0 until then. */
  readonly learning: boolean
  /** @param at ms since the epoch @param value a finite number, from -1e100 to 1e100 */
  next(at: number, value: number): SeriesScore
  /** All that later scores depend on, as JSON can hold it. */
  save(): unknown
}

/** A kind of model. The version changes with anything that changes a score. */
export interface SeriesModelKind {
  readonly name: string
  readonly version: number
  readonly summary: string
  create(): SeriesModel
  /** @param state what `save` of the same version gave
   * @throws detection.baseline.stateUnreadable */
  restore(state: unknown): SeriesModel
}

/** What a baseline of entities states: who, what was expected, what was seen, since when. */
export interface Deviation {
  readonly detector: string
  readonly version: number
  /** The entity, or the pair of them, joined by a space. */
  readonly entity: string
  readonly at: number
  /** When what is stated began, ms. */
  readonly since: number
  /** 0..1; what it measures is for the detector's docstring to say. */
  readonly score: number
  readonly expected: string
  readonly seen: string
  /** It began before learning was over, so that nobody can say it is not as ever: to be remembered, and not told. */
  readonly standing?: true
}

/** Whether a detector can judge an entity yet. */
export interface LearningState {
  readonly state: 'unknown' | 'learning' | 'active'
  /** How far learning has come, 0..1. */
  readonly progress: number
}

/** Watches observations of many entities, nearly in order of time, and states what is not as ever. What comes late counts
 * with what is running; a time from the future would make all that follows late, so whoever calls bounds times by the
 * clock. Pure: no clock, no chance; the
 * same observations give the same deviations, and saving and loading changes nothing. */
export interface EntityDetector<Observation> {
  /** @param frozen judge the entity by what was learned before, and learn nothing of it now: an incident is open. Models
   * that an attack cannot teach may learn on. */
  observe(observation: Observation, frozen?: boolean): Deviation | undefined
  learning(entity: string): LearningState
  /** Whom it knows. */
  names(): Iterable<string>
  /** All that later deviations depend on. */
  save(): Savable
}
