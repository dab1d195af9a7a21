import { type MapNode, member } from './document.ts'
import { textOf } from './head.ts'
import type { Reporter } from './problem.ts'

/** Which events a rule is meant for; names in lower case. */
export interface RuleLogsource {
  readonly product?: string
  readonly category?: string
  readonly service?: string
}

export function readLogsource(document: MapNode, reporter: Reporter): RuleLogsource {
  const entry = member(document, 'logsource')
  if (entry?.value.kind !== 'map') {
    reporter.error(
      entry?.value.at ?? document.at,
      '`logsource` takes `product`, `category`, `service`, at least one of them',
    )
    return {}
  }
  const map = entry.value
  const logsource: { product?: string; category?: string; service?: string } = {}
  for (const key of ['product', 'category', 'service'] as const) {
    const text = textOf(map, key, reporter)
    if (text !== undefined && text !== '') logsource[key] = text.toLowerCase()
  }
  if (Object.keys(logsource).length === 0) {
    reporter.error(map.at, '`logsource` names neither `product` nor `category` nor `service`; name one')
  }
  return logsource
}
