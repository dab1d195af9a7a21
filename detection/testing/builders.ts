import type { Event, JsonObject, Logsource, ShardAddress } from '../../pipeline/index.ts'
import { type AccountId, parseAccountId } from '../../platform/base/index.ts'
import type { CorrelationBudget } from '../correlate/budget.ts'
import { createDetector, type DetectorDeps, type OnlineDetector } from '../online/detector.ts'
import { createRuleWatcher, type RuleWatcher } from '../online/rule-watcher.ts'
import { readSigma, type SigmaDocument } from '../sigma/read.ts'

export const account: AccountId = parseAccountId('000000000001')
export const shard: ShardAddress = { account, workspace: 'default', dataspace: 'default', pipe: 'logs', shard: 0 }
export const START = Date.UTC(2026, 2, 1, 9)

/** The documents of a rule file; a refused one fails the test that gave it. */
export function rulesOf(...texts: readonly string[]): readonly SigmaDocument[] {
  return texts.flatMap((text, index) => {
    const file = readSigma(text, { fallbackId: `rule-${index}` })
    if (file.refused.length > 0) throw new Error(JSON.stringify(file.refused, undefined, 1))
    return file.documents
  })
}

/** A rule with this detection, written in YAML flow form. */
export function ruleText(id: string, detection: string, more = ''): string {
  return `title: Rule ${id}\nid: ${id}\nlevel: high\nlogsource: {product: test}\ndetection: ${detection}\n${more}`
}

export function anEvent(
  offset: number,
  original: JsonObject,
  more: { time?: number; receivedAt?: number; ocsf?: JsonObject; logsource?: Logsource } = {},
): Event {
  const time = more.time ?? START + offset * 1000
  return {
    offset,
    receivedAt: more.receivedAt ?? time,
    time,
    original,
    ocsf: more.ocsf ?? {},
    logsource: more.logsource ?? { product: 'test' },
    raw: JSON.stringify(original),
  }
}

/** A detector whose only watcher are its `rules`.
 * @param deps dir: without one, windows do not outlast it */
export function aRuleDetector({
  dir,
  budget,
  ...deps
}: Omit<DetectorDeps, 'watchers'> & {
  readonly dir?: string
  readonly budget?: CorrelationBudget
} = {}): OnlineDetector & { readonly rules: RuleWatcher } {
  const rules = createRuleWatcher({ ...(dir === undefined ? {} : { dir }), ...(budget ? { budget } : {}) })
  return { ...createDetector({ ...deps, watchers: [rules] }), rules }
}
