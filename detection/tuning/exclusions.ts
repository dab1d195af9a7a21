import { type Clock, requireMatch } from '../../platform/index.ts'
import { detectionError } from '../errors.ts'
import { EXCLUSIONS_PER_RULE_MAX } from '../limits.ts'
import type { LiveRules } from '../live-rules.ts'
import { readOneDocument } from '../rule-text.ts'
import type { ReadAs } from '../sigma/read.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import type { RulePlace, StoredRule } from '../store.ts'
import { readExclusion } from './exclusion-text.ts'
import type { createExclusionStore, ExclusionRow, StoredExclusion } from './store.ts'

/** What tenants leave out of rules. Kept apart from the rules: a new form of a rule, by hand or from a folder, leaves them
 * as they are. */
export interface Exclusions {
  /** Of one rule by name, or of all.   @throws detection.rule.notFound */
  listExclusions(place: RulePlace, ruleId?: string): Promise<StoredExclusion[]>
  /** @throws detection.exclusion.notFound */
  getExclusion(place: RulePlace, ruleId: string, name: string): Promise<StoredExclusion>
  /** Checks an exclusion, keeps it, and resolves when it is live.
   * @throws detection.rule.notFound, detection.rule.refused, detection.exclusion.refused, detection.exclusion.tooMany,
   * platform.http.changed */
  putExclusion(place: RulePlace, row: ExclusionRow, ifMatch: string | undefined): Promise<StoredExclusion>
  /** @throws detection.exclusion.notFound, platform.http.changed */
  deleteExclusion(place: RulePlace, ruleId: string, name: string, ifMatch: string | undefined): Promise<void>
}

export interface ExclusionsDeps {
  readonly store: ReturnType<typeof createExclusionStore>
  readonly live: LiveRules
  readonly clock: Clock
  /** @throws detection.rule.notFound */
  readonly requireRule: (place: RulePlace, id: string) => Promise<StoredRule>
}

export function createExclusions({ store, live, clock, requireRule }: ExclusionsDeps): Exclusions {
  const requireExclusion = async (place: RulePlace, ruleId: string, name: string): Promise<StoredExclusion> => {
    const exclusion = await store.find(place, ruleId, name)
    if (exclusion) return exclusion
    throw detectionError('detection.exclusion.notFound', `rule \`${ruleId}\` has no exclusion \`${name}\``)
  }

  return {
    async listExclusions(place, ruleId) {
      if (ruleId === undefined) return store.listPlace(place)
      const exclusions = await store.listRule(place, ruleId)
      if (exclusions.length === 0) await requireRule(place, ruleId)
      return exclusions
    },

    getExclusion: requireExclusion,

    putExclusion(place, row, ifMatch) {
      return live.inTurn(place, async () => {
        const rule = await requireRule(place, row.ruleId)
        readExclusion(row, requireSingle(rule), live.readOptions(place))
        const before = await store.find(place, row.ruleId, row.name)
        requireMatch(ifMatch, before?.revision ?? 0)
        if (!before && (await store.listRule(place, row.ruleId)).length >= EXCLUSIONS_PER_RULE_MAX) {
          throw detectionError(
            'detection.exclusion.tooMany',
            `a rule has at most ${EXCLUSIONS_PER_RULE_MAX} exclusions; join some, or mend the rule`,
          )
        }
        await store.put(place, row, clock.now())
        await live.changeExclusion(place, row.ruleId, row.name, row)
        return requireExclusion(place, row.ruleId, row.name)
      })
    },

    deleteExclusion(place, ruleId, name, ifMatch) {
      return live.inTurn(place, async () => {
        const before = await requireExclusion(place, ruleId, name)
        requireMatch(ifMatch, before.revision)
        await store.delete(place, ruleId, name)
        await live.changeExclusion(place, ruleId, name, undefined)
      })
    },
  }
}

/** @throws detection.exclusion.refused for what is no rule over single events */
export function requireSingle({ id, text }: Pick<StoredRule, 'id' | 'text'>, as: ReadAs = {}): SigmaRule {
  const { document } = readOneDocument(text, id, as)
  if (document.kind === 'rule') return document
  throw detectionError(
    'detection.exclusion.refused',
    document.kind === 'correlation'
      ? `\`${id}\` is a correlation; leave events out of the rules it builds on: ${document.rules.map(({ reference }) => reference).join(', ')}`
      : `\`${id}\` is a filter; change it, or leave events out of a rule`,
  )
}
