import { seededRandom } from './random.ts'

export interface HalfSpaceForestOptions {
  readonly dimensions: number
  readonly seed: number
  readonly trees: number
  readonly depth: number
  /** Points after which the mass just counted becomes the mass compared with. */
  readonly window: number
}

export interface HalfSpaceForestState {
  readonly count: number
  /** Pairs of node and mass, nodes numbered through all trees; what is 0 is left out. */
  readonly reference: readonly (readonly [number, number])[]
  readonly latest: readonly (readonly [number, number])[]
}

/** Streaming half-space trees: how dense the neighbourhood of a point was in the window before. Each tree halves a work
 * range, drawn around a random point of it, along random dimensions, `depth` times, before any data is seen; the points
 * of a window are counted in the nodes they pass, and the counts of the window before say how dense a place is: mass
 * times 2^depth, with 1 for evenly spread points. State: trees × 2^(depth+1) counts, twice; cost: trees × depth a point.
 * @see Tan, Ting, Liu: Fast Anomaly Detection for Streaming Data, IJCAI 2011 */
export class HalfSpaceForest {
  readonly #options: HalfSpaceForestOptions
  readonly #nodes: number
  /** By tree and inner node: which dimension is halved, and where. */
  readonly #dimension: Uint8Array
  readonly #cut: Float64Array
  #reference: Uint32Array
  #latest: Uint32Array
  #count: number

  constructor(options: HalfSpaceForestOptions, state?: HalfSpaceForestState) {
    const { trees, depth } = options
    this.#options = options
    this.#nodes = 2 ** (depth + 1)
    this.#dimension = new Uint8Array(trees * this.#nodes)
    this.#cut = new Float64Array(trees * this.#nodes)
    this.#reference = masses(trees * this.#nodes, state?.reference)
    this.#latest = masses(trees * this.#nodes, state?.latest)
    this.#count = state?.count ?? 0
    const random = seededRandom(options.seed)
    for (let tree = 0; tree < trees; tree++) {
      const ranges = Array.from({ length: options.dimensions }, () => {
        const around = random()
        const reach = 2 * Math.max(around, 1 - around)
        return { low: around - reach, high: around + reach }
      })
      this.#divide(tree, 1, ranges, random)
    }
  }

  get learning(): boolean {
    return this.#count < this.#options.window
  }

  /** The density at `point` (each coordinate 0..1) in the window before: 1 = as if evenly spread, 0 = nothing near;
   * undefined while learning. Then takes the point in. */
  next(point: readonly number[]): number | undefined {
    const { trees, depth, window } = this.#options
    const reference = this.#reference
    const latest = this.#latest
    let density = 0
    for (let tree = 0; tree < trees; tree++) {
      let node = 1
      let mass = 0
      let scale = 1
      for (let level = 0; level <= depth; level++) {
        const place = tree * this.#nodes + node
        latest[place] = (latest[place] ?? 0) + 1
        const finer = (reference[place] ?? 0) * scale
        // Where hardly anything was, finer halves say nothing more.
        mass = level === 0 || mass > window / 5 / scale ? finer : Math.min(mass, finer)
        scale *= 2
        const above = (point[this.#dimension[place] ?? 0] ?? 0) >= (this.#cut[place] ?? 0)
        node = 2 * node + (above ? 1 : 0)
      }
      density += mass / window / trees
    }
    const learning = this.learning
    this.#count += 1
    if (this.#count % window === 0) {
      const old = this.#reference
      this.#reference = this.#latest
      this.#latest = old.fill(0)
    }
    return learning ? undefined : density
  }

  #divide(tree: number, node: number, ranges: readonly { low: number; high: number }[], random: () => number): void {
    if (node >= this.#nodes / 2) return
    const dimension = Math.floor(random() * ranges.length)
    const range = ranges[dimension]
    if (!range) return
    const cut = (range.low + range.high) / 2
    this.#dimension[tree * this.#nodes + node] = dimension
    this.#cut[tree * this.#nodes + node] = cut
    const half = (one: { low: number; high: number }) => ranges.map((other, i) => (i === dimension ? one : other))
    this.#divide(tree, 2 * node, half({ low: range.low, high: cut }), random)
    this.#divide(tree, 2 * node + 1, half({ low: cut, high: range.high }), random)
  }

  save(): HalfSpaceForestState {
    return { count: this.#count, reference: filled(this.#reference), latest: filled(this.#latest) }
  }
}

function masses(length: number, pairs: readonly (readonly [number, number])[] = []): Uint32Array {
  const array = new Uint32Array(length)
  for (const [node, mass] of pairs) array[node] = mass
  return array
}

function filled(array: Uint32Array): [number, number][] {
  const pairs: [number, number][] = []
  for (const [node, mass] of array.entries()) if (mass > 0) pairs.push([node, mass])
  return pairs
}
