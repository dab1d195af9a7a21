import { type Selectable, type SelectQueryBuilder, sql, type Transaction } from 'kysely'
import type { Database } from '../db/database.ts'
import { jobError } from './errors.ts'
import { OPEN_PER_ACCOUNT_MAX } from './limits.ts'
import type { Job, JobAccount, JobFailure, JobState } from './types.ts'

interface JobRow {
  account: JobAccount
  id: string
  kind: string
  /** The caller's idempotency key; a kind's own name where it is periodic. */
  key: string | null
  input: string
  state: JobState
  percent: number
  note: string | null
  output: string | null
  error_code: string | null
  error_message: string | null
  attempts: number
  /** Grows each time a process takes the job. INVARIANT (fencing): what a process writes about a job names the epoch it
   * took it in, and changes nothing once that is past. */
  epoch: number
  owner: string | null
  cancel_requested: number
  /** queued: when it is due; running: when its lease ends; ended: null. */
  wake_at: number | null
  created_at: number
  started_at: number | null
  ended_at: number | null
}

interface JobTables {
  job: JobRow
}

/** A job as the process that took it knows it. */
export interface Held {
  readonly account: JobAccount
  readonly id: string
  readonly kind: string
  readonly input: unknown
  readonly epoch: number
  readonly attempts: number
}

/** What a kind's jobs are taken under. */
export interface TakeTerms {
  readonly leaseMs: number
  readonly attemptsMax: number
  /** Given for a periodic kind, whose job never ends. */
  readonly everyMs: number | undefined
}

/** A transaction in which a handler writes its effects; its folder's store knows the tables. */
export type JobTransaction = Transaction<unknown>

export type JobStore = ReturnType<typeof createJobStore>

/** The table of jobs. Times are the database's clock, so that processes on machines whose clocks differ agree on whose
 * lease is over. */
export function createJobStore(shared: Database) {
  const database = shared.as<JobTables>()
  const now =
    database.dialect === 'postgres'
      ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
      : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`
  const after = (ms: number) => sql<number>`${now} + ${sql.lit(Math.ceil(ms))}`

  const ofHolder = (tx: Transaction<JobTables>, held: Held) =>
    tx
      .updateTable('job')
      .where('account', '=', held.account)
      .where('id', '=', held.id)
      .where('epoch', '=', held.epoch)
      .where('state', '=', 'running')

  const skippingLocked = <O>(query: SelectQueryBuilder<JobTables, 'job', O>) =>
    database.dialect === 'postgres' ? query.forUpdate().skipLocked() : query

  const takeRow = async (
    tx: Transaction<JobTables>,
    row: Selectable<JobRow>,
    terms: TakeTerms,
    owner: string,
  ): Promise<Held | undefined> => {
    const update = tx.updateTable('job').where('account', '=', row.account).where('id', '=', row.id)
    if (row.cancel_requested !== 0) {
      await update.set({ ...ended('cancelled'), ended_at: now }).execute()
      return undefined
    }
    if (row.attempts >= terms.attemptsMax) {
      const error = errorColumns({
        code: 'platform.job.gaveUp',
        message: `its process ended ${row.attempts} times before it was done`,
      })
      const next =
        terms.everyMs === undefined
          ? { ...ended('failed'), ended_at: now }
          : { state: 'queued' as const, owner: null, attempts: 0, wake_at: after(terms.everyMs) }
      await update.set({ ...next, ...error }).execute()
      return undefined
    }
    const { account, id, kind } = row
    const [epoch, attempts] = [row.epoch + 1, row.attempts + 1]
    await update
      .set({
        state: 'running',
        epoch,
        attempts,
        owner,
        wake_at: after(terms.leaseMs),
        started_at: sql`coalesce(started_at, ${now})`,
        percent: 0,
        note: null,
      })
      .execute()
    return { account, id, kind, input: JSON.parse(row.input) as unknown, epoch, attempts }
  }

  return {
    /** Queues a job, or gives the one that was queued under the same key.
     * @throws platform.job.tooMany */
    async put(job: {
      readonly account: JobAccount
      readonly id: string
      readonly kind: string
      readonly key: string | undefined
      readonly input: string
    }): Promise<Job> {
      return database.write(async (tx) => {
        const { open } = await tx
          .selectFrom('job')
          .select((select) => select.fn.countAll<number>().as('open'))
          .where('account', '=', job.account)
          .where('ended_at', 'is', null)
          .executeTakeFirstOrThrow()
        if (open >= OPEN_PER_ACCOUNT_MAX) {
          throw jobError('platform.job.tooMany', `${open} jobs of this account have not ended; wait for some to end`, {
            retryAfterSec: 30,
          })
        }
        const made = await tx
          .insertInto('job')
          .values({ ...newRow, ...job, key: job.key ?? null, wake_at: now, created_at: now })
          .onConflict((conflict) => conflict.columns(['account', 'kind', 'key']).doNothing())
          .returningAll()
          .executeTakeFirst()
        if (made) return toJob(made)
        const found = await tx
          .selectFrom('job')
          .selectAll()
          .where('account', '=', job.account)
          .where('kind', '=', job.kind)
          .where('key', '=', job.key ?? '')
          .executeTakeFirstOrThrow()
        return toJob(found)
      })
    },

    /** Sees to it that the one job of a periodic kind is there, and due no later than a period from now. */
    async putPeriodic(job: { readonly id: string; readonly kind: string; readonly everyMs: number }): Promise<void> {
      const { id, kind } = job
      await database.write(async (tx) => {
        await tx
          .insertInto('job')
          .values({
            ...newRow,
            account: 'rampart',
            id,
            kind,
            key: kind,
            input: 'null',
            wake_at: now,
            created_at: now,
          })
          .onConflict((conflict) => conflict.columns(['account', 'kind', 'key']).doNothing())
          .execute()
        await tx
          .updateTable('job')
          .set({ wake_at: after(job.everyMs) })
          .where('account', '=', 'rampart')
          .where('kind', '=', kind)
          .where('key', '=', kind)
          .where('state', '=', 'queued')
          .where('wake_at', '>', after(job.everyMs))
          .execute()
      })
    },

    /** Takes jobs that are due or whose lease is over, each for one process only. */
    async take(kinds: ReadonlyMap<string, TakeTerms>, owner: string, countMax: number): Promise<Held[]> {
      const due = (query: SelectQueryBuilder<JobTables, 'job', unknown>) =>
        query
          .where('wake_at', '<=', now)
          .where('kind', 'in', [...kinds.keys()])
          .orderBy('wake_at')
          .limit(countMax)
      // A look without a transaction first: most looks find nothing, and on SQLite each transaction is an fsync.
      const [any] = await due(database.read.selectFrom('job')).select('id').execute()
      if (!any) return []
      return database.write(async (tx) => {
        const rows = await skippingLocked(due(tx.selectFrom('job')).selectAll()).execute()
        const taken: Held[] = []
        for (const row of rows) {
          const terms = kinds.get(row.kind)
          const held = terms && (await takeRow(tx, row, terms, owner))
          if (held) taken.push(held)
        }
        return taken
      })
    },

    /** How long until the next job is due or a lease ends; undefined where nothing waits. */
    async nextDueMs(kinds: Iterable<string>): Promise<number | undefined> {
      const row = await database.read
        .selectFrom('job')
        .select((select) => sql<number | null>`${select.fn.min('wake_at')} - ${now}`.as('ms'))
        .where('wake_at', 'is not', null)
        .where('kind', 'in', [...kinds])
        .executeTakeFirst()
      return row?.ms ?? undefined
    },

    /** Writes progress and prolongs the lease. */
    async renew(
      held: Held,
      progress: { readonly percent: number; readonly note: string | undefined; readonly leaseMs: number },
    ): Promise<'held' | 'cancelled' | 'lost'> {
      const row = await database.write((tx) =>
        ofHolder(tx, held)
          .set({ percent: progress.percent, note: progress.note ?? null, wake_at: after(progress.leaseMs) })
          .returning('cancel_requested')
          .executeTakeFirst(),
      )
      if (!row) return 'lost'
      return row.cancel_requested === 0 ? 'held' : 'cancelled'
    },

    /** Runs `work` in a transaction that the holder alone can commit.
     * @throws platform.job.leaseLost where another process has the job by now */
    fenced<T>(held: Held, work: (tx: JobTransaction) => Promise<T>): Promise<T> {
      return database.write(async (tx) => {
        // Touches the row: on PostgreSQL a taker waits for this transaction to end.
        const row = await ofHolder(tx, held).set({ owner: sql`owner` }).returning('id').executeTakeFirst()
        if (!row) throw jobError('platform.job.leaseLost', `job ${held.id} is run by another process by now`)
        return work(tx as JobTransaction)
      })
    },

    /** Ends the job. @returns false where it was not the holder's any more */
    end(
      held: Held,
      outcome: { readonly state: 'succeeded' | 'failed' | 'cancelled'; output?: string; error?: JobFailure },
    ): Promise<boolean> {
      return database.write(async (tx) => {
        const row = await ofHolder(tx, held)
          .set({
            ...ended(outcome.state),
            ended_at: now,
            output: outcome.output ?? null,
            ...errorColumns(outcome.error),
            ...(outcome.state === 'succeeded' ? { percent: 100 } : {}),
          })
          .returning('id')
          .executeTakeFirst()
        return row !== undefined
      })
    },

    /** Queues the job again: after a failure, for the next period, or at once for another process to go on.
     * @param attempts counted so far */
    requeue(
      held: Held,
      next: { readonly afterMs: number; readonly attempts: number; readonly error?: JobFailure },
    ): Promise<boolean> {
      return database.write(async (tx) => {
        const row = await ofHolder(tx, held)
          .set({
            state: 'queued',
            owner: null,
            attempts: next.attempts,
            wake_at: after(next.afterMs),
            ...errorColumns(next.error),
          })
          .returning('id')
          .executeTakeFirst()
        return row !== undefined
      })
    },

    /** Cancels a queued job; asks the holder of a running one to stop.
     * @throws platform.job.notFound, platform.job.ended */
    async cancel(account: JobAccount, id: string): Promise<Job> {
      return database.write(async (tx) => {
        const update = tx.updateTable('job').where('account', '=', account).where('id', '=', id)
        const cancelled = await update
          .where('state', '=', 'queued')
          .set({ ...ended('cancelled'), ended_at: now })
          .returningAll()
          .executeTakeFirst()
        if (cancelled) return toJob(cancelled)
        const asked = await update
          .where('state', '=', 'running')
          .set({ cancel_requested: 1 })
          .returningAll()
          .executeTakeFirst()
        if (asked) return toJob(asked)
        const row = await tx
          .selectFrom('job')
          .select('state')
          .where('account', '=', account)
          .where('id', '=', id)
          .executeTakeFirst()
        if (!row) throw notFound(id)
        throw jobError('platform.job.ended', `the job has ${row.state} already`)
      })
    },

    /** @throws platform.job.notFound */
    async get(account: JobAccount, id: string): Promise<Job> {
      const row = await database.read
        .selectFrom('job')
        .selectAll()
        .where('account', '=', account)
        .where('id', '=', id)
        .executeTakeFirst()
      if (!row) throw notFound(id)
      return toJob(row)
    },

    /** Newest first. */
    async list(account: JobAccount, page: { readonly beforeId?: string; readonly countMax: number }): Promise<Job[]> {
      let query = database.read.selectFrom('job').selectAll().where('account', '=', account)
      if (page.beforeId !== undefined) query = query.where('id', '<', page.beforeId)
      const rows = await query.orderBy('id', 'desc').limit(page.countMax).execute()
      return rows.map(toJob)
    },

    /** How many jobs wait or run, over all accounts. */
    async countOpen(): Promise<{ readonly queued: number; readonly running: number }> {
      const rows = await database.read
        .selectFrom('job')
        .select(['state', (select) => select.fn.countAll<number>().as('count')])
        .where('ended_at', 'is', null)
        .groupBy('state')
        .execute()
      const of = (state: JobState) => rows.find((row) => row.state === state)?.count ?? 0
      return { queued: of('queued'), running: of('running') }
    },

    /** Deletes jobs that ended longer ago, over all accounts: upkeep of the table, not of a tenant.
     * @returns how many */
    async prune(olderThanMs: number, countMax: number): Promise<number> {
      return database.write(async (tx) => {
        const rows = await tx
          .selectFrom('job')
          .select(['account', 'id'])
          .where('ended_at', '<', after(-olderThanMs))
          .limit(countMax)
          .execute()
        for (const { account, id } of rows) {
          await tx.deleteFrom('job').where('account', '=', account).where('id', '=', id).execute()
        }
        return rows.length
      })
    },
  }
}

const newRow = {
  state: 'queued',
  percent: 0,
  attempts: 0,
  epoch: 0,
  cancel_requested: 0,
} as const

function ended(state: JobState) {
  return { state, owner: null, wake_at: null }
}

function errorColumns(error: JobFailure | undefined) {
  return { error_code: error?.code ?? null, error_message: error?.message ?? null }
}

function notFound(id: string) {
  return jobError('platform.job.notFound', `no job \`${id}\` is here; ended jobs are kept for seven days`)
}

function toJob(row: Selectable<JobRow>): Job {
  return {
    account: row.account,
    id: row.id,
    kind: row.kind,
    state: row.state,
    progress: row.percent,
    attempts: row.attempts,
    createdAt: row.created_at,
    ...(row.note === null ? {} : { note: row.note }),
    ...(row.output === null ? {} : { output: JSON.parse(row.output) as unknown }),
    ...(row.error_code === null ? {} : { error: { code: row.error_code, message: row.error_message ?? '' } }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  }
}
