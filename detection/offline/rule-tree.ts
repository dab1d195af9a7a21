import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { RULE_FILE_BYTES_MAX } from '../limits.ts'
import { buildRuleSet, type RuleSet } from '../rule-set.ts'
import { idOfFile } from '../sigma/head.ts'
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

type ParsedTree = Pick<RuleTree, 'documents' | 'refused' | 'warnings'>

/** What was parsed of one file, under a name made of it and of how it was read. */
interface KeptFile {
  readonly key: string
  readonly parsed: ParsedTree
}

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

function parseCached(files: readonly RuleFile[], options: ReadTreeOptions): ParsedTree & Pick<RuleTree, 'kept'> {
  const { placeholders, pipelines, explain = false, cacheFolder } = options
  if (cacheFolder === undefined) return allOf(parseAll(files, options))
  const cache = new RuleCache(cacheFolder)
  const how = JSON.stringify([[...(placeholders ?? [])], pipelines?.texts ?? [], explain])
  const key = RuleCache.keyOf([how, ...files.flatMap(contentsOf)])
  const kept = { folder: cacheFolder, key }
  const known = cache.find(key) as readonly KeptFile[] | undefined
  if (known !== undefined) return { ...allOf(known.map(({ parsed }) => parsed)), kept }
  const keys = files.map((file) => RuleCache.keyOf([how, ...contentsOf(file)]))
  const parsed = parseAll(files, options, findUnchanged(keys, cache))
  cache.keep(
    key,
    parsed.map((each, index) => ({ key: keys[index] as string, parsed: each }) satisfies KeptFile),
  )
  return { ...allOf(parsed), kept }
}

const contentsOf = ({ file, bytes, sizeBytes }: RuleFile): readonly (string | Buffer)[] => [
  file,
  bytes,
  String(sizeBytes),
]

/** What was parsed of files with these keys in sets of rules of before, each at the place of its key. */
function findUnchanged(keys: readonly string[], cache: RuleCache): readonly (ParsedTree | undefined)[] {
  const wanted = new Set(keys)
  const found = new Map<string, ParsedTree>()
  for (const other of cache.others()) {
    for (const { key, parsed } of other as readonly KeptFile[]) if (wanted.has(key)) found.set(key, parsed)
    if (found.size * 2 > keys.length) break
  }
  return keys.map((key) => found.get(key))
}

function allOf(parsed: readonly ParsedTree[]): ParsedTree {
  return {
    documents: parsed.flatMap(({ documents }) => documents),
    refused: parsed.flatMap(({ refused }) => refused),
    warnings: parsed.flatMap(({ warnings }) => warnings),
  }
}

/** Each file by itself. Pipelines ask correlations for the log sources of their rules, which are known once all are read: what
 * was parsed under one is only good for the same set. */
function parseAll(
  files: readonly RuleFile[],
  { placeholders, pipelines, explain = false }: ReadTreeOptions,
  unchanged: readonly (ParsedTree | undefined)[] = [],
): readonly ParsedTree[] {
  const read = { explain, ...(placeholders ? { placeholders } : {}) }
  const pipeline = pipelines?.pipeline
  if (!pipeline) return files.map((file, index) => unchanged[index] ?? parse(file, read))
  const asWritten = files.flatMap((file) => parse(file, read).documents.map(({ document }) => document))
  const logsourcesOf = logsourcesIn(asWritten)
  return files.map((file) => parse(file, { ...read, pipeline, logsourcesOf }))
}

function parse({ file, bytes, sizeBytes }: RuleFile, options: Omit<ReadFileOptions, 'fallbackId'>): ParsedTree {
  const fallbackId = idOfFile(file)
  if (sizeBytes > RULE_FILE_BYTES_MAX) {
    const reason = `line 1, column 1: the file has ${sizeBytes} bytes; a rule file may have ${RULE_FILE_BYTES_MAX}`
    return { documents: [], refused: [{ file, id: fallbackId, title: '', reasons: [reason] }], warnings: [] }
  }
  const { accepted, refused, warnings } = readSigma(bytes.toString('utf8'), { fallbackId, ...options })
  return {
    documents: accepted.map(({ document, tests }) => ({ file, document, tests })),
    refused: refused.map(({ id, title, problems }) => ({ file, id, title, reasons: problems.map(printProblem) })),
    warnings: warnings.map((problem) => ({ file, problem })),
  }
}
