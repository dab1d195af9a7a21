import { OFFER_EXAMPLES_MAX } from '../limits.ts'
import type { PastDeviation } from '../stream/running.ts'
import { type BaselineSettings, compileSettings } from '../stream/settings.ts'

/** Settings under which an alert would not have been, and what else would not. Nothing is changed by offering. */
export interface Offer {
  readonly kind: 'exclusion' | 'threshold'
  /** In a sentence. */
  readonly summary: string
  /** To be put as they are, if wanted. */
  readonly settings: BaselineSettings
  /** What was told and would have been held back, of the deviations that are remembered. */
  readonly hides: {
    readonly count: number
    readonly entities: number
    /** Newest first, a few. */
    readonly examples: readonly PastDeviation[]
  }
}

/** The score just above one, in steps that people can read. */
const stepAbove = (score: number): number => (Math.floor(score * 1000) + 1) / 1000

/** What could be done about an alert that was none: leave its entity out, leave out the second half of a pair for everybody,
 * or ask for a higher score.
 * @param history what the baseline stated lately */
export function offersFor(
  alert: { readonly entity: string; readonly score: number },
  settings: BaselineSettings,
  history: readonly PastDeviation[],
): readonly Offer[] {
  const told = history.filter(({ held }) => held === undefined)
  const highest = Math.max(
    alert.score,
    ...told.filter(({ entity }) => entity === alert.entity).map(({ score }) => score),
  )
  const space = alert.entity.indexOf(' ')
  const excluded = [alert.entity, ...(space < 0 ? [] : [`* ${alert.entity.slice(space + 1)}`])]
  const offers = excluded.map((entity) => ({
    kind: 'exclusion' as const,
    summary: `deviations of \`${entity}\` are not told; they are remembered`,
    settings: { ...settings, exclusions: [...settings.exclusions, { entity: escapeStars(entity, alert.entity) }] },
  }))
  const threshold = stepAbove(highest)
  const raised =
    threshold > 1
      ? []
      : [
          {
            kind: 'threshold' as const,
            summary: `deviations of a score below ${threshold} are not told; they are remembered`,
            settings: { ...settings, threshold },
          },
        ]
  return [...offers, ...raised].map((offer) => ({ ...offer, hides: hiddenBy(offer.settings, told) }))
}

/** What was told and would be held back under other settings. */
function hiddenBy(settings: BaselineSettings, told: readonly PastDeviation[]): Offer['hides'] {
  const hold = compileSettings(settings)
  const hidden = told.filter(({ entity, score, at }) => hold({ entity, score, receivedAt: at }) !== undefined)
  return {
    count: hidden.length,
    entities: new Set(hidden.map(({ entity }) => entity)).size,
    examples: hidden.slice(-OFFER_EXAMPLES_MAX).reverse(),
  }
}

/** A name is meant by its letters; only the star that we put in front means any. */
function escapeStars(pattern: string, entity: string): string {
  const literal = (text: string) => text.replaceAll(/[\\*?]/g, '\\$&')
  return pattern === entity ? literal(entity) : `* ${literal(pattern.slice(2))}`
}
