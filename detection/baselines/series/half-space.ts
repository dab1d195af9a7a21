import { Episodes, type EpisodesState } from '../blocks/episodes.ts'
import { HalfSpaceForest, type HalfSpaceForestState } from '../blocks/half-space-forest.ts'
import { QuantileSketch, type QuantileSketchState } from '../blocks/quantile-sketch.ts'
import { Recent, type RecentState } from '../blocks/recent.ts'
import { Tail, type TailState } from '../blocks/tail.ts'
import { baselineError } from '../errors.ts'
import type { SeriesModel, SeriesModelKind, SeriesScore } from '../types.ts'

const ROWS = 4
const FOREST = { dimensions: ROWS + 1, seed: 20_260_101, trees: 25, depth: 8, window: 250 } as const
/** Keeps the logarithm of nothing finite. */
const DENSITY_MIN = 0.01
/** Rows between two looks at the quantiles that scale the values. */
const RESCALE_ROWS = 100

interface HalfSpaceState {
  readonly version: 1
  readonly values: RecentState
  readonly sketch: QuantileSketchState
  readonly scale: { readonly median: number; readonly spread: number }
  readonly forest: HalfSpaceForestState
  readonly tail: TailState
  readonly episodes: EpisodesState
}

/** Half-space trees over the last four values and their mean step, each squeezed into 0..1 by its robust z-score: x →
 * ½ + atan((x - median)/IQR)/π. 25 trees of depth 8, windows of 250 rows, one seed.
 * How rare a low density is, its own `Tail` says.
 * @see blocks/half-space-forest.ts; Tan, Ting, Liu, IJCAI 2011 */
export const halfSpace: SeriesModelKind = {
  name: 'half-space',
  version: 1,
  summary: 'half-space trees over the last four values',
  create: () => new HalfSpace(),
  restore(state): SeriesModel {
    const known = state as Partial<HalfSpaceState> | null
    if (known?.version !== 1 || !known.forest)
      throw baselineError(
        'detection.baseline.stateUnreadable',
        'the state is not one of the model `half-space`, version 1',
      )
    return new HalfSpace(known as HalfSpaceState)
  },
}

class HalfSpace implements SeriesModel {
  readonly #values: Recent
  readonly #sketch: QuantileSketch
  #scale: { readonly median: number; readonly spread: number }
  readonly #forest: HalfSpaceForest
  readonly #tail: Tail
  readonly #episodes: Episodes

  constructor(state?: HalfSpaceState) {
    this.#values = new Recent(ROWS, state?.values)
    this.#sketch = new QuantileSketch(state?.sketch)
    this.#scale = state?.scale ?? { median: 0, spread: 1 }
    this.#forest = new HalfSpaceForest(FOREST, state?.forest)
    this.#tail = new Tail(state?.tail)
    this.#episodes = new Episodes(state?.episodes)
  }

  get learning(): boolean {
    return this.#tail.learning
  }

  next(_at: number, value: number): SeriesScore {
    this.#values.push(value)
    this.#sketch.add(value)
    if (this.#values.count % RESCALE_ROWS === 1) this.#rescale()
    if (this.#values.count < ROWS) return { score: 0 }
    const { median, spread } = this.#scale
    const squeeze = (x: number) => 0.5 + Math.atan((x - median) / spread) / Math.PI
    const point = Array.from({ length: ROWS }, (_, age) => squeeze(this.#values.at(age)))
    point.push(squeeze(median + (value - this.#values.at(ROWS - 1))))
    const density = this.#forest.next(point)
    if (density === undefined) return { score: 0 }
    const score = this.#episodes.score(this.#tail.next(-Math.log(density + DENSITY_MIN)))
    const usual = [median - 2 * spread, median + 2 * spread] as const
    const feature = `the last ${ROWS} values together`
    return { score, ...(score > 0 ? { reason: { feature, seen: value, usual } } : {}) }
  }

  #rescale(): void {
    const at = (q: number) => this.#sketch.quantile(q) ?? 0
    const spread = at(0.75) - at(0.25)
    this.#scale = { median: at(0.5), spread: spread > 0 ? spread : Math.max(Math.abs(at(0.5)) / 10, 1e-9) }
  }

  save(): HalfSpaceState {
    return {
      version: 1,
      values: this.#values.save(),
      sketch: this.#sketch.save(),
      scale: this.#scale,
      forest: this.#forest.save(),
      tail: this.#tail.save(),
      episodes: this.#episodes.save(),
    }
  }
}
