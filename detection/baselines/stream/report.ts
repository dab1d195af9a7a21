import { REPORTED_NAMES_MAX } from '../limits.ts'
import type { BaselineInfo } from './baseline.ts'
import type { PastDeviation, RunningBaseline } from './running.ts'

/** Where a baseline stands in a workspace. */
export interface BaselineReport {
  readonly name: string
  /** `learning` while it can judge nobody, `frozen` while it learns of nobody it can judge. */
  readonly state: 'learning' | 'active' | 'frozen'
  /** How far that whom it knows best is, 0..1. */
  readonly progress: number
  /** Observations so far. */
  readonly samples: number
  readonly entities: { readonly known: number; readonly active: number; readonly frozen: number }
  /** Deviations that are remembered, and those of them that were told. */
  readonly deviations: { readonly known: number; readonly told: number }
}

/** What is known of an entity. */
export interface EntityReport {
  readonly entity: string
  readonly state: 'learning' | 'active' | 'frozen'
  readonly progress: number
  /** Newest first. */
  readonly deviations: readonly PastDeviation[]
}

/** Joins what the shards of a workspace know: an entity may be known to several. */
export function reportBaseline(
  { name }: Pick<BaselineInfo, 'name'>,
  running: readonly RunningBaseline[],
  frozen: ReadonlySet<string>,
): BaselineReport {
  const entities = { known: 0, active: 0, frozen: 0 }
  let progress = 0
  for (const one of running) {
    for (const entity of one.names()) {
      entities.known += 1
      // Every one would take long where there are very many; they are in order of use, so the first are no sample.
      if (entities.known > REPORTED_NAMES_MAX) continue
      const learning = one.learning(entity)
      progress = Math.max(progress, learning.progress)
      if (learning.state !== 'active') continue
      entities.active += 1
      if (frozen.has(entity)) entities.frozen += 1
    }
  }
  const samples = running.reduce((sum, one) => sum + one.samples, 0)
  const history = running.flatMap((one) => one.history)
  return {
    name,
    state: entities.active === 0 ? 'learning' : entities.active === entities.frozen ? 'frozen' : 'active',
    progress,
    samples,
    entities,
    deviations: { known: history.length, told: history.filter(({ held }) => held === undefined).length },
  }
}

export function reportEntity(
  running: readonly RunningBaseline[],
  entity: string,
  frozen: ReadonlySet<string>,
): EntityReport | undefined {
  const known = running.map((one) => one.learning(entity)).filter(({ state }) => state !== 'unknown')
  const deviations = running
    .flatMap(({ history }) => history.filter((past) => past.entity === entity))
    .sort((a, b) => b.at - a.at)
  if (known.length === 0 && deviations.length === 0) return undefined
  const progress = Math.max(0, ...known.map((learning) => learning.progress))
  const isActive = known.some(({ state }) => state === 'active')
  const state = !isActive ? 'learning' : frozen.has(entity) ? 'frozen' : 'active'
  return { entity, state, progress, deviations }
}
