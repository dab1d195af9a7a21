import { SCORE_THRESHOLD } from './limits.ts'
import type { IndicatorType } from './types.ts'

/** How an opinion loses its worth: after `tauMs` nothing is left; below 1 `delta` holds it high at first, above it falls
 * at once. */
export interface DecayModel {
  readonly tauMs: number
  readonly delta: number
}

const DAY_MS = 86_400_000
const model = (days: number, delta: number): DecayModel => ({ tauMs: days * DAY_MS, delta })

const models: Readonly<Record<IndicatorType, DecayModel>> = {
  ip: model(30, 2),
  network: model(30, 2),
  domain: model(90, 2),
  url: model(14, 2.3),
  email: model(60, 2),
  md5: model(730, 0.5),
  sha1: model(730, 0.5),
  sha256: model(730, 0.5),
  sha512: model(730, 0.5),
  ja3: model(730, 0.5),
  ja4: model(730, 0.5),
  pattern: model(90, 2),
}

/** What an opinion is worth at an instant, 0 to 100: base x (1 - (t / tau)^(1 / delta)), t since it was last seen.
 * @see MISP, decaying models (polynomial) */
export function scoreAt(
  type: IndicatorType,
  opinion: { readonly confidence: number; readonly lastSeen: number },
  at: number,
): number {
  const { tauMs, delta } = models[type]
  const age = Math.max(0, at - opinion.lastSeen)
  return age >= tauMs ? 0 : opinion.confidence * (1 - (age / tauMs) ** (1 / delta))
}

/** The instant from which on an opinion is worth less than the threshold: lastSeen + tau x (1 - threshold / base)^delta. */
export function decaysAt(
  type: IndicatorType,
  opinion: { readonly confidence: number; readonly lastSeen: number },
): number {
  if (opinion.confidence < SCORE_THRESHOLD) return opinion.lastSeen
  const { tauMs, delta } = models[type]
  return Math.floor(opinion.lastSeen + tauMs * (1 - SCORE_THRESHOLD / opinion.confidence) ** delta) + 1
}
