import type { Database } from '../../platform/index.ts'
import { ROWS_PER_STATEMENT } from '../limits.ts'
import type { Finding } from '../online/finding.ts'
import type { RulePlace } from '../store.ts'

interface CanaryTables {
  detection_canary_finding: {
    account: string
    workspace: string
    rule_id: string
    id: string
    found_at: number
    taken_at: number
    body: string
  }
  detection_rule_day: {
    account: string
    workspace: string
    rule_id: string
    day: number
    canary: number
    matches: number
    held_back: number
    excluded: number
    timed_tests: number
    timed_ns: number
  }
}

/** What a canary found, as it is listed. */
export interface CanaryFinding extends Pick<Finding, 'id' | 'time' | 'recordIds' | 'entities' | 'group'> {
  readonly ruleId: string
}

/** The only SQL of what canaries found. */
export function createCanaryStore(database: Database) {
  const db = database.as<CanaryTables>()

  return {
    /** Keeps findings of one workspace that were not kept before, in one transaction with their counts of the day.
     * @returns how many were new */
    async take(
      { account, workspace }: RulePlace,
      findings: readonly Finding[],
      at: { readonly now: number; readonly day: number },
    ): Promise<number> {
      return db.write(async (tx) => {
        const fresh = new Map<string, number>()
        for (let from = 0; from < findings.length; from += ROWS_PER_STATEMENT) {
          const rows = await tx
            .insertInto('detection_canary_finding')
            .values(
              findings.slice(from, from + ROWS_PER_STATEMENT).map(({ id, rule, time, recordIds, entities, group }) => ({
                ...{ account, workspace, rule_id: rule.id, id, found_at: time, taken_at: at.now },
                body: JSON.stringify({ recordIds, entities, ...(group ? { group } : {}) }),
              })),
            )
            .onConflict((conflict) => conflict.doNothing())
            .returning('rule_id')
            .execute()
          for (const row of rows) fresh.set(row.rule_id, (fresh.get(row.rule_id) ?? 0) + 1)
        }
        for (const [ruleId, count] of [...fresh].sort(([a], [b]) => (a < b ? -1 : 1))) {
          const zero = { matches: 0, held_back: 0, excluded: 0, timed_tests: 0, timed_ns: 0 }
          await tx
            .insertInto('detection_rule_day')
            .values({ account, workspace, rule_id: ruleId, day: at.day, canary: count, ...zero })
            .onConflict((conflict) =>
              conflict
                .columns(['account', 'workspace', 'rule_id', 'day'])
                .doUpdateSet((old) => ({ canary: old('detection_rule_day.canary', '+', count) })),
            )
            .execute()
        }
        return [...fresh.values()].reduce((sum, count) => sum + count, 0)
      })
    },

    /** Newest first, from before `before` on. */
    async list(
      { account, workspace }: RulePlace,
      ruleId: string,
      page: { readonly before?: { readonly time: number; readonly id: string }; readonly limit: number },
    ): Promise<CanaryFinding[]> {
      let query = db.read
        .selectFrom('detection_canary_finding')
        .selectAll()
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('rule_id', '=', ruleId)
        .orderBy('found_at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit)
      const { before } = page
      if (before) {
        query = query.where(({ or, and, eb }) =>
          or([eb('found_at', '<', before.time), and([eb('found_at', '=', before.time), eb('id', '<', before.id)])]),
        )
      }
      const rows = await query.execute()
      return rows.map(({ id, rule_id, found_at, body }) => ({
        ...(JSON.parse(body) as Pick<CanaryFinding, 'recordIds' | 'entities' | 'group'>),
        id,
        ruleId: rule_id,
        time: found_at,
      }))
    },

    /** Forgets what is old, and of each rule the oldest above `keptMax`. */
    async prune(bounds: { readonly before: number; readonly keptMax: number }): Promise<void> {
      await db.write(async (tx) => {
        await tx.deleteFrom('detection_canary_finding').where('taken_at', '<', bounds.before).execute()
        const crowded = await tx
          .selectFrom('detection_canary_finding')
          .select(['account', 'workspace', 'rule_id'])
          .groupBy(['account', 'workspace', 'rule_id'])
          .having((having) => having.fn.countAll<number>(), '>', bounds.keptMax)
          .execute()
        for (const { account, workspace, rule_id } of crowded) {
          const ofRule = tx
            .selectFrom('detection_canary_finding')
            .where('account', '=', account)
            .where('workspace', '=', workspace)
            .where('rule_id', '=', rule_id)
          const last = await ofRule
            .select('found_at')
            .orderBy('found_at', 'desc')
            .offset(bounds.keptMax)
            .limit(1)
            .executeTakeFirst()
          if (!last) continue
          await tx
            .deleteFrom('detection_canary_finding')
            .where('account', '=', account)
            .where('workspace', '=', workspace)
            .where('rule_id', '=', rule_id)
            .where('found_at', '<=', last.found_at)
            .execute()
        }
      })
    },
  }
}
