import { type Alias, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml'
import { withoutEnvironment } from '../../platform/base/index.ts'
import { DOCUMENTS_MAX, PROBLEMS_MAX, RULE_FILE_BYTES_MAX, YAML_DEPTH_MAX, YAML_NODES_MAX } from '../limits.ts'
import type { Problem, Reporter } from './problem.ts'

export interface MapNode {
  readonly kind: 'map'
  readonly at: number
  readonly entries: readonly MapEntry[]
}

export interface MapEntry {
  readonly key: string
  readonly keyAt: number
  readonly value: Node
}

export interface ListNode {
  readonly kind: 'list'
  readonly at: number
  readonly items: readonly Node[]
}

export interface ScalarNode {
  readonly kind: 'scalar'
  readonly at: number
  readonly value: string | number | boolean | null
  /** As written, so that `0x10` and `007` keep their text. */
  readonly text: string
}

/** A YAML value with the offset at which it stands. */
export type Node = MapNode | ListNode | ScalarNode

/** A file of rules, read but not yet understood, and what is wrong with it so far. */
export class RuleText {
  readonly text: string
  readonly problems: Problem[] = []
  #lineStarts: number[] | undefined

  constructor(text: string) {
    this.text = text
  }

  readonly reporter: Reporter = {
    error: (at, message) => this.#report('error', at, message),
    warn: (at, message) => this.#report('warning', at, message),
  }

  get hasErrors(): boolean {
    return this.problems.some((problem) => problem.level === 'error')
  }

  /** Line and column, both from 1, of an offset. */
  place(at: number): { line: number; column: number } {
    this.#lineStarts ??= findLineStarts(this.text)
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#lineStarts[middle] ?? 0) <= at) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: at - (this.#lineStarts[low] ?? 0) + 1 }
  }

  #report(level: Problem['level'], at: number, message: string): void {
    if (this.problems.length >= PROBLEMS_MAX) {
      if (level === 'error' && !this.hasErrors) this.problems[PROBLEMS_MAX - 1] = { level, ...this.place(at), message }
      return
    }
    this.problems.push({ level, ...this.place(at), message })
  }
}

function findLineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** A YAML document and the part of the text it stands in. */
export interface DocumentNode {
  readonly root: Node
  readonly from: number
  readonly to: number
}

/** The YAML documents of a file. Refused, with the place: what is no YAML 1.2, duplicate keys, files over
 * `RULE_FILE_BYTES_MAX`, and aliases that unfold to more than `YAML_NODES_MAX` nodes.   @see YAML 1.2.2 10.3 (core schema) */
export function readDocuments(source: RuleText): readonly DocumentNode[] {
  const { text, reporter } = source
  if (text.length > RULE_FILE_BYTES_MAX || Buffer.byteLength(text) > RULE_FILE_BYTES_MAX) {
    reporter.error(0, `the file has ${Buffer.byteLength(text)} bytes; a rule file may have ${RULE_FILE_BYTES_MAX}`)
    return []
  }
  // The parser's own search for doubled keys compares each with all before it; `convert` looks them up.
  const zero = text.indexOf('\0')
  if (zero >= 0) {
    reporter.error(zero, 'a zero byte stands here; a rule file is text')
    return []
  }
  // At every token the parser looks there for `LOG_TOKENS`, a sixth of all the time it takes.
  const parsed = withoutEnvironment(() =>
    parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false, schema: 'core', version: '1.2' }),
  )
  if (!Array.isArray(parsed)) return []
  const documents: DocumentNode[] = []
  const budget = { nodes: YAML_NODES_MAX }
  for (const document of parsed) {
    for (const error of document.errors.slice(0, PROBLEMS_MAX)) {
      reporter.error(error.pos[0], describeYamlError(error.message))
    }
    if (document.errors.length > 0) continue
    if (documents.length >= DOCUMENTS_MAX) {
      reporter.error(document.range?.[0] ?? 0, `more than ${DOCUMENTS_MAX} documents; split the file`)
      break
    }
    const aliases = new Set<unknown>()
    const convert = (node: unknown, depth: number): Node | undefined => {
      budget.nodes--
      if (budget.nodes < 0) {
        if (budget.nodes === -1) {
          reporter.error(offsetOf(node), `more than ${YAML_NODES_MAX} values once aliases are followed; write them out`)
        }
        return undefined
      }
      if (depth > YAML_DEPTH_MAX) {
        reporter.error(offsetOf(node), `nested more than ${YAML_DEPTH_MAX} levels deep`)
        return undefined
      }
      if (isScalar(node)) {
        const value = node.value
        const at = offsetOf(node)
        if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
          return { kind: 'scalar', at, value, text: node.source ?? (value === null ? '' : String(value)) }
        }
        reporter.error(at, 'a value of this YAML type has no meaning in a rule; quote it')
        return undefined
      }
      if (isSeq(node)) {
        const items: Node[] = []
        for (const item of node.items) {
          const converted = convert(item, depth + 1)
          if (converted) items.push(converted)
          if (budget.nodes < 0) break
        }
        return { kind: 'list', at: offsetOf(node), items }
      }
      if (isMap(node)) {
        const entries: MapEntry[] = []
        const names = new Set<string>()
        for (const pair of node.items) {
          const { key, value } = pair
          if (!isScalar(key)) {
            reporter.error(offsetOf(key), 'a key has to be a plain name')
            continue
          }
          const name = key.source ?? String(key.value)
          if (names.has(name)) {
            reporter.error(offsetOf(key), 'this key stands here for the second time; join the two')
            continue
          }
          names.add(name)
          const converted =
            value === null || value === undefined
              ? ({ kind: 'scalar', at: offsetOf(key), value: null, text: '' } satisfies ScalarNode)
              : convert(value, depth + 1)
          if (converted) {
            entries.push({ key: name, keyAt: offsetOf(key), value: converted })
          }
          if (budget.nodes < 0) break
        }
        return { kind: 'map', at: offsetOf(node), entries }
      }
      if (isAlias(node)) {
        const target = (node as Alias).resolve(document)
        if (target === undefined || aliases.has(target)) {
          reporter.error(offsetOf(node), `alias \`*${(node as Alias).source}\` names nothing, or itself`)
          return undefined
        }
        aliases.add(target)
        const converted = convert(target, depth + 1)
        aliases.delete(target)
        return converted
      }
      return { kind: 'scalar', at: offsetOf(node), value: null, text: '' }
    }
    if (document.contents === null) continue
    const converted = convert(document.contents, 0)
    const [from, , to] = document.contents.range ?? [0, 0, text.length]
    if (converted && budget.nodes >= 0) documents.push({ root: converted, from, to })
    if (budget.nodes < 0) break
  }
  return documents
}

function offsetOf(node: unknown): number {
  const range = (node as { range?: readonly number[] | null } | null)?.range
  return range?.[0] ?? 0
}

function describeYamlError(message: string): string {
  if (message.includes('call stack')) return `nested far more than ${YAML_DEPTH_MAX} levels deep`
  return `not valid YAML: ${message.split('\n')[0] ?? message}`
}

/** The plain value of a node, for printing it again. */
export function plainValue(node: Node): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(plainValue)
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainValue(value)]))
  }
}

/** The value under `key` of a map. */
export function member(node: MapNode, key: string): MapEntry | undefined {
  return node.entries.find((entry) => entry.key === key)
}
