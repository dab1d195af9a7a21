import type { RuleLogsource } from '../logsource.ts'
import type { SigmaDocument } from '../read.ts'

/** Tells the log sources that a name stands for among documents: a rule's own, those of all rules under a correlation. */
export function logsourcesIn(documents: readonly SigmaDocument[]): (reference: string) => readonly RuleLogsource[] {
  const byName = new Map<string, SigmaDocument>()
  for (const document of documents) {
    byName.set(document.head.id, document)
    if (document.head.name !== undefined) byName.set(document.head.name, document)
  }
  const find = (reference: string, seen: ReadonlySet<string>): readonly RuleLogsource[] => {
    const document = byName.get(reference)
    if (!document || seen.has(reference)) return []
    if (document.kind !== 'correlation') return [document.logsource]
    return document.rules.flatMap((rule) => find(rule.reference, new Set([...seen, reference])))
  }
  return (reference) => find(reference, new Set())
}
