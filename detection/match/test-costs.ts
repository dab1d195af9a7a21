/** Samples of its own that a rule needs before they are what its next ones are held against. */
const OWN_SAMPLES_MIN = 8
/** A sample counts as at most so many medians: what is above it is the machine's doing (garbage is collected, the thread is
 * taken off its core), not the rule's. */
const MEDIANS_MAX = 16
/** Classes of samples by their power of two: the last begins at half a minute. */
const CLASSES = 36

/** What the tests of rules cost, from samples of which some are out of all proportion. Each sample is cut to a multiple of
 * the median of those before it, the rule's own or, while these are few, everybody's: a winsorised sum, to which a single
 * pause of the machine adds no more than a slow test would.
 * @see Tukey, "The Future of Data Analysis", 1962, section 14 */
export class TestCosts {
  readonly #all = new Median()
  readonly #own = new Map<number, Median>()
  #taken = new Map<number, { ns: number; tests: number }>()

  note(rule: number, ns: number): void {
    let own = this.#own.get(rule)
    if (!own) {
      own = new Median()
      this.#own.set(rule, own)
    }
    const median = own.samples >= OWN_SAMPLES_MIN ? own.value() : this.#all.value()
    const counted = median === undefined ? ns : Math.min(ns, MEDIANS_MAX * median)
    own.add(ns)
    this.#all.add(ns)
    const sum = this.#taken.get(rule)
    if (sum) {
      sum.ns += counted
      sum.tests++
    } else this.#taken.set(rule, { ns: counted, tests: 1 })
  }

  /** By number of the rule, since this was last called. */
  take(): ReadonlyMap<number, { readonly ns: number; readonly tests: number }> {
    const taken = this.#taken
    this.#taken = new Map()
    return taken
  }

  /** Those numbers are other rules' from now on. */
  forget(rules: ReadonlySet<number>): void {
    for (const rule of rules) {
      this.#own.delete(rule)
      this.#taken.delete(rule)
    }
  }
}

/** The median of what was added, to the next power of two above. */
class Median {
  readonly #classes = new Uint32Array(CLASSES)
  samples = 0

  add(ns: number): void {
    const at = Math.min(CLASSES - 1, Math.ceil(Math.log2(Math.max(1, ns))))
    this.#classes[at] = (this.#classes[at] as number) + 1
    this.samples++
  }

  value(): number | undefined {
    if (this.samples === 0) return undefined
    let below = 0
    for (let at = 0; at < CLASSES; at++) {
      below += this.#classes[at] as number
      if (2 * below >= this.samples) return 2 ** at
    }
    return undefined
  }
}
