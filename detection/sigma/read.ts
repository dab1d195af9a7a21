import { stringify } from 'yaml'
import { readCorrelation, type SigmaCorrelation } from './correlation.ts'
import { type MapEntry, type MapNode, member, type Node, plainValue, RuleText, readDocuments } from './document.ts'
import { readFilter, type SigmaFilter } from './filter.ts'
import type { Pipeline } from './pipelines/pipeline.ts'
import type { Problem } from './problem.ts'
import { type ReadOptions, readRule, type SigmaRule } from './rule.ts'
import { type RuleTest, readTests } from './rule-test.ts'

export type SigmaDocument = SigmaRule | SigmaCorrelation | SigmaFilter

/** A document that cannot be used, with every reason found. */
export interface RefusedDocument {
  readonly id: string
  readonly title: string
  readonly problems: readonly Problem[]
}

/** A document that can be used, and the text it was read from. */
export interface AcceptedDocument {
  readonly document: SigmaDocument
  /** Reads back as this document alone. */
  readonly text: string
  readonly tests: readonly RuleTest[]
}

export interface SigmaFile {
  readonly documents: readonly SigmaDocument[]
  /** The same, with their texts. */
  readonly accepted: readonly AcceptedDocument[]
  readonly refused: readonly RefusedDocument[]
  readonly warnings: readonly Problem[]
}

export interface ReadFileOptions {
  /** The id of a document that has none: the file's name without its ending. */
  readonly fallbackId: string
  readonly placeholders?: ReadonlyMap<string, readonly string[]>
  readonly pipeline?: Pipeline | undefined
  /** Whether rules keep their selections, so that their matches can be explained. */
  readonly explain?: boolean
  /** The log sources of the rule that a correlation names; pipelines ask for them. */
  readonly logsourcesOf?: ReadOptions['logsourcesOf']
}

/** How the texts of a workspace's rules are read: through its pipelines. */
export type ReadAs = Pick<ReadFileOptions, 'pipeline' | 'logsourcesOf'>

/** Reads a file of Sigma rules, correlations and filters. Never throws: a document that is wrong is in `refused` with all
 * that is wrong with it, and the others stand.   @see Sigma specification 2.1 */
export function readSigma(text: string, options: ReadFileOptions): SigmaFile {
  const source = new RuleText(text)
  const roots = readDocuments(source)
  const accepted: AcceptedDocument[] = []
  const refused: RefusedDocument[] = []
  if (source.hasErrors || (roots.length === 0 && source.problems.length > 0)) {
    const whole = { id: options.fallbackId, title: '', problems: source.problems }
    return { documents: [], accepted, refused: [whole], warnings: [] }
  }
  const placeholder = (name: string) => options.placeholders?.get(name)
  let global: MapNode | undefined
  let previous: MapNode | undefined
  let count = 0
  const warnings: Problem[] = []
  for (const { root, from, to } of roots) {
    const own = new RuleText(text)
    const { reporter } = own
    if (root.kind !== 'map') {
      reporter.error(root.at, 'a rule is a map with `title`, `logsource` and `detection`')
      refused.push({ id: options.fallbackId, title: '', problems: own.problems })
      continue
    }
    const action = member(root, 'action')?.value
    const verb = action?.kind === 'scalar' ? action.text : undefined
    if (verb === 'global') {
      global = merge(global, without(root, 'action'))
      continue
    }
    if (verb === 'reset') global = undefined
    const bare = action ? without(root, 'action') : root
    const merged: MapNode = merge(verb === 'repeat' ? previous : global, bare)
    previous = merged
    const fallbackId = count === 0 ? options.fallbackId : `${options.fallbackId}-${count}`
    count++
    const { pipeline, logsourcesOf, explain = false } = options
    const read: ReadOptions = {
      ...{ fallbackId, placeholder, explain },
      ...(pipeline ? { pipeline } : {}),
      ...(logsourcesOf ? { logsourcesOf } : {}),
    }
    const document = member(merged, 'correlation')
      ? readCorrelation(merged, read, reporter)
      : member(merged, 'filter')
        ? readFilter(merged, read, reporter)
        : readRule(merged, read, reporter)
    const tests = readTests(merged, reporter)
    const { id, title } = document.head
    const alone = merged === root
    if (own.hasErrors) refused.push({ id, title, problems: own.problems.filter(({ level }) => level === 'error') })
    else accepted.push({ document, text: alone ? text.slice(from, to) : stringify(plainValue(merged)), tests })
    warnings.push(...own.problems.filter(({ level }) => level === 'warning'))
  }
  return { documents: accepted.map(({ document }) => document), accepted, refused, warnings }
}

function without(map: MapNode, key: string): MapNode {
  return { ...map, entries: map.entries.filter((entry) => entry.key !== key) }
}

/** The old way to share parts: a document with `action: global` stands below each that follows. */
function merge(below: MapNode | undefined, above: MapNode): MapNode {
  if (!below) return above
  const entries = new Map<string, MapEntry>(below.entries.map((entry) => [entry.key, entry]))
  for (const entry of above.entries) {
    const lower = entries.get(entry.key)
    const value: Node =
      lower?.value.kind === 'map' && entry.value.kind === 'map' ? merge(lower.value, entry.value) : entry.value
    entries.set(entry.key, { ...entry, value })
  }
  return { ...above, entries: [...entries.values()] }
}
