import { nearest } from '../../../platform/base/index.ts'
import { type MapEntry, type MapNode, member, type Node, plainValue } from '../document.ts'
import type { Reporter } from '../problem.ts'
import { compileSearch, type SearchRegex } from './search-regex.ts'

/** The members of a step or condition. What is wrong with one is told at its place, and what nobody read at the end. */
export class Params {
  readonly node: MapNode
  readonly reporter: Reporter
  readonly #read = new Set<string>()

  constructor(node: MapNode, reporter: Reporter, read: readonly string[]) {
    this.node = node
    this.reporter = reporter
    for (const key of read) this.#read.add(key)
  }

  entry(key: string): MapEntry | undefined {
    this.#read.add(key)
    return member(this.node, key)
  }

  /** @returns the empty text where it is missing, which is told */
  text(key: string): string {
    const text = this.optionalText(key)
    if (text === undefined) this.reporter.error(this.node.at, `\`${key}\` is missing; it takes a text`)
    return text ?? ''
  }

  optionalText(key: string): string | undefined {
    const value = this.entry(key)?.value
    if (!value || (value.kind === 'scalar' && value.value === null)) return undefined
    if (value.kind === 'scalar') return value.text
    this.reporter.error(value.at, `\`${key}\` takes a text`)
    return undefined
  }

  flag(key: string): boolean {
    const value = this.entry(key)?.value
    if (!value) return false
    if (value.kind === 'scalar' && typeof value.value === 'boolean') return value.value
    this.reporter.error(value.at, `\`${key}\` takes \`true\` or \`false\``)
    return false
  }

  oneOf<Word extends string>(key: string, words: readonly Word[], otherwise?: Word): Word {
    const text = this.optionalText(key)
    const word = text === undefined ? otherwise : words.find((known) => known === text)
    if (word !== undefined) return word
    this.reporter.error(this.entry(key)?.value.at ?? this.node.at, `\`${key}\` is one of ${words.join(', ')}`)
    return words[0] as Word
  }

  /** A list of texts, or one. */
  texts(key: string): readonly string[] {
    const value = this.entry(key)?.value
    if (!value) {
      this.reporter.error(this.node.at, `\`${key}\` is missing; it takes a list`)
      return []
    }
    return this.textsOf(value, key)
  }

  optionalTexts(key: string): readonly string[] | undefined {
    return this.entry(key) ? this.texts(key) : undefined
  }

  textsOf(value: Node, key: string): readonly string[] {
    const nodes = value.kind === 'list' ? value.items : [value]
    return nodes.flatMap((node) => {
      if (node.kind === 'scalar') return [node.text]
      this.reporter.error(node.at, `\`${key}\` takes texts`)
      return []
    })
  }

  map(key: string): readonly MapEntry[] {
    const entry = this.entry(key)
    if (entry?.value.kind === 'map') return entry.value.entries
    this.reporter.error(entry?.value.at ?? this.node.at, `\`${key}\` takes a map`)
    return []
  }

  /** The plain value under a key that has to be there. */
  plain(key: string): unknown {
    const entry = this.entry(key)
    if (!entry) this.reporter.error(this.node.at, `\`${key}\` is missing`)
    return entry && plainValue(entry.value)
  }

  regex(key: string): SearchRegex {
    return this.compile(this.text(key), this.entry(key)?.value.at ?? this.node.at)
  }

  compile(source: string, at: number): SearchRegex {
    const compiled = compileSearch(source)
    if (compiled.ok) return compiled.value
    this.reporter.error(at, compiled.error)
    return { groupNames: [], beginsAt: () => undefined, replacements: () => [], lacks: () => undefined }
  }

  /** Tells of members that mean nothing here. */
  done(what: string): void {
    for (const { key, keyAt } of this.node.entries) {
      if (this.#read.has(key)) continue
      const meant = nearest(key, this.#read)
      this.reporter.error(keyAt, `${what} has no \`${key}\`${meant ? `; did you mean \`${meant}\`?` : ''}`)
    }
  }
}
