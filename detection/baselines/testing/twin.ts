// Twins of real streams: an ordinary population drawn from a seed, and attacks of a stated strength planted in it.
import type { EntityDetector } from '../types.ts'

/** What detectors tell names apart by. */
export const TWIN_KEY: Uint8Array = Buffer.alloc(16, 42)
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
/** A Monday. */
export const START = Date.UTC(2026, 0, 5)

/** An attack that was planted: stated within its time on its entity it is found. */
export interface Planted {
  /** As a deviation names it. */
  readonly entity: string
  /** Whom a deviation may name instead. */
  readonly also?: string
  readonly from: number
  readonly to: number
}

export interface Stream<Observation> {
  readonly observations: Observation[]
  readonly planted: Planted[]
}

/** A detector, and streams to try it on, each of the same people and another strength of attack. */
export interface Twin<Observation extends { readonly at: number }> {
  readonly detector: string
  readonly strengths: readonly { readonly name: string; readonly make: (seed: number) => Stream<Observation> }[]
  create(state?: unknown): EntityDetector<Observation>
}

export interface Evaluation {
  /** Undefined where nothing was stated. */
  readonly precision: number | undefined
  readonly recall: number
  /** Median, of those found. */
  readonly minutesToDetect: number | undefined
  /** Statements of nobody's attack in a day of the whole population, from the day of the first attack on: by then what is to be
   * learned is learned. */
  readonly falseADay: number
  /** Whom the detector knows at the end: how large the population is. */
  readonly entities: number
  readonly stated: number
  readonly observations: number
}

/** How well a detector finds what was planted. */
export function evaluate<Observation extends { readonly at: number }>(
  twin: Twin<Observation>,
  make: (seed: number) => Stream<Observation>,
  seed: number,
): Evaluation {
  const { observations, planted } = make(seed)
  const detector = twin.create()
  const found = new Map<Planted, number>()
  let stated = 0
  let right = 0
  let wrong = 0
  observations.sort((a, b) => a.at - b.at)
  const begins = Math.min(...planted.map(({ from }) => from))
  const days = Math.max(1, Math.ceil(((observations.at(-1)?.at ?? begins) - begins) / DAY_MS))
  for (const observation of observations) {
    const deviation = detector.observe(observation)
    if (!deviation || deviation.standing) continue
    stated += 1
    const hit = planted.find(
      ({ entity, also, from, to }) =>
        (deviation.entity === entity || deviation.entity === also) && deviation.at >= from && deviation.at <= to,
    )
    if (!hit) {
      if (deviation.at >= begins) wrong += 1
      continue
    }
    right += 1
    if (!found.has(hit)) found.set(hit, deviation.at - hit.from)
  }
  const delays = [...found.values()].sort((a, b) => a - b)
  const median = delays[delays.length >>> 1]
  return {
    precision: stated === 0 ? undefined : right / stated,
    recall: found.size / planted.length,
    minutesToDetect: median === undefined ? undefined : median / 60_000,
    falseADay: wrong / days,
    entities: [...detector.names()].length,
    stated,
    observations: observations.length,
  }
}

export type Random = () => number
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
export const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** How busy people are: little at night, less at weekends. */
export function busyness(at: number): number {
  const hour = Math.floor(at / HOUR_MS) % 24
  const weekday = (Math.floor(at / DAY_MS) + 3) % 7
  return (hour >= 8 && hour < 18 ? 1 : 0.15) * (weekday >= 5 ? 0.3 : 1)
}
