import { detectionError } from '../errors.ts'
import { EXCLUSION_BYTES_MAX } from '../limits.ts'
import { readOneDocument } from '../rule-text.ts'
import { type ReadAs, readSigma } from '../sigma/read.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import type { ExclusionText } from './store.ts'
import type { Exclusion } from './tuning.ts'

/** An exclusion of a rule, checked: a Sigma filter that names this rule and no other, or none by name, and whose log
 * source the rule's lies in.
 * @throws detection.rule.refused, detection.exclusion.refused, detection.rule.tooLarge */
export function readExclusion(row: ExclusionText, rule: SigmaRule, as: ReadAs): Exclusion {
  if (Buffer.byteLength(row.text) > EXCLUSION_BYTES_MAX) {
    throw detectionError('detection.rule.tooLarge', `an exclusion has at most ${EXCLUSION_BYTES_MAX} bytes`)
  }
  const { document } = readOneDocument(row.text, row.name)
  const run = readKeptExclusion(row, as)
  if (document.kind !== 'filter') {
    throw detectionError(
      'detection.exclusion.refused',
      `an exclusion is a Sigma filter, a document with \`filter\`; this is a ${document.kind}`,
    )
  }
  const { id, name } = rule.head
  const others = (document.rules ?? []).filter((each) => each !== id && each !== name)
  if (others.length > 0) {
    throw detectionError(
      'detection.exclusion.refused',
      `the filter names ${others.map((each) => `\`${each}\``).join(', ')}; an exclusion of \`${id}\` names that rule, or \`any\``,
    )
  }
  for (const word of ['product', 'category', 'service'] as const) {
    if (document.logsource[word] === undefined || document.logsource[word] === rule.logsource[word]) continue
    throw detectionError(
      'detection.exclusion.refused',
      `the filter is for ${word} \`${document.logsource[word]}\`, the rule for ${rule.logsource[word] === undefined ? 'any' : `\`${rule.logsource[word]}\``}; it would leave nothing out`,
    )
  }
  if (run) return run
  throw detectionError(
    'detection.exclusion.refused',
    'the pipelines of the workspace make of this filter what cannot be used',
  )
}

/** What was checked when it was put, through the pipelines of its workspace as its rule is; undefined where these or a newer
 * reader refuse it, and then it leaves nothing out. */
export function readKeptExclusion({ name, text, untilAt }: ExclusionText, as: ReadAs): Exclusion | undefined {
  const [document] = readSigma(text, { fallbackId: name, ...as }).documents
  if (document?.kind !== 'filter') return undefined
  return { name, filter: document, ...(untilAt === undefined ? {} : { untilAt }) }
}
