import type { AccountId, Database } from '../../platform/index.ts'
import { SOURCES_COUNTED_MAX } from '../limits.ts'
import type { SourceUse } from '../match/rule-matcher.ts'
import type { HeldBack } from '../online/detector.ts'
import type { RuleTally, SourceTally } from '../online/rule-watcher.ts'
import type { RulePlace } from '../store.ts'

interface HealthTables {
  detection_rule_day: {
    account: string
    workspace: string
    rule_id: string
    day: number
    matches: number
    held_back: number
    excluded: number
    canary: number
    timed_tests: number
    timed_ns: number
  }
  detection_source_day: { account: string; workspace: string; day: number; source: string; events: number }
  detection_exclusion: {
    account: string
    workspace: string
    rule_id: string
    name: string
    hits: number
    last_hit_at: number | null
  }
}

/** What the detectors tell of their work since they last did. */
export interface DetectorTallies {
  readonly rules: readonly RuleTally[]
  readonly sources: readonly SourceTally[]
  readonly heldBack: readonly HeldBack[]
}

/** What a rule did over some days. */
export interface RuleSum {
  readonly ruleId: string
  readonly matches: number
  readonly heldBack: number
  readonly excluded: number
  readonly canaryFindings: number
  readonly timedTests: number
  readonly timedNs: number
}

/** The only SQL of what rules did. */
export function createHealthStore(database: Database) {
  const db = database.as<HealthTables>()

  return {
    /** Adds to what rules did in a day, and to the hits of exclusions. */
    async add({ rules, sources, heldBack }: DetectorTallies, day: number): Promise<void> {
      const rows = new Map<string, HealthTables['detection_rule_day']>()
      const rowOf = (account: AccountId, workspace: string, ruleId: string) => {
        const key = `${account}/${workspace}/${ruleId}`
        const row = rows.get(key) ?? {
          ...{ account, workspace, rule_id: ruleId, day },
          ...{ matches: 0, held_back: 0, excluded: 0, canary: 0, timed_tests: 0, timed_ns: 0 },
        }
        rows.set(key, row)
        return row
      }
      for (const { account, workspace, ruleId, matches, timed, excluded } of rules) {
        const row = rowOf(account, workspace, ruleId)
        row.matches += matches
        row.timed_tests += timed.tests
        row.timed_ns += timed.ns
        for (const { count } of Object.values(excluded)) row.excluded += count
      }
      for (const { account, workspace, ruleId, count } of heldBack) rowOf(account, workspace, ruleId).held_back += count
      await db.write(async (tx) => {
        for (const [, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
          await tx
            .insertInto('detection_rule_day')
            .values(row)
            .onConflict((conflict) =>
              conflict.columns(['account', 'workspace', 'rule_id', 'day']).doUpdateSet((old) => ({
                matches: old('detection_rule_day.matches', '+', row.matches),
                held_back: old('detection_rule_day.held_back', '+', row.held_back),
                excluded: old('detection_rule_day.excluded', '+', row.excluded),
                timed_tests: old('detection_rule_day.timed_tests', '+', row.timed_tests),
                timed_ns: old('detection_rule_day.timed_ns', '+', row.timed_ns),
              })),
            )
            .execute()
        }
        for (const { account, workspace, ruleId, excluded } of rules) {
          for (const [name, { count, lastAt }] of Object.entries(excluded)) {
            await tx
              .updateTable('detection_exclusion')
              .set((old) => ({
                hits: old('hits', '+', count),
                last_hit_at: old
                  .case()
                  .when(old.fn.coalesce('last_hit_at', old.lit(0)), '<', lastAt)
                  .then(lastAt)
                  .else(old.ref('last_hit_at'))
                  .end(),
              }))
              .where('account', '=', account)
              .where('workspace', '=', workspace)
              .where('rule_id', '=', ruleId)
              .where('name', '=', name)
              .execute()
          }
        }
        for (const [, ofPlace] of Map.groupBy(sources, ({ account, workspace }) => `${account}/${workspace}`)) {
          // A sender of made-up kinds fills no table.
          const frequent = [...ofPlace].sort((a, b) => b.events - a.events).slice(0, SOURCES_COUNTED_MAX)
          for (const { account, workspace, events, ...source } of frequent) {
            await tx
              .insertInto('detection_source_day')
              .values({ account, workspace, day, source: JSON.stringify(source), events })
              .onConflict((conflict) =>
                conflict
                  .columns(['account', 'workspace', 'day', 'source'])
                  .doUpdateSet((old) => ({ events: old('detection_source_day.events', '+', events) })),
              )
              .execute()
          }
        }
      })
    },

    /** What each rule of a workspace did since a day; rules that did nothing are not among them. */
    async sumRules({ account, workspace }: RulePlace, sinceDay: number): Promise<RuleSum[]> {
      const rows = await db.read
        .selectFrom('detection_rule_day')
        .select(({ fn }) => [
          'rule_id',
          fn.sum<number>('matches').as('matches'),
          fn.sum<number>('held_back').as('held_back'),
          fn.sum<number>('excluded').as('excluded'),
          fn.sum<number>('canary').as('canary'),
          fn.sum<number>('timed_tests').as('timed_tests'),
          fn.sum<number>('timed_ns').as('timed_ns'),
        ])
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('day', '>=', sinceDay)
        .groupBy('rule_id')
        .execute()
      return rows.map((row) => ({
        ruleId: row.rule_id,
        matches: Number(row.matches),
        heldBack: Number(row.held_back),
        excluded: Number(row.excluded),
        canaryFindings: Number(row.canary),
        timedTests: Number(row.timed_tests),
        timedNs: Number(row.timed_ns),
      }))
    },

    /** Which kinds of events came since a day, most frequent first. */
    async sumSources({ account, workspace }: RulePlace, sinceDay: number): Promise<SourceUse[]> {
      const rows = await db.read
        .selectFrom('detection_source_day')
        .select(({ fn }) => ['source', fn.sum<number>('events').as('events')])
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('day', '>=', sinceDay)
        .groupBy('source')
        .execute()
      return rows
        .map(({ source, events }) => ({
          ...(JSON.parse(source) as Omit<SourceUse, 'events'>),
          events: Number(events),
        }))
        .sort((a, b) => b.events - a.events)
    },

    async prune(beforeDay: number): Promise<void> {
      await db.write(async (tx) => {
        await tx.deleteFrom('detection_rule_day').where('day', '<', beforeDay).execute()
        await tx.deleteFrom('detection_source_day').where('day', '<', beforeDay).execute()
      })
    },
  }
}
