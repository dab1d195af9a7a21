import { parseDurationMs } from '../expressions/duration.ts'
import { typeWords, type ValueType } from '../expressions/value-type.ts'
import type { Json } from '../types.ts'
import type { Template } from './document.ts'
import { misfit } from './fits.ts'
import { hint } from './hint.ts'
import type { Place, Problems } from './problem.ts'
import { type SourceEntry, type SourceMap, type SourceNode, type SourceScalar, toValue } from './source.ts'
import { splitTemplate, templateOf } from './template.ts'

/** Whose variables an expression sees. */
export type Site =
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'trigger'; readonly trigger: number }
  | { readonly kind: 'outputs' }

/** An expression found while reading, to be checked once the whole playbook is known. */
export interface FoundExpression {
  readonly text: string
  readonly site: Site
  readonly place: Place
  /** Where the expression's first character stands, if the text holds it unchanged. */
  readonly textOffset: number | undefined
  readonly wanted: ValueType
  /** Stands inside other text, so that only plain values may. */
  readonly embedded: boolean
  /** The `if` of a step: mentioning `steps.x.status` there guards the step's other expressions. */
  readonly condition: boolean
}

/** What a map may hold: known keys, required ones, and those of the language that this version refuses by name. */
export interface Keys {
  readonly what: string
  readonly required?: readonly string[]
  readonly optional?: readonly string[]
  readonly unsupported?: { readonly [key: string]: string }
}

export const NOT_YET = 'is not supported yet'
export const NO_VAULT = 'is refused until there is a vault'

/** Marks each name as a word of the language that is not supported yet. */
export function notYet(...names: readonly string[]): { readonly [key: string]: string } {
  return Object.fromEntries(names.map((name) => [name, NOT_YET]))
}

/** Reads source nodes into values, collecting what is wrong. A reader's methods give undefined where they complained. */
export class Reader {
  readonly problems: Problems
  readonly expressions: FoundExpression[] = []

  constructor(problems: Problems) {
    this.problems = problems
  }

  /** The entries of a map by key; unknown keys, unsupported ones and missing required ones are problems. */
  map(node: SourceNode, keys: Keys): ReadonlyMap<string, SourceEntry> | undefined {
    if (node.kind !== 'map') {
      this.problems.error('P013', node, `${keys.what} must be a map`)
      return undefined
    }
    const known = [...(keys.required ?? []), ...(keys.optional ?? [])]
    const entries = new Map<string, SourceEntry>()
    for (const entry of node.entries) {
      const unsupported = keys.unsupported && Object.hasOwn(keys.unsupported, entry.key)
      if (known.includes(entry.key)) entries.set(entry.key, entry)
      else if (unsupported) this.refuse(entry.key, entry.keyPlace, keys.unsupported?.[entry.key] ?? NOT_YET)
      else {
        const near = hint(entry.key, known)
        this.problems.error('P002', entry.keyPlace, `${keys.what} has no key \`${entry.key}\`${near}`)
      }
    }
    for (const key of keys.required ?? []) {
      if (!entries.has(key)) this.problems.error('P013', node, `${keys.what} needs \`${key}\``)
    }
    return entries
  }

  /** Says that a word of the language is refused, by name. */
  refuse(word: string, place: Place, why: string): void {
    this.problems.error('P002', place, `\`${word}\` ${why}`)
  }

  entries(node: SourceNode, what: string): readonly SourceEntry[] {
    if (node.kind === 'map') return node.entries
    this.problems.error('P013', node, `${what} must be a map`)
    return []
  }

  list(node: SourceNode | undefined, what: string, max: number): readonly SourceNode[] {
    if (!node) return []
    if (node.kind !== 'list') {
      this.problems.error('P013', node, `${what} must be a list`)
      return []
    }
    if (node.items.length > max) this.problems.error('P002', node, `${what} has more than ${max} items`)
    return node.items.slice(0, max)
  }

  string(node: SourceNode | undefined, what: string, lengthMax = 4096): string | undefined {
    if (!node) return undefined
    if (node.kind !== 'scalar' || typeof node.value !== 'string') {
      const quote = node.kind === 'scalar' && node.value !== null ? '; put it in quotes' : ''
      this.problems.error('P013', node, `${what} must be text${quote}`)
      return undefined
    }
    if (node.value.length > lengthMax) {
      this.problems.error('P013', node, `${what} is longer than ${lengthMax} characters`)
      return undefined
    }
    return node.value
  }

  /** A name of our own kind: `pattern` in words for the message. */
  name(node: SourceNode | undefined, what: string, pattern: RegExp, words: string): string | undefined {
    const text = this.string(node, what)
    if (text === undefined || !node) return undefined
    if (pattern.test(text)) return text
    this.problems.error('P013', node, `${what} \`${text.slice(0, 80)}\` must be ${words}`)
    return undefined
  }

  oneOf<T extends string>(node: SourceNode | undefined, what: string, values: readonly T[]): T | undefined {
    const text = this.string(node, what)
    if (text === undefined || !node) return undefined
    const found = values.find((value) => value === text)
    if (found !== undefined) return found
    this.problems.error('P013', node, `${what} must be one of ${values.join(', ')}${hint(text, values)}`)
    return undefined
  }

  boolean(node: SourceNode | undefined, what: string): boolean | undefined {
    if (!node) return undefined
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value
    this.problems.error('P013', node, `${what} must be true or false`)
    return undefined
  }

  number(
    node: SourceNode | undefined,
    what: string,
    bounds: { min: number; max: number; integer?: boolean },
  ): number | undefined {
    if (!node) return undefined
    const value = node.kind === 'scalar' ? node.value : undefined
    const fits = typeof value === 'number' && value >= bounds.min && value <= bounds.max
    if (fits && (!bounds.integer || Number.isSafeInteger(value))) return value
    const kind = bounds.integer ? 'a whole number' : 'a number'
    this.problems.error('P013', node, `${what} must be ${kind} from ${bounds.min} to ${bounds.max}`)
    return undefined
  }

  duration(node: SourceNode | undefined, what: string, maxMs: number): number | undefined {
    if (!node) return undefined
    const value = node.kind === 'scalar' ? node.value : undefined
    const ms = typeof value === 'string' ? parseDurationMs(value) : undefined
    if (ms === undefined || ms <= 0) {
      this.problems.error('P013', node, `${what} must be a duration such as 30s, 5m, 1h30m or 7d`)
      return undefined
    }
    if (ms <= maxMs) return ms
    this.problems.error(
      'P013',
      node,
      `${what} is longer than ${maxMs / 86_400_000 >= 1 ? `${maxMs / 86_400_000}d` : `${maxMs / 1000}s`}`,
    )
    return undefined
  }

  /** A bare expression. */
  expression(
    node: SourceNode | undefined,
    what: string,
    site: Site,
    wanted: ValueType,
    condition = false,
  ): string | undefined {
    if (!node) return undefined
    // `if: true` is YAML's boolean and reads as the same expression.
    if (node.kind === 'scalar' && (typeof node.value === 'boolean' || typeof node.value === 'number')) {
      return this.#found(String(node.value), node, undefined, site, wanted, false, condition)
    }
    const text = this.string(node, what, Number.POSITIVE_INFINITY)
    if (text === undefined || node.kind !== 'scalar') return undefined
    const trimmed = text.trim()
    if (trimmed.startsWith('${{')) {
      this.problems.error('P014', node, `${what} holds a bare expression; leave \${{ }} away`)
      return undefined
    }
    const lead = text.length - text.trimStart().length
    const offset = node.textOffset === undefined ? undefined : node.textOffset + lead
    return this.#found(trimmed, node, offset, site, wanted, false, condition)
  }

  /** A value that may hold expressions, where `wanted` is to stand. */
  template(node: SourceNode, what: string, site: Site, wanted: ValueType): Template | undefined {
    switch (node.kind) {
      case 'scalar':
        return this.#scalarTemplate(node, what, site, wanted)
      case 'list':
        return this.#listTemplate(node.items, node, what, site, wanted)
      case 'map':
        return this.#mapTemplate(node, what, site, wanted)
    }
  }

  #scalarTemplate(node: SourceScalar, what: string, site: Site, wanted: ValueType): Template | undefined {
    if (typeof node.value !== 'string' || !node.value.includes('${{')) return this.#literal(node, what, wanted)
    const { pieces, unclosed } = splitTemplate(node.value)
    if (unclosed !== undefined) {
      this.problems.error('P014', this.#inside(node, unclosed), `\${{ is never closed with }}`)
      return undefined
    }
    const whole = pieces.length === 1
    if (!whole && wanted !== 'dyn' && wanted !== 'string') {
      this.problems.error('P013', node, `${what} must be ${typeWords(wanted)}, not text`)
    }
    for (const piece of pieces) {
      if (piece.kind === 'literal') continue
      const offset = node.textOffset === undefined ? undefined : node.textOffset + piece.offset
      this.#found(piece.text, node, offset, site, whole ? wanted : 'dyn', !whole, false)
    }
    return templateOf(node.value, pieces)
  }

  #literal(node: SourceScalar, what: string, wanted: ValueType): Template | undefined {
    const problem = misfit(node.value, wanted)
    if (problem) {
      this.problems.error('P013', node, `${what} ${problem}`)
      return undefined
    }
    return { kind: 'literal', value: node.value }
  }

  #listTemplate(items: readonly SourceNode[], place: Place, what: string, site: Site, wanted: ValueType) {
    if (typeof wanted === 'object' ? !('list' in wanted) : wanted !== 'dyn') {
      this.problems.error('P013', place, `${what} must be ${typeWords(wanted)}, not a list`)
      return undefined
    }
    const element = typeof wanted === 'object' && 'list' in wanted ? wanted.list : 'dyn'
    const read = items.map((item) => this.template(item, what, site, element))
    return { kind: 'list', items: read.filter((item) => item !== undefined) } as const
  }

  #mapTemplate(node: SourceMap, what: string, site: Site, wanted: ValueType): Template | undefined {
    if (typeof wanted === 'object' ? 'list' in wanted : wanted !== 'dyn') {
      this.problems.error('P013', node, `${what} must be ${typeWords(wanted)}, not a map`)
      return undefined
    }
    const entries: (readonly [string, Template])[] = []
    for (const { key, value } of node.entries) {
      const member = typeof wanted === 'object' ? ('map' in wanted ? wanted.map : 'dyn') : 'dyn'
      const template = this.template(value, `${what}.${key}`, site, member)
      if (template) entries.push([key, template])
    }
    return { kind: 'map', entries }
  }

  /** A plain value, without expressions. */
  value(node: SourceNode): Json {
    return toValue(node)
  }

  #found(
    text: string,
    node: SourceScalar,
    textOffset: number | undefined,
    site: Site,
    wanted: ValueType,
    embedded: boolean,
    condition: boolean,
  ): string {
    this.expressions.push({ text, site, place: node, textOffset, wanted, embedded, condition })
    return text
  }

  #inside(node: SourceScalar, offset: number): Place {
    return { path: node.path, offset: node.textOffset === undefined ? node.offset : node.textOffset + offset }
  }
}
