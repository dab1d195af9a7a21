import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { RULE_FILE_BYTES_MAX } from '../limits.ts'
import { buildRuleSet, type RuleSet } from '../rule-set.ts'
import { type Problem, printProblem } from '../sigma/problem.ts'
import { readSigma, type SigmaDocument } from '../sigma/read.ts'
import type { RuleTest } from '../sigma/rule-test.ts'
import { listFiles } from './input-file.ts'

/** A rule that cannot be used, by the file it stands in, and why. */
export interface RefusedRule {
  readonly file: string
  readonly id: string
  readonly title: string
  /** `line 3, column 5: …`, or a sentence about the whole. */
  readonly reasons: readonly string[]
}

export interface RuleTree {
  readonly ruleSet: RuleSet
  readonly refused: readonly RefusedRule[]
  readonly warnings: readonly { readonly file: string; readonly problem: Problem }[]
  readonly fileCount: number
  /** Rules and correlations with the tests they carry, in order of files. */
  readonly tested: readonly {
    readonly file: string
    readonly document: SigmaDocument
    readonly tests: readonly RuleTest[]
  }[]
}

const RULE_FILE = /\.ya?ml$/i

/** Reads all rule files below a folder, or one file.
 * @throws what reading the folder throws */
export function readRuleTree(path: string, placeholders?: ReadonlyMap<string, readonly string[]>): RuleTree {
  const files = statSync(path).isDirectory() ? listFiles(path, RULE_FILE) : ['']
  const documents: SigmaDocument[] = []
  const fileOf = new Map<SigmaDocument, string>()
  const refused: RefusedRule[] = []
  const tested: { file: string; document: SigmaDocument; tests: readonly RuleTest[] }[] = []
  const warnings: { file: string; problem: Problem }[] = []
  for (const below of files) {
    const file = below === '' ? basename(path) : below
    const whole = below === '' ? path : join(path, below)
    const { size } = statSync(whole)
    const fallbackId = basename(file).replace(RULE_FILE, '')
    if (size > RULE_FILE_BYTES_MAX) {
      const reason = `line 1, column 1: the file has ${size} bytes; a rule file may have ${RULE_FILE_BYTES_MAX}`
      refused.push({ file, id: fallbackId, title: '', reasons: [reason] })
      continue
    }
    const read = readSigma(readFileSync(whole, 'utf8'), { fallbackId, ...(placeholders ? { placeholders } : {}) })
    for (const document of read.documents) fileOf.set(document, file)
    documents.push(...read.documents)
    tested.push(...read.accepted.map(({ document, tests }) => ({ file, document, tests })))
    for (const { id, title, problems } of read.refused) {
      refused.push({ file, id, title, reasons: problems.map(printProblem) })
    }
    for (const problem of read.warnings) warnings.push({ file, problem })
  }
  const { ruleSet, misfits } = buildRuleSet(documents)
  for (const { document, reason } of misfits) {
    refused.push({
      file: fileOf.get(document) ?? '',
      id: document.head.id,
      title: document.head.title,
      reasons: [reason],
    })
  }
  return { ruleSet, refused, warnings, fileCount: files.length, tested }
}
