import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { RULE_FILE_BYTES_MAX } from '../limits.ts'
import { buildRuleSet, type RuleSet } from '../rule-set.ts'
import { logsourcesIn } from '../sigma/pipelines/logsources.ts'
import { type Problem, printProblem } from '../sigma/problem.ts'
import { type ReadFileOptions, readSigma, type SigmaDocument } from '../sigma/read.ts'
import type { RuleTest } from '../sigma/rule-test.ts'
import { listFiles } from './input-file.ts'
import type { PipelineFiles } from './pipeline-files.ts'
import { RuleCache } from './rule-cache.ts'

/** A rule that cannot be used, by the file it stands in, and why. */
export interface RefusedRule {
  readonly file: string
  readonly id: string
  readonly title: string
  /** `line 3, column 5: …`, or a sentence about the whole. */
  readonly reasons: readonly string[]
}

/** A document that can be used by itself, and the tests it carries. */
export interface FiledDocument {
  readonly file: string
  readonly document: SigmaDocument
  readonly tests: readonly RuleTest[]
}

export interface RuleTree {
  readonly ruleSet: RuleSet
  readonly documents: readonly FiledDocument[]
  readonly refused: readonly RefusedRule[]
  readonly warnings: readonly { readonly file: string; readonly problem: Problem }[]
  readonly fileCount: number
  /** Where what is learned with these rules is kept. */
  readonly kept?: RulesKept
}

/** A place in a cache. */
export interface RulesKept {
  readonly folder: string
  readonly key: string
}

export interface ReadTreeOptions {
  /** What `|expand` puts for `%name%`. */
  readonly placeholders?: ReadonlyMap<string, readonly string[]>
  /** What changes every rule before it is compiled. */
  readonly pipelines?: Pick<PipelineFiles, 'pipeline' | 'texts'>
  /** Whether rules keep what their matches are explained by. */
  readonly explain?: boolean
  /** Where parsed rules are kept; absent = they are parsed each time. */
  readonly cacheFolder?: string
}

type ParsedTree = Pick<RuleTree, 'documents' | 'refused' | 'warnings' | 'kept'>

interface RuleFile {
  /** Below the folder. */
  readonly file: string
  readonly bytes: Buffer
  readonly sizeBytes: number
}

const RULE_FILE = /\.ya?ml$/i

/** Reads all rule files below a folder, or one file.
 * @throws what reading the folder throws */
export function readRuleTree(path: string, options: ReadTreeOptions = {}): RuleTree {
  const files = readFiles(path)
  const parsed = parseCached(files, options)
  const { ruleSet, misfits } = buildRuleSet(parsed.documents.map(({ document }) => document))
  const fileOf = new Map(parsed.documents.map(({ document, file }) => [document, file]))
  const refused = misfits.map(({ document, reason }) => ({
    file: fileOf.get(document) ?? '',
    id: document.head.id,
    title: document.head.title,
    reasons: [reason],
  }))
  return { ...parsed, ruleSet, refused: [...parsed.refused, ...refused], fileCount: files.length }
}

function readFiles(path: string): readonly RuleFile[] {
  const names = statSync(path).isDirectory() ? listFiles(path, RULE_FILE) : ['']
  return names.map((below) => {
    const whole = below === '' ? path : join(path, below)
    const sizeBytes = statSync(whole).size
    // A file over the limit is refused unread.
    const bytes = sizeBytes > RULE_FILE_BYTES_MAX ? Buffer.alloc(0) : readFileSync(whole)
    return { file: below === '' ? basename(path) : below, bytes, sizeBytes }
  })
}

function parseCached(files: readonly RuleFile[], options: ReadTreeOptions): ParsedTree {
  const { placeholders, pipelines, explain = false, cacheFolder } = options
  if (cacheFolder === undefined) return parseAll(files, options)
  const cache = new RuleCache(cacheFolder)
  const key = RuleCache.keyOf([
    JSON.stringify([[...(placeholders ?? [])], pipelines?.texts ?? [], explain]),
    ...files.flatMap(({ file, bytes, sizeBytes }) => [file, bytes, String(sizeBytes)]),
  ])
  const known = cache.find(key)
  const kept = { folder: cacheFolder, key }
  if (known !== undefined) return { ...(known as ParsedTree), kept }
  const parsed = parseAll(files, options)
  cache.keep(key, parsed)
  return { ...parsed, kept }
}

/** Pipelines ask correlations for the log sources of their rules, which are known once all are read. */
function parseAll(files: readonly RuleFile[], options: ReadTreeOptions): ParsedTree {
  const { placeholders, pipelines, explain = false } = options
  const read = { explain, ...(placeholders ? { placeholders } : {}) }
  const pipeline = pipelines?.pipeline
  if (!pipeline) return parse(files, read)
  const asWritten = parse(files, read).documents.map(({ document }) => document)
  return parse(files, { ...read, pipeline, logsourcesOf: logsourcesIn(asWritten) })
}

function parse(files: readonly RuleFile[], options: Omit<ReadFileOptions, 'fallbackId'>): ParsedTree {
  const documents: FiledDocument[] = []
  const refused: RefusedRule[] = []
  const warnings: { file: string; problem: Problem }[] = []
  for (const { file, bytes, sizeBytes } of files) {
    const fallbackId = basename(file).replace(RULE_FILE, '')
    if (sizeBytes > RULE_FILE_BYTES_MAX) {
      const reason = `line 1, column 1: the file has ${sizeBytes} bytes; a rule file may have ${RULE_FILE_BYTES_MAX}`
      refused.push({ file, id: fallbackId, title: '', reasons: [reason] })
      continue
    }
    const read = readSigma(bytes.toString('utf8'), { fallbackId, ...options })
    for (const { document, tests } of read.accepted) documents.push({ file, document, tests })
    for (const { id, title, problems } of read.refused) {
      refused.push({ file, id, title, reasons: problems.map(printProblem) })
    }
    for (const problem of read.warnings) warnings.push({ file, problem })
  }
  return { documents, refused, warnings }
}
