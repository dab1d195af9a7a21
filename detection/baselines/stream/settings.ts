import { compileGlob } from '../../match/glob.ts'
import { parsePattern } from '../../sigma/pattern.ts'

/** Entities whose deviations are not told. Everything is learned of them all the same. */
export interface Exclusion {
  /** The entity's name, `*` and `?` standing for any letters and any one; case does not matter. */
  readonly entity: string
  readonly reason?: string
  /** Until when it holds, ms; for ever when absent. */
  readonly until?: number
}

/** How a workspace has set a baseline. */
export interface BaselineSettings {
  readonly enabled: boolean
  /** Deviations of a lower score are not told; 0 tells whatever the model states. */
  readonly threshold: number
  readonly exclusions: readonly Exclusion[]
}

export const defaultSettings: BaselineSettings = { enabled: true, threshold: 0, exclusions: [] }

/** Why a deviation is not told: by the settings, or because it stands since before learning was over. */
export const heldWhy = ['threshold', 'exclusion', 'standing'] as const
export type Held = (typeof heldWhy)[number]

/** Settings made ready to be asked: why a deviation of `entity` with this score, at an event received then, is not told.
 * Time is that of the log, so that a replay is told the same. */
export function compileSettings({
  threshold,
  exclusions,
}: Pick<BaselineSettings, 'threshold' | 'exclusions'>): (deviation: {
  readonly entity: string
  readonly score: number
  readonly receivedAt: number
}) => Held | undefined {
  const tests = exclusions.map(({ entity, until = Number.POSITIVE_INFINITY }) => ({
    matches: compileGlob(parsePattern(entity.toLowerCase()), (literal) => literal),
    until,
  }))
  return ({ entity, score, receivedAt }) => {
    if (score < threshold) return 'threshold'
    const name = entity.toLowerCase()
    return tests.some(({ matches, until }) => receivedAt < until && matches(name)) ? 'exclusion' : undefined
  }
}
