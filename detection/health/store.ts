import type { Transaction } from 'kysely'
import type { Database } from '../../platform/index.ts'
import { SOURCES_COUNTED_MAX } from '../limits.ts'
import type { SourceUse } from '../match/rule-matcher.ts'
import type { RuleCost } from '../online/rule-watcher.ts'
import type { DayTally } from '../online/shard-tally.ts'
import type { RulePlace } from '../store.ts'
import { growthOf } from './growth.ts'

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
  detection_tally_mark: {
    account: string
    workspace: string
    dataspace: string
    pipe: string
    shard: number
    since: number
    day: number
    body: string
  }
}

/** What the detectors tell of their work. */
export interface DetectorTallies {
  /** Whole figures of each shard and day that changed. */
  readonly days: readonly DayTally[]
  /** Since they last told. */
  readonly costs: readonly RuleCost[]
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
    /** Brings the sums of rules, sources and exclusions up to what is told; what is told twice counts once.
     * @param today the day that costs are booked on */
    async add({ days, costs }: DetectorTallies, today: number): Promise<void> {
      await db.write(async (tx) => {
        const rows = new RuleDays()
        for (const told of days) {
          const { account, workspace } = told.shard
          const { rules, sources } = growthOf(told, await moveMark(tx, told))
          for (const [ruleId, { matches, heldBack, excluded }] of Object.entries(rules)) {
            const row = rows.of({ account, workspace, rule_id: ruleId, day: told.day })
            row.matches += matches
            row.held_back += heldBack
            for (const [name, hits] of Object.entries(excluded)) {
              row.excluded += hits.count
              await addHits(tx, { account, workspace, ruleId, name }, hits)
            }
          }
          await addSources(tx, { account, workspace, day: told.day }, sources)
        }
        for (const { account, workspace, ruleId, ns, tests } of costs) {
          const row = rows.of({ account, workspace, rule_id: ruleId, day: today })
          row.timed_tests += tests
          row.timed_ns += ns
        }
        for (const row of rows.inOrder()) await addRuleDay(tx, row)
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
        await tx.deleteFrom('detection_tally_mark').where('day', '<', beforeDay).execute()
      })
    },
  }
}

type RuleDay = HealthTables['detection_rule_day']

/** What is to be added to each rule and day. */
class RuleDays {
  readonly #rows = new Map<string, RuleDay>()

  of(key: Pick<RuleDay, 'account' | 'workspace' | 'rule_id' | 'day'>): RuleDay {
    const name = `${key.account}/${key.workspace}/${key.rule_id}/${key.day}`
    const row = this.#rows.get(name) ?? {
      ...key,
      ...{ matches: 0, held_back: 0, excluded: 0, canary: 0, timed_tests: 0, timed_ns: 0 },
    }
    this.#rows.set(name, row)
    return row
  }

  /** Always the same, so that two writers do not wait for one another. */
  inOrder(): readonly RuleDay[] {
    return [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  }
}

/** Notes what is told now. @returns what was told before of the same shard and day */
async function moveMark(
  tx: Transaction<HealthTables>,
  { shard, since, day, rules, sources }: DayTally,
): Promise<Pick<DayTally, 'rules' | 'sources'> | undefined> {
  const { account, workspace, dataspace, pipe } = shard
  const key = { account, workspace, dataspace, pipe, shard: shard.shard, since, day }
  const known = await tx
    .selectFrom('detection_tally_mark')
    .select('body')
    .where(({ and }) => and(key))
    .executeTakeFirst()
  const body = JSON.stringify({ rules, sources })
  await tx
    .insertInto('detection_tally_mark')
    .values({ ...key, body })
    .onConflict((conflict) =>
      conflict.columns(['account', 'workspace', 'dataspace', 'pipe', 'shard', 'since', 'day']).doUpdateSet({ body }),
    )
    .execute()
  return known && (JSON.parse(known.body) as Pick<DayTally, 'rules' | 'sources'>)
}

async function addRuleDay(tx: Transaction<HealthTables>, row: RuleDay): Promise<void> {
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

async function addHits(
  tx: Transaction<HealthTables>,
  of: { readonly account: string; readonly workspace: string; readonly ruleId: string; readonly name: string },
  { count, lastAt }: { readonly count: number; readonly lastAt: number },
): Promise<void> {
  if (count === 0) return
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
    .where('account', '=', of.account)
    .where('workspace', '=', of.workspace)
    .where('rule_id', '=', of.ruleId)
    .where('name', '=', of.name)
    .execute()
}

async function addSources(
  tx: Transaction<HealthTables>,
  key: { readonly account: string; readonly workspace: string; readonly day: number },
  sources: readonly SourceUse[],
): Promise<void> {
  // A sender of made-up kinds fills no table.
  const frequent = [...sources].sort((a, b) => b.events - a.events).slice(0, SOURCES_COUNTED_MAX)
  for (const { events, ...source } of frequent) {
    await tx
      .insertInto('detection_source_day')
      .values({ ...key, source: JSON.stringify(source), events })
      .onConflict((conflict) =>
        conflict
          .columns(['account', 'workspace', 'day', 'source'])
          .doUpdateSet((old) => ({ events: old('detection_source_day.events', '+', events) })),
      )
      .execute()
  }
}
