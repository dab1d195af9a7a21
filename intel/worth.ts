import { decaysAt } from './decay.ts'
import type { Indicator, Observable, Opinion } from './types.ts'

/** Percent that the word of a source is worth unless somebody says otherwise. */
export const WEIGHT_DEFAULT = 100

/** An opinion with the instant at which it ends. */
export function settle({ type }: Pick<Observable, 'type'>, opinion: Omit<Opinion, 'expiresAt'>): Opinion {
  const expiresAt = opinion.revoked
    ? 0
    : Math.min(opinion.validUntil ?? Number.MAX_SAFE_INTEGER, decaysAt(type, opinion))
  return { ...opinion, expiresAt }
}

/** An indicator whose opinions are worth what their sources weigh and what verdicts made of it:
 * stated x weight x (right + 1) / (right + wrong + 1). The first wrong verdict halves; none changes what sources say.
 * @see MISP, decaying models (base score by sightings) */
export function weigh(indicator: Indicator, weightOf: (source: string) => number): Indicator {
  const { truePositives, falsePositives } = indicator
  const trust = (truePositives + 1) / (truePositives + falsePositives + 1)
  const opinions = indicator.opinions.map((opinion) => {
    const weight = weightOf(opinion.source)
    const confidence = Math.round((opinion.stated * weight * trust) / 100)
    if (confidence === opinion.confidence && weight === opinion.weight) return opinion
    return settle(indicator, { ...opinion, weight, confidence })
  })
  return { ...indicator, opinions }
}
