import { isAlias, isMap, isScalar, isSeq, type ParsedNode, parseDocument, Scalar } from 'yaml'
import { SOURCE_BYTES_MAX, SOURCE_DEPTH_MAX, SOURCE_NODES_MAX } from '../limits.ts'
import type { Json } from '../types.ts'
import type { Place, Problems } from './problem.ts'

/** A node of the YAML text with its place: what the rest of the linter reads. */
export type SourceNode = SourceMap | SourceList | SourceScalar

export interface SourceMap extends Place {
  readonly kind: 'map'
  readonly entries: readonly SourceEntry[]
}

export interface SourceEntry {
  readonly key: string
  readonly keyPlace: Place
  readonly value: SourceNode
}

export interface SourceList extends Place {
  readonly kind: 'list'
  readonly items: readonly SourceNode[]
}

export interface SourceScalar extends Place {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  /** Where the first character of the value stands when the text holds it unchanged; undefined for folded and escaped
   * scalars, of which only the beginning can be named. */
  readonly textOffset: number | undefined
}

/** Deep or broken nests of these are what costs the YAML parser its time. */
const FLOW_OPENINGS = /[[{]/g

/** Parses YAML 1.2 (core schema, one document) into nodes with places. Anchors, aliases, tags, merge keys, duplicate
 * keys and directives are refused: each lets a text read differently from what it does. Undefined when the text is no
 * YAML; only its first error is told, since one slip makes the parser report hundreds. */
export function parseSource(text: string, problems: Problems): SourceNode | undefined {
  const start = { path: '', offset: 0 }
  if (Buffer.byteLength(text) > SOURCE_BYTES_MAX) {
    problems.error('P002', start, `the playbook is larger than ${SOURCE_BYTES_MAX / 1024} KB`)
    return undefined
  }
  const directive = /^%/m.exec(text)
  if (directive) {
    problems.error('P002', { path: '', offset: directive.index }, 'directives (`%…`) are not allowed')
    return undefined
  }
  if ((text.match(FLOW_OPENINGS)?.length ?? 0) > SOURCE_NODES_MAX) {
    problems.error('P002', start, `the playbook has more than ${SOURCE_NODES_MAX} nodes`)
    return undefined
  }
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    strict: true,
    // Its check is quadratic in the keys of a map; ours below is not.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  const error = document.errors[0]
  if (error) {
    problems.error('P001', { path: '', offset: error.pos[0] }, `${sayYamlError(error.code, error.message)}`)
    return undefined
  }
  if (!document.contents) {
    problems.error('P001', start, 'the playbook is empty')
    return undefined
  }
  return new Reader(text, problems).read(document.contents as ParsedNode, '', 0)
}

function sayYamlError(code: string, message: string): string {
  if (code === 'RESOURCE_EXHAUSTION') return `maps and lists stand more than ${SOURCE_DEPTH_MAX} deep in each other`
  const line = message.split('\n', 1)[0] ?? message
  const quoting = ['UNEXPECTED_TOKEN', 'MISSING_CHAR', 'BAD_SCALAR_START', 'MULTILINE_IMPLICIT_KEY', 'BAD_INDENT']
  return quoting.includes(code) ? `${line}; quote expressions that hold [ ] { } # or ": "` : line
}

class Reader {
  readonly #text: string
  readonly #problems: Problems
  #nodes = 0

  constructor(text: string, problems: Problems) {
    this.#text = text
    this.#problems = problems
  }

  read(node: ParsedNode | null, path: string, depth: number, fallbackOffset = 0): SourceNode | undefined {
    const place = { path, offset: node?.range[0] ?? fallbackOffset }
    this.#nodes += 1
    if (this.#nodes > SOURCE_NODES_MAX) {
      if (this.#nodes === SOURCE_NODES_MAX + 1) {
        this.#problems.error('P002', place, `the playbook has more than ${SOURCE_NODES_MAX} nodes`)
      }
      return undefined
    }
    if (depth > SOURCE_DEPTH_MAX) {
      this.#problems.error('P002', place, `maps and lists stand more than ${SOURCE_DEPTH_MAX} deep in each other`)
      return undefined
    }
    if (!node) return { kind: 'scalar', value: null, textOffset: undefined, ...place }
    if (isAlias(node)) {
      this.#problems.error('P002', place, 'aliases (`*name`) are not allowed; write the value again')
      return undefined
    }
    if (node.anchor) this.#problems.error('P002', place, 'anchors (`&name`) are not allowed')
    if (node.tag) this.#problems.error('P002', place, `tags (\`${node.tag}\`) are not allowed`)
    if (isScalar(node)) return this.#scalar(node, place)
    if (isSeq(node)) return this.#list(node.items as (ParsedNode | null)[], place, depth)
    if (isMap(node)) return this.#map(node.items as { key: ParsedNode; value: ParsedNode | null }[], place, depth)
    return undefined
  }

  #scalar(node: Scalar.Parsed, place: Place): SourceScalar {
    const { value } = node
    const known = typeof value === 'string' || typeof value === 'boolean' || value === null
    if (!known && typeof value !== 'number') {
      this.#problems.error('P013', place, 'this value is none that a playbook knows')
      return { kind: 'scalar', value: null, textOffset: undefined, ...place }
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.#problems.error('P013', place, `${value} is not a number that JSON has`)
    }
    return { kind: 'scalar', value, textOffset: this.#textOffset(node), ...place }
  }

  #textOffset(node: Scalar.Parsed): number | undefined {
    if (typeof node.value !== 'string') return undefined
    const quoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE
    const offset = node.range[0] + (quoted ? 1 : 0)
    return this.#text.startsWith(node.value, offset) ? offset : undefined
  }

  #list(items: readonly (ParsedNode | null)[], place: Place, depth: number): SourceList {
    const read: SourceNode[] = []
    for (const [index, item] of items.entries()) {
      const node = this.read(item, `${place.path}/${index}`, depth + 1, place.offset)
      if (node) read.push(node)
    }
    return { kind: 'list', items: read, ...place }
  }

  #map(pairs: readonly { key: ParsedNode; value: ParsedNode | null }[], place: Place, depth: number): SourceMap {
    const entries: SourceEntry[] = []
    const seen = new Set<string>()
    for (const pair of pairs) {
      const keyOffset = pair.key?.range[0] ?? place.offset
      if (!isScalar(pair.key) || pair.key.anchor || pair.key.tag) {
        this.#problems.error('P002', { path: place.path, offset: keyOffset }, 'a key must be a plain name')
        continue
      }
      const key = typeof pair.key.value === 'string' ? pair.key.value : String(pair.key.source ?? pair.key.value)
      const path = `${place.path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const keyPlace = { path, offset: keyOffset }
      if (key === '<<') this.#problems.error('P002', keyPlace, 'merge keys (`<<`) are not allowed')
      else if (key === '__proto__') this.#problems.error('P002', keyPlace, 'no key may be called `__proto__`')
      else if (seen.has(key)) this.#problems.error('P002', keyPlace, `\`${key}\` is given twice`)
      else {
        seen.add(key)
        const value = this.read(pair.value, path, depth + 1, keyOffset)
        if (value) entries.push({ key, keyPlace, value })
      }
    }
    return { kind: 'map', entries, ...place }
  }
}

/** The node as a plain value. */
export function toValue(node: SourceNode): Json {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(toValue)
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, toValue(value)]))
  }
}
