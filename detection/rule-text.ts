import type { FieldError } from '../platform/base/index.ts'
import { detectionError } from './errors.ts'
import { RULE_FILE_BYTES_MAX } from './limits.ts'
import { buildRuleSet } from './rule-set.ts'
import type { Problem } from './sigma/problem.ts'
import { type ReadAs, readSigma, type SigmaDocument } from './sigma/read.ts'

/** A body's one document.
 * @throws detection.rule.tooLarge, detection.rule.refused with every line that is wrong */
export function readOneDocument(
  text: string,
  fallbackId: string,
  as: ReadAs = {},
): { readonly document: SigmaDocument; readonly warnings: readonly Problem[] } {
  const { documents, warnings } = readDocuments(text, fallbackId, as)
  const [document] = documents
  if (!document || documents.length > 1) {
    throw detectionError(
      'detection.rule.refused',
      `the body holds ${documents.length} documents; put one at a time, or import a folder`,
    )
  }
  return { document, warnings }
}

/** All documents of a body.   @throws detection.rule.tooLarge, detection.rule.refused */
export function readDocuments(
  text: string,
  fallbackId: string,
  as: ReadAs = {},
): { readonly documents: readonly SigmaDocument[]; readonly warnings: readonly Problem[] } {
  const bytes = Buffer.byteLength(text)
  if (bytes > RULE_FILE_BYTES_MAX) {
    throw detectionError('detection.rule.tooLarge', `the rule has ${bytes} bytes; ${RULE_FILE_BYTES_MAX} are allowed`)
  }
  const { documents, refused, warnings } = readSigma(text, { fallbackId, ...as })
  const problems = refused.flatMap((document) => document.problems)
  if (problems.length > 0 || documents.length === 0) {
    const errors = problems.map(fieldError)
    throw detectionError('detection.rule.refused', errors[0]?.message ?? 'the body holds no rule; send Sigma as YAML', {
      errors,
    })
  }
  return { documents, warnings }
}

/** @throws detection.rule.refused when it cannot be used beside the others, or they no longer beside it */
export function requireFitting(document: SigmaDocument, others: ReadonlyMap<string, SigmaDocument>): void {
  const documents = new Map(others).set(document.head.id, document)
  const { misfits } = buildRuleSet([...documents.values()])
  const broken = misfits.find((misfit) => misfit.document === document) ?? misfits[0]
  if (!broken) return
  const message =
    broken.document === document
      ? broken.reason
      : `with it, ${broken.document.head.id} could not be used: ${broken.reason}`
  throw detectionError('detection.rule.refused', message)
}

/** @throws detection.rule.inUse */
export function requireUnused(id: string, documents: ReadonlyMap<string, SigmaDocument>): void {
  const { ruleSet } = buildRuleSet([...documents.values()])
  const users = ruleSet.correlations
    .filter(({ ruleIds }) => ruleIds.includes(id))
    .map(({ correlation }) => correlation.head.id)
  if (users.length === 0) return
  throw detectionError(
    'detection.rule.inUse',
    `the correlation ${users.join(', ')} builds on \`${id}\`; take that one away first`,
  )
}

/** A problem as an answer names it. */
export function fieldError({ line, column, message }: Problem): FieldError {
  return { path: `line ${line}, column ${column}`, message }
}
