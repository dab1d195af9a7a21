import { RISK_CONTRIBUTIONS_MAX, RISK_HALF_LIFE_MS } from '../limits.ts'
import { type AlertRisk, type IncomingFinding, type Severity, severities, type Verdict } from '../types.ts'

/** How much it matters when something happens to an entity. */
export const criticalities = ['low', 'normal', 'high', 'crown_jewel'] as const
export type Criticality = (typeof criticalities)[number]

const bases: Readonly<Record<Severity, number>> = { informational: 10, low: 25, medium: 50, high: 75, critical: 95 }
const assets: Readonly<Record<Criticality, number>> = { low: 0.7, normal: 1, high: 1.25, crown_jewel: 1.5 }
const CONFIDENCE_MIN = 0.25
const INTEL_MAX = 0.3
/** ζ(1.5): what the series of weights comes to. */
const SERIES_SUM = 2.6124

/** The risk of an alert with findings joined to what is known of it. The order of findings does not matter: each factor
 * is the largest. */
export function alertRisk(
  severity: Severity,
  findings: readonly IncomingFinding[],
  criticality: Criticality,
  known?: AlertRisk,
): AlertRisk {
  const confidences = findings.map(confidenceOf)
  const confidence = Math.max(known?.confidence ?? (confidences.length === 0 ? 1 : 0), ...confidences)
  const intel = Math.max(known?.intel ?? 1, ...findings.map(intelOf))
  const asset = assets[criticality]
  const base = bases[severity]
  const score = Math.min(100, Math.max(0, base * confidence * intel * asset))
  return { score: round(score), base, confidence, intel: round(intel), asset }
}

function confidenceOf({ rule, explanation }: IncomingFinding): number {
  return Math.min(1, Math.max(CONFIDENCE_MIN, rule.risk?.confidence ?? explanation?.score ?? 1))
}

function intelOf({ indicator }: IncomingFinding): number {
  return indicator ? 1 + (INTEL_MAX * Math.min(100, Math.max(0, indicator.confidence))) / 100 : 1
}

/** The most critical of them; `normal` where nothing is known. */
export function mostCritical(known: readonly (Criticality | undefined)[]): Criticality {
  const places = known.flatMap((criticality) => (criticality ? [criticalities.indexOf(criticality)] : []))
  return criticalities[Math.max(...places)] ?? 'normal'
}

/** A contribution's weight on a scale on which time does not matter: the logarithm of its risk, plus when it was, in half
 * lives. All weights fall alike, so their order never changes and an entity's score need not be made anew to be compared. */
export function weightOf(risk: number, at: number): number {
  return Math.log2(Math.max(risk, 1e-6)) + at / RISK_HALF_LIFE_MS
}

/** What a weight is worth now. */
export function worthOf(weight: number, now: number): number {
  return 2 ** (weight - now / RISK_HALF_LIFE_MS)
}

/** An entity's risk, 0 to 100: the sum over its contributions of risk × 2^(−age / half life) / i^1.5, the weightiest first,
 * over what that comes to for a hundred forever.
 * @param weights falling */
export function entityScore(weights: readonly number[], now: number): number {
  let sum = 0
  for (let i = 0; i < Math.min(weights.length, RISK_CONTRIBUTIONS_MAX); i++) {
    sum += shareOf(weights[i] as number, i + 1, now)
  }
  return Math.min(100, sum)
}

/** What the i-th contribution (from 1) adds to the score. */
export function shareOf(weight: number, i: number, now: number): number {
  return worthOf(weight, now) / i ** 1.5 / SERIES_SUM
}

/** Whether an alert adds to the risk of its entities: as long as nobody judged it, or as it was judged true. */
export function countsAsRisk({
  state,
  verdict,
}: {
  readonly state: string
  readonly verdict?: Verdict | undefined
}): boolean {
  if (verdict !== undefined) return RISKY_VERDICTS.has(verdict)
  return state !== 'suppressed'
}

const RISKY_VERDICTS: ReadonlySet<Verdict> = new Set(['true_positive', 'suspicious', 'security_risk'])

/** By how high the risk is. */
export function severityOfScore(score: number): Severity {
  const place = [20, 40, 60, 90].filter((bound) => score >= bound).length
  return severities[place] ?? 'critical'
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}
