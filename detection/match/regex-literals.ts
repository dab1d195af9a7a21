import { fold } from './fold.ts'

const STRINGS_MAX = 16
const CHARS_MAX = 32
const DEPTH_MAX = 64

/** Folded literals of which at least one stands in every text that the pattern finds. */
export type LiteralSet = readonly string[]

/** What a part of a pattern says: all texts it can stand for, or sets of literals that such a text must hold. */
interface Part {
  readonly exact: readonly string[] | undefined
  readonly needed: readonly LiteralSet[]
}

const ANYTHING: Part = { exact: undefined, needed: [] }
const NOTHING: Part = { exact: [''], needed: [] }

/** The sets of literals that a search for the pattern needs to see, any of which is necessary by itself. Empty when none is
 * known: for patterns of constructs that are not looked through, never wrong.   @see RE2 syntax */
export function neededLiterals(source: string): readonly LiteralSet[] {
  try {
    const reader = new PatternReader(source)
    const part = reader.read()
    return [...part.needed, ...(part.exact ? [part.exact] : [])].filter((set) => set.length > 0 && !set.includes(''))
  } catch (failure) {
    if (failure instanceof NotLookedThrough) return []
    throw failure
  }
}

class NotLookedThrough extends Error {}

class PatternReader {
  readonly #source: string
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  read(): Part {
    const part = this.#alternation()
    if (this.#at < this.#source.length) throw new NotLookedThrough()
    return part
  }

  #alternation(): Part {
    if (++this.#depth > DEPTH_MAX) throw new NotLookedThrough()
    const branches = [this.#sequence()]
    while (this.#source[this.#at] === '|') {
      this.#at++
      branches.push(this.#sequence())
    }
    this.#depth--
    return branches.length === 1 ? (branches[0] as Part) : either(branches)
  }

  #sequence(): Part {
    let exact: readonly string[] | undefined = ['']
    const needed: LiteralSet[] = []
    let whole = true
    for (let part = this.#repeated(); part; part = this.#repeated()) {
      const joined: readonly string[] | undefined = part.exact && exact && product(exact, part.exact)
      if (joined) {
        exact = joined
        continue
      }
      if (exact) needed.push(exact)
      needed.push(...part.needed)
      exact = part.exact ?? ['']
      whole = false
    }
    if (whole) return { exact, needed: [] }
    return { exact: undefined, needed: [...needed, ...(exact ? [exact] : [])].filter((set) => !set.includes('')) }
  }

  #repeated(): Part | undefined {
    const part = this.#atom()
    if (!part) return undefined
    const found = /^(?:[*+?]|\{(\d+)(,(\d*))?\})/.exec(this.#source.slice(this.#at, this.#at + 24))
    if (!found) return part
    this.#at += found[0].length
    if (this.#source[this.#at] === '?') this.#at++
    const sign = found[0][0]
    const least = sign === '+' ? 1 : sign === '{' ? Number(found[1]) : 0
    if (sign === '?' || (sign === '{' && least === 0 && found[3] === '1')) {
      return part.exact && part.exact.length < STRINGS_MAX ? { exact: ['', ...part.exact], needed: [] } : ANYTHING
    }
    if (least === 0) return ANYTHING
    if (least === 1 && sign === '{' && found[2] === undefined) return part
    return { exact: undefined, needed: part.exact ? [part.exact].filter((set) => !set.includes('')) : part.needed }
  }

  #atom(): Part | undefined {
    const char = this.#source[this.#at]
    if (char === undefined || char === '|' || char === ')') return undefined
    this.#at++
    switch (char) {
      case '(':
        return this.#group()
      case '[':
        return this.#characterClass()
      case '\\':
        return this.#escape()
      case '.':
        return ANYTHING
      case '^':
      case '$':
        return NOTHING
      case '*':
      case '+':
      case '?':
        throw new NotLookedThrough()
      default:
        return this.#literal(char)
    }
  }

  #literal(char: string): Part {
    const next = this.#source[this.#at] ?? ''
    if (/[\ud800-\udbff]/.test(char) && /[\udc00-\udfff]/.test(next)) {
      this.#at++
      return ANYTHING
    }
    return { exact: [fold(char)], needed: [] }
  }

  #group(): Part {
    if (this.#source[this.#at] === '?') {
      const found = /^\?(?:P?<\w+>|([imsU-]*)([:)]))/.exec(this.#source.slice(this.#at, this.#at + 80))
      if (!found) throw new NotLookedThrough()
      this.#at += found[0].length
      if (found[2] === ')') return NOTHING
    }
    const inner = this.#alternation()
    if (this.#source[this.#at] !== ')') throw new NotLookedThrough()
    this.#at++
    return inner
  }

  #escape(): Part {
    const char = this.#source[this.#at]
    this.#at++
    if (char === undefined || /[QEpPxCX0-9]/.test(char)) throw new NotLookedThrough()
    if (/[bBAzZ]/.test(char)) return NOTHING
    const control = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07' }[char]
    if (control !== undefined) return { exact: [control], needed: [] }
    if (/[a-zA-Z]/.test(char)) return ANYTHING
    return this.#literal(char)
  }

  /** Looks through classes of single characters only, such as `[Pp]`. */
  #characterClass(): Part {
    const start = this.#at
    if (this.#source[this.#at] === '^') this.#at++
    if (this.#source[this.#at] === ']') this.#at++
    let plain = start === this.#at
    const chars = new Set<string>()
    for (let char = this.#source[this.#at]; char !== ']'; char = this.#source[this.#at]) {
      if (char === undefined) throw new NotLookedThrough()
      this.#at++
      if (char === '\\') {
        const escaped = this.#source[this.#at++] ?? ''
        if (/[a-zA-Z0-9]/.test(escaped)) plain = false
        else chars.add(fold(escaped))
      } else if (char === '[' && this.#source[this.#at] === ':') {
        const end = this.#source.indexOf(':]', this.#at)
        if (end < 0) throw new NotLookedThrough()
        this.#at = end + 2
        plain = false
      } else if (char === '-' || /[\ud800-\udfff]/.test(char)) plain = false
      else chars.add(fold(char))
    }
    this.#at++
    return plain && chars.size > 0 && chars.size <= 4 ? { exact: [...chars], needed: [] } : ANYTHING
  }
}

/** All ways to put one text after another; undefined when they are too many or too long. */
function product(left: readonly string[], right: readonly string[]): readonly string[] | undefined {
  if (left.length * right.length > STRINGS_MAX) return undefined
  const joined = [...new Set(left.flatMap((before) => right.map((after) => before + after)))]
  return joined.some(({ length }) => length > CHARS_MAX) ? undefined : joined
}

/** One of the branches holds: all are exact, or each needs a set of its own and so their union. */
function either(branches: readonly Part[]): Part {
  const exact = branches.flatMap((branch) => branch.exact ?? [])
  if (branches.every((branch) => branch.exact) && exact.length <= STRINGS_MAX) return { exact, needed: [] }
  const union: string[] = []
  for (const branch of branches) {
    const sets = branch.exact ? [branch.exact] : branch.needed
    const best = sets.filter((set) => !set.includes('')).sort((a, b) => shortest(b) - shortest(a))[0]
    if (!best) return ANYTHING
    union.push(...best)
  }
  return { exact: undefined, needed: [union] }
}

const shortest = (set: LiteralSet): number => Math.min(...set.map(({ length }) => length))
