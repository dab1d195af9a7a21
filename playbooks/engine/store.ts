import {
  type ExpressionBuilder,
  type Insertable,
  type RawBuilder,
  type Selectable,
  type SqlBool,
  sql,
  type Transaction,
} from 'kysely'
import type { AccountId, Database } from '../../platform/index.ts'
import { RUNNING_PER_ACCOUNT_MAX, SUSPECT_CLAIMS_MIN } from '../limits.ts'
import type { RunStatus } from '../types.ts'
import { CLOCK_SLACK_MS } from './decide.ts'
import { EVENT_VERSION, type Origin } from './events.ts'
import { keyOf } from './key.ts'

export interface RunTable {
  account: AccountId
  id: string
  workspace: string
  playbook_id: string
  revision: string
  trigger_id: string | null
  trigger_key: string
  started_by: string
  status: RunStatus
  epoch: number
  lease_owner: string | null
  lease_until: number | null
  fruitless_claims: number
  /** Counts what arrived; a commit that has not seen all of it looks again. */
  signals: number
  wake_at: number | null
  wake_set_at: number
  history_length: number
  history_bytes: number
  created_at: number
  ended_at: number | null
}

interface EventTable {
  account: AccountId
  run_id: string
  seq: number
  type: string
  step: string | null
  version: number
  at: number
  epoch: number
  payload: Uint8Array
}

interface TaskTable {
  account: AccountId
  id: string
  workspace: string
  playbook_id: string
  revision: string
  run_id: string
  step: string
  attempt: number
  action: string
  state: 'ready' | 'leased' | 'done' | 'lost'
  due_at: number
  set_at: number
  started_at: number | null
  aborted: number
  epoch: number
  lease_owner: string | null
  lease_until: number | null
  input: Uint8Array
  result: Uint8Array | null
}

interface EffectTable {
  account: AccountId
  connection: string
  action: string
  idem_key: string
  state: 'started' | 'done' | 'failed'
  asked_at: number
  result: Uint8Array | null
}

interface SignalTable {
  account: AccountId
  id: string
  run_id: string
  at: number
  payload: Uint8Array
}

/** The columns of an approval that a run's end or expiry changes; the rest is approvals.ts's. */
export interface ApprovalTable {
  account: AccountId
  id: string
  workspace: string
  playbook_id: string
  run_id: string
  step: string
  state: 'open' | 'approved' | 'rejected' | 'expired' | 'cancelled'
  initiator: string
  asked_at: number
  expires_at: number
  decided_at: number | null
  content: Uint8Array
  decisions: Uint8Array
}

export interface RunTables {
  playbook_run: RunTable
  playbook_run_event: EventTable
  playbook_task: TaskTable
  playbook_effect: EffectTable
  playbook_signal: SignalTable
  playbook_approval: ApprovalTable
}

export type RunTransaction = Transaction<RunTables>
export type RunRow = Selectable<RunTable>
export type TaskRow = Selectable<TaskTable>
export type ApprovalRow = Selectable<ApprovalTable>
export type SignalRow = Selectable<SignalTable>
export type EventRow = Insertable<EventTable>

/** An attempt to be made. `begins`: at once, by the process that schedules it; it is leased in the same transaction, and
 * the effect entered in the ledger. */
export interface NewTask {
  readonly row: Omit<
    Insertable<TaskTable>,
    'state' | 'started_at' | 'aborted' | 'epoch' | 'lease_owner' | 'lease_until' | 'result'
  >
  readonly begins: boolean
}

/** An attempt that this process may make now. */
export interface LeasedTask {
  readonly task: TaskRow
  /** The stored result, where the ledger knows that the effect happened. */
  readonly done: Uint8Array | undefined
}

export type CommitOutcome =
  | { readonly kind: 'ok'; readonly begun: readonly LeasedTask[] }
  /** Somebody else has the run: all of this is void. */
  | { readonly kind: 'fenced' }
  /** A person decided what this expires: look again. */
  | { readonly kind: 'conflict' }

/** A run to be: its row and its first events. */
export interface NewRun {
  readonly account: AccountId
  readonly id: string
  readonly workspace: string
  readonly playbookId: string
  readonly revision: string
  readonly triggerId: string | undefined
  /** One run for ever per (playbook, key). */
  readonly triggerKey: string
  readonly origin: Origin
  /** `run.created`, and `run.finished` where it was over before it began. */
  readonly events: readonly { readonly type: string; readonly payload: Uint8Array }[]
  readonly now: number
}

/** Everything that one advance of a run changes, in one transaction. */
export interface Commit {
  readonly run: RunRow
  readonly owner: string
  readonly now: number
  readonly status: RunStatus
  /** null once the run has ended. */
  readonly wakeAt: number | null
  readonly events: readonly EventRow[]
  readonly tasks: readonly NewTask[]
  readonly consumedTasks: readonly string[]
  readonly consumedSignals: readonly string[]
  readonly approvals: readonly Insertable<ApprovalTable>[]
  readonly closedApprovals: readonly { readonly id: string; readonly state: 'expired' | 'cancelled' }[]
  /** Ends attempts: all of them, or those that have not begun. */
  readonly abort: 'all' | 'ready' | undefined
}

/** Where a claim or lease stands in for a person: its owner's name, and until when by the database's clock. */
export interface Lease {
  readonly owner: string
  readonly ms: number
}

const CONNECTION = 'default'
/** SQLite takes 32,766 parameters, PostgreSQL 65,535; an event has nine. */
const ROWS_PER_INSERT = 500
const RUNS_FORGOTTEN_MAX = 100

class Conflict extends Error {}

/** The only SQL on runs, their events, tasks, effects and signals. What takes no account is the engine's own work over
 * all of them; what a caller asks for takes one. */
export class RunStore {
  readonly #database: Database<RunTables>
  readonly #lease: Lease

  constructor(database: Database, lease: Lease) {
    this.#database = database.as<RunTables>()
    this.#lease = lease
  }

  write<T>(work: (tx: RunTransaction) => Promise<T>): Promise<T> {
    return this.#database.write(work)
  }

  /** @returns the run of this key: the new one, or the one that was there. */
  async create(tx: RunTransaction, run: NewRun): Promise<{ readonly runId: string; readonly isNew: boolean }> {
    const isOver = run.events.length > 1
    const inserted = await tx
      .insertInto('playbook_run')
      .values({
        account: run.account,
        id: run.id,
        workspace: run.workspace,
        playbook_id: run.playbookId,
        revision: run.revision,
        trigger_id: run.triggerId ?? null,
        trigger_key: run.triggerKey,
        started_by: run.origin.startedBy,
        status: isOver ? 'failed' : 'queued',
        epoch: 0,
        lease_owner: null,
        lease_until: null,
        fruitless_claims: 0,
        signals: 0,
        wake_at: isOver ? null : run.now,
        wake_set_at: run.now,
        history_length: run.events.length,
        history_bytes: run.events.reduce((sum, event) => sum + event.payload.length, 0),
        created_at: run.now,
        ended_at: isOver ? run.now : null,
      })
      .onConflict((conflict) => conflict.columns(['account', 'workspace', 'playbook_id', 'trigger_key']).doNothing())
      .returning('id')
      .executeTakeFirst()
    if (!inserted) return { runId: (await this.findByKey(tx, run)) ?? run.id, isNew: false }
    await tx
      .insertInto('playbook_run_event')
      .values(
        run.events.map(({ type, payload }, index) => ({
          account: run.account,
          run_id: run.id,
          seq: index + 1,
          type,
          step: null,
          version: EVENT_VERSION,
          at: run.now,
          epoch: 0,
          payload,
        })),
      )
      .execute()
    return { runId: run.id, isNew: true }
  }

  /** The run that a trigger key already started. */
  async findByKey(
    tx: RunTransaction,
    key: Pick<NewRun, 'account' | 'workspace' | 'playbookId' | 'triggerKey'>,
  ): Promise<string | undefined> {
    const row = await tx
      .selectFrom('playbook_run')
      .select('id')
      .where('account', '=', key.account)
      .where('workspace', '=', key.workspace)
      .where('playbook_id', '=', key.playbookId)
      .where('trigger_key', '=', key.triggerKey)
      .executeTakeFirst()
    return row?.id
  }

  /** Takes runs that are due and that nobody else has: from here on only the new epoch may write them. Of those that were
   * taken up in vain before, `suspect` ones, one beside `max` others: it may be what its worker died of. */
  async claim(now: number, max: number, { suspect = true } = {}): Promise<readonly RunRow[]> {
    const busy = await this.#busyAccounts()
    return this.write(async (tx) => {
      const runs = await this.#claimDue(tx, now, busy, { max, suspects: false })
      if (!suspect) return runs
      return [...runs, ...(await this.#claimDue(tx, now, busy, { max: 1, suspects: true }))]
    })
  }

  #claimDue(
    tx: RunTransaction,
    now: number,
    busy: readonly AccountId[],
    { max, suspects }: { readonly max: number; readonly suspects: boolean },
  ): Promise<readonly RunRow[]> {
    return tx
      .updateTable('playbook_run')
      .set((eb) => this.#claiming(eb))
      .where('id', 'in', (eb) =>
        eb
          .selectFrom('playbook_run as due')
          .select('due.id')
          .where(this.#isDue('due.wake_at', 'due.wake_set_at', now))
          .where(this.#isFree('due.lease_until'))
          .where('due.fruitless_claims', suspects ? '>=' : '<', SUSPECT_CLAIMS_MIN)
          .$if(busy.length > 0, (query) =>
            query.where((where) =>
              where.or([where('due.status', '!=', 'queued'), where('due.account', 'not in', busy)]),
            ),
          )
          .$if(suspects, (query) => query.orderBy('due.fruitless_claims'))
          .orderBy('due.wake_at')
          .limit(max)
          .$if(this.#database.dialect === 'postgres', (query) => query.forUpdate().skipLocked()),
      )
      .returningAll()
      .execute()
  }

  /** Accounts that have as many runs under way as they may. */
  async #busyAccounts(): Promise<readonly AccountId[]> {
    const rows = await this.#database.read
      .selectFrom('playbook_run')
      .select('account')
      .where('status', '=', 'running')
      .groupBy('account')
      .having((eb) => eb.fn.countAll<number>(), '>=', RUNNING_PER_ACCOUNT_MAX)
      .execute()
    return rows.map((row) => row.account)
  }

  history(runId: string): Promise<readonly Selectable<EventTable>[]> {
    return this.#database.read
      .selectFrom('playbook_run_event')
      .selectAll()
      .where('run_id', '=', runId)
      .orderBy('seq')
      .execute()
  }

  tasks(runId: string): Promise<readonly TaskRow[]> {
    return this.#database.read.selectFrom('playbook_task').selectAll().where('run_id', '=', runId).execute()
  }

  signals(runId: string): Promise<readonly SignalRow[]> {
    return this.#database.read
      .selectFrom('playbook_signal')
      .selectAll()
      .where('run_id', '=', runId)
      .orderBy('id')
      .execute()
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    try {
      return await this.write((tx) => this.#commit(tx, commit))
    } catch (error) {
      if (error instanceof Conflict) return { kind: 'conflict' }
      throw error
    }
  }

  async #commit(tx: RunTransaction, commit: Commit): Promise<CommitOutcome> {
    const { run, now } = commit
    const bytes = commit.events.reduce((sum, event) => sum + event.payload.length, 0)
    const ended = commit.wakeAt === null
    const updated = await tx
      .updateTable('playbook_run')
      .set((eb) => ({
        status: commit.status,
        lease_owner: null,
        lease_until: null,
        fruitless_claims: 0,
        wake_at: ended
          ? null
          : sql<number>`case when signals = ${run.signals} then cast(${commit.wakeAt} as bigint) else cast(${now} as bigint) end`,
        wake_set_at: now,
        history_length: eb('history_length', '+', commit.events.length),
        history_bytes: eb('history_bytes', '+', bytes),
        ended_at: ended ? now : null,
      }))
      .where('id', '=', run.id)
      .where('epoch', '=', run.epoch)
      .where('lease_owner', '=', commit.owner)
      .where('history_length', '=', run.history_length)
      .returning('id')
      .execute()
    if (updated.length === 0) return { kind: 'fenced' }
    for (let from = 0; from < commit.events.length; from += ROWS_PER_INSERT) {
      await tx
        .insertInto('playbook_run_event')
        .values(commit.events.slice(from, from + ROWS_PER_INSERT))
        .execute()
    }
    if (commit.consumedTasks.length > 0) {
      await tx.deleteFrom('playbook_task').where('id', 'in', commit.consumedTasks).execute()
    }
    if (commit.consumedSignals.length > 0) {
      await tx.deleteFrom('playbook_signal').where('id', 'in', commit.consumedSignals).execute()
    }
    if (ended) {
      await tx.deleteFrom('playbook_task').where('run_id', '=', run.id).execute()
      await tx.deleteFrom('playbook_signal').where('run_id', '=', run.id).execute()
    } else if (commit.abort) {
      await tx
        .updateTable('playbook_task')
        .set({ aborted: 1, due_at: now, set_at: now })
        .where('run_id', '=', run.id)
        .where('state', 'in', commit.abort === 'all' ? ['ready', 'leased'] : ['ready'])
        .execute()
    }
    const begun: LeasedTask[] = []
    for (const { row, begins } of commit.tasks) {
      const task = await tx
        .insertInto('playbook_task')
        .values({
          ...row,
          state: begins ? 'leased' : 'ready',
          started_at: begins ? now : null,
          aborted: 0,
          epoch: begins ? 1 : 0,
          lease_owner: begins ? this.#lease.owner : null,
          lease_until: begins ? this.#leaseEnd() : null,
          result: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow()
      if (begins) begun.push({ task, done: await this.#enterEffect(tx, task, now) })
    }
    for (const approval of commit.approvals) await tx.insertInto('playbook_approval').values(approval).execute()
    for (const { id, state } of commit.closedApprovals) {
      const closed = await tx
        .updateTable('playbook_approval')
        .set({ state, decided_at: now })
        .where('id', '=', id)
        .where('state', '=', 'open')
        .returning('id')
        .execute()
      if (closed.length === 0 && !ended) throw new Conflict()
    }
    if (ended) {
      await tx
        .updateTable('playbook_approval')
        .set({ state: 'cancelled', decided_at: now })
        .where('run_id', '=', run.id)
        .where('state', '=', 'open')
        .execute()
    }
    return { kind: 'ok', begun }
  }

  /** Gives a claimed run back as it is, to be looked at again at `wakeAt`. `counts`: the claim was fruitless. */
  async giveBack(
    run: RunRow,
    owner: string,
    to: { readonly wakeAt: number; readonly now: number; readonly counts: boolean },
  ): Promise<void> {
    await this.write((tx) =>
      tx
        .updateTable('playbook_run')
        .set({
          lease_owner: null,
          lease_until: null,
          wake_at: to.wakeAt,
          wake_set_at: to.now,
          fruitless_claims: run.fruitless_claims - (to.counts ? 0 : 1),
        })
        .where('id', '=', run.id)
        .where('epoch', '=', run.epoch)
        .where('lease_owner', '=', owner)
        .execute(),
    )
  }

  /** Takes attempts that are due, accounts in turn, and enters each in the ledger of effects: from here on the far side
   * may have acted. */
  async leaseTasks(now: number, max: number, busyAccounts: readonly string[]): Promise<readonly LeasedTask[]> {
    const candidates = await this.#database.read
      .selectFrom((eb) =>
        eb
          .selectFrom('playbook_task')
          .select(['id', sql<number>`row_number() over (partition by account order by due_at, id)`.as('turn')])
          .where('state', '=', 'ready')
          .where(this.#isDue('due_at', 'set_at', now))
          .$if(busyAccounts.length > 0, (query) => query.where('account', 'not in', busyAccounts as AccountId[]))
          .as('ready'),
      )
      .select('ready.id')
      .orderBy('ready.turn')
      .limit(max)
      .execute()
    if (candidates.length === 0) return []
    const ids = candidates.map((candidate) => candidate.id)
    return this.write(async (tx) => {
      const leased = await tx
        .updateTable('playbook_task')
        .set((eb) => ({
          state: 'leased',
          epoch: eb('epoch', '+', 1),
          lease_owner: this.#lease.owner,
          lease_until: this.#leaseEnd(),
          started_at: now,
        }))
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('playbook_task as free')
            .select('free.id')
            .where('free.id', 'in', ids)
            .where('free.state', '=', 'ready')
            .$if(this.#database.dialect === 'postgres', (query) => query.forUpdate().skipLocked()),
        )
        .returningAll()
        .execute()
      const taken = []
      for (const task of leased)
        taken.push({ task, done: task.aborted ? undefined : await this.#enterEffect(tx, task, now) })
      return taken
    })
  }

  /** @returns the stored result where the effect is known to have happened. */
  async #enterEffect(tx: RunTransaction, task: TaskRow, now: number): Promise<Uint8Array | undefined> {
    const entered = await tx
      .insertInto('playbook_effect')
      .values({
        account: task.account,
        connection: CONNECTION,
        action: task.action,
        idem_key: keyOf(task.run_id, task.step),
        state: 'started',
        asked_at: now,
        result: null,
      })
      .onConflict((conflict) =>
        conflict.columns(['account', 'connection', 'action', 'idem_key']).doUpdateSet({ asked_at: now }),
      )
      .returning(['state', 'result'])
      .executeTakeFirst()
    return entered?.state === 'done' ? (entered.result ?? undefined) : undefined
  }

  /** Keeps the result of an attempt and wakes its run, or claims it at once where it is free and `claims`. Not kept when
   * the attempt is no longer this process's: then the ledger alone learns of a success, so that the repeat need not
   * happen. */
  completeTask(
    task: TaskRow,
    result: Uint8Array,
    succeeded: boolean,
    now: number,
    claims: boolean,
  ): Promise<{ readonly kept: boolean; readonly claimed: RunRow | undefined }> {
    return this.write(async (tx) => {
      const kept = await tx
        .updateTable('playbook_task')
        .set({ state: 'done', result, lease_owner: null, lease_until: null })
        .where('id', '=', task.id)
        .where('epoch', '=', task.epoch)
        .where('state', '=', 'leased')
        .where('lease_owner', '=', this.#lease.owner)
        .returning('id')
        .execute()
      if (kept.length > 0 || succeeded) {
        await tx
          .updateTable('playbook_effect')
          .set({ state: succeeded ? 'done' : 'failed', result })
          .where('account', '=', task.account)
          .where('connection', '=', CONNECTION)
          .where('action', '=', task.action)
          .where('idem_key', '=', keyOf(task.run_id, task.step))
          .where('state', '!=', 'done')
          .execute()
      }
      if (kept.length === 0) return { kept: false, claimed: undefined }
      const open = await this.wake(tx, task.account, task.run_id, now)
      return { kept: true, claimed: open && claims ? await this.#claimOne(tx, task.run_id) : undefined }
    })
  }

  #claimOne(tx: RunTransaction, runId: string): Promise<RunRow | undefined> {
    return tx
      .updateTable('playbook_run')
      .set((eb) => this.#claiming(eb))
      .where('id', '=', runId)
      .where(this.#isFree('lease_until'))
      .returningAll()
      .executeTakeFirst()
  }

  #claiming(eb: ExpressionBuilder<RunTables, 'playbook_run'>) {
    return {
      epoch: eb('epoch', '+', 1),
      lease_owner: this.#lease.owner,
      lease_until: this.#leaseEnd(),
      fruitless_claims: eb('fruitless_claims', '+', 1),
    }
  }

  /** Leaves something for the run's next look and wakes it. A run that has ended takes nothing. */
  async signal(
    tx: RunTransaction,
    account: AccountId,
    runId: string,
    id: string,
    payload: Uint8Array,
    now: number,
  ): Promise<boolean> {
    if (!(await this.wake(tx, account, runId, now))) return false
    await tx.insertInto('playbook_signal').values({ account, id, run_id: runId, at: now, payload }).execute()
    return true
  }

  async wake(tx: RunTransaction, account: AccountId, runId: string, now: number): Promise<boolean> {
    const woken = await tx
      .updateTable('playbook_run')
      .set((eb) => ({ signals: eb('signals', '+', 1), wake_at: now, wake_set_at: now }))
      .where('id', '=', runId)
      .where('account', '=', account)
      .where('ended_at', 'is', null)
      .returning('id')
      .execute()
    return woken.length > 0
  }

  /** Renews what this process works on. @returns what it no longer has, and what it is asked to abort */
  renew(
    runs: readonly string[],
    tasks: readonly string[],
  ): Promise<{ readonly lostTasks: readonly string[]; readonly abortedTasks: readonly string[] }> {
    return this.write(async (tx) => {
      if (runs.length > 0) {
        await tx
          .updateTable('playbook_run')
          .set({ lease_until: this.#leaseEnd() })
          .where('id', 'in', runs)
          .where('lease_owner', '=', this.#lease.owner)
          .execute()
      }
      if (tasks.length === 0) return { lostTasks: [], abortedTasks: [] }
      const kept = await tx
        .updateTable('playbook_task')
        .set({ lease_until: this.#leaseEnd() })
        .where('id', 'in', tasks)
        .where('state', '=', 'leased')
        .where('lease_owner', '=', this.#lease.owner)
        .returning(['id', 'aborted'])
        .execute()
      const keptIds = new Set(kept.map((row) => row.id))
      return {
        lostTasks: tasks.filter((id) => !keptIds.has(id)),
        abortedTasks: kept.filter((row) => row.aborted).map((row) => row.id),
      }
    })
  }

  /** Marks attempts whose lease ran out as lost and wakes their runs. @returns how many */
  expireTasks(now: number, ownTasks: readonly string[]): Promise<number> {
    return this.write(async (tx) => {
      const lost = await tx
        .updateTable('playbook_task')
        .set({ state: 'lost', lease_owner: null, lease_until: null })
        .where('state', '=', 'leased')
        .where(this.#isFree('lease_until'))
        .$if(ownTasks.length > 0, (query) => query.where('id', 'not in', ownTasks))
        .returning(['account', 'run_id'])
        .execute()
      for (const { account, run_id } of lost) await this.wake(tx, account, run_id, now)
      return lost.length
    })
  }

  /** Where no other process can be alive, what is leased belongs to the dead. @returns how many attempts were lost */
  releaseAll(now: number): Promise<number> {
    return this.write(async (tx) => {
      await tx
        .updateTable('playbook_run')
        .set({ lease_owner: null, lease_until: null })
        .where('lease_owner', 'is not', null)
        .execute()
      const lost = await tx
        .updateTable('playbook_task')
        .set({ state: 'lost', lease_owner: null, lease_until: null })
        .where('state', '=', 'leased')
        .returning(['account', 'run_id'])
        .execute()
      for (const { account, run_id } of lost) await this.wake(tx, account, run_id, now)
      return lost.length
    })
  }

  /** Wakes runs that the bookkeeping says cannot move by themselves: something lies unread, or nothing is there that
   * could wake them before their deadline. Their next look proves it. @returns how many */
  wakeStuck(now: number): Promise<number> {
    return this.write(async (tx) => {
      const woken = await tx
        .updateTable('playbook_run')
        .set({ wake_at: now, wake_set_at: now })
        .where('ended_at', 'is', null)
        .where('wake_at', '>', now)
        .where(this.#isFree('lease_until'))
        .where((eb) =>
          eb.or([
            eb.exists(eb.selectFrom('playbook_signal').select('id').whereRef('run_id', '=', 'playbook_run.id')),
            eb.exists(
              eb
                .selectFrom('playbook_task')
                .select('id')
                .whereRef('run_id', '=', 'playbook_run.id')
                .where('state', 'in', ['done', 'lost']),
            ),
            eb.and([
              eb('status', '=', 'running'),
              eb.not(eb.exists(eb.selectFrom('playbook_task').select('id').whereRef('run_id', '=', 'playbook_run.id'))),
            ]),
          ]),
        )
        .returning('id')
        .execute()
      return woken.length
    })
  }

  /** Runs that have not ended, by status. */
  async countOpen(): Promise<ReadonlyMap<RunStatus, number>> {
    const rows = await this.#database.read
      .selectFrom('playbook_run')
      .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
      .where('status', 'in', ['queued', 'running', 'waiting'])
      .groupBy('status')
      .execute()
    return new Map(rows.map((row) => [row.status, Number(row.count)]))
  }

  /** Forgets runs that ended before `before`, some at a time. @returns how many */
  forgetRuns(before: number): Promise<number> {
    return this.write(async (tx) => {
      const old = await tx
        .selectFrom('playbook_run')
        .select('id')
        .where('ended_at', '<', before)
        .limit(RUNS_FORGOTTEN_MAX)
        .execute()
      const ids = old.map((row) => row.id)
      if (ids.length === 0) return 0
      await tx.deleteFrom('playbook_run_event').where('run_id', 'in', ids).execute()
      await tx.deleteFrom('playbook_approval').where('run_id', 'in', ids).execute()
      await tx.deleteFrom('playbook_run').where('id', 'in', ids).execute()
      return ids.length
    })
  }

  async forgetEffects(before: number): Promise<void> {
    await this.write((tx) => tx.deleteFrom('playbook_effect').where('asked_at', '<', before).execute())
  }

  /** When the next run wants to be looked at. */
  async nextWakeAt({ suspect = true } = {}): Promise<number | undefined> {
    const row = await this.#database.read
      .selectFrom('playbook_run')
      .select((eb) => eb.fn.min('wake_at').as('at'))
      .where('wake_at', 'is not', null)
      .$if(!suspect, (query) => query.where('fruitless_claims', '<', SUSPECT_CLAIMS_MIN))
      .executeTakeFirst()
    return row?.at ?? undefined
  }

  /** When the next attempt is due. */
  async nextAttemptAt(): Promise<number | undefined> {
    const row = await this.#database.read
      .selectFrom('playbook_task')
      .select((eb) => eb.fn.min('due_at').as('at'))
      .where('state', '=', 'ready')
      .executeTakeFirst()
    return row?.at ?? undefined
  }

  find(account: AccountId, workspace: string, runId: string): Promise<RunRow | undefined> {
    return this.#database.read
      .selectFrom('playbook_run')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .where('id', '=', runId)
      .executeTakeFirst()
  }

  /** Runs of a workspace, newest first, those before `before`. */
  list(
    account: AccountId,
    workspace: string,
    page: { readonly before: string | undefined; readonly limit: number; readonly playbookId?: string },
  ): Promise<readonly RunRow[]> {
    const { before, limit, playbookId } = page
    return this.#database.read
      .selectFrom('playbook_run')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
      .$if(playbookId !== undefined, (query) => query.where('playbook_id', '=', playbookId ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
  }

  findApproval(account: AccountId, workspace: string, id: string): Promise<ApprovalRow | undefined> {
    return this.#database.read
      .selectFrom('playbook_approval')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .where('id', '=', id)
      .executeTakeFirst()
  }

  /** Approvals of a workspace, newest first, those before `before`. */
  approvals(
    account: AccountId,
    workspace: string,
    page: { readonly before: string | undefined; readonly limit: number },
  ): Promise<readonly ApprovalRow[]> {
    return this.#database.read
      .selectFrom('playbook_approval')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .$if(page.before !== undefined, (query) => query.where('id', '<', page.before ?? ''))
      .orderBy('id', 'desc')
      .limit(page.limit)
      .execute()
  }

  /** Keeps a decision and, once that settles the approval, wakes the run with it, in one transaction. False when
   * somebody else decided since `row` was read. */
  decide(
    row: ApprovalRow,
    made: {
      readonly state: ApprovalRow['state']
      readonly decisions: Uint8Array
      readonly signal: { readonly id: string; readonly payload: Uint8Array }
      readonly now: number
    },
  ): Promise<boolean> {
    return this.write(async (tx) => {
      const kept = await tx
        .updateTable('playbook_approval')
        .set({
          state: made.state,
          decisions: made.decisions,
          decided_at: made.state === 'open' ? null : made.now,
        })
        .where('account', '=', row.account)
        .where('id', '=', row.id)
        .where('state', '=', 'open')
        .where('decisions', '=', row.decisions)
        .returning('id')
        .execute()
      if (kept.length === 0) return false
      if (made.state !== 'open') {
        await this.signal(tx, row.account, row.run_id, made.signal.id, made.signal.payload, made.now)
      }
      return true
    })
  }

  #isDue(at: 'wake_at' | 'due_at' | 'due.wake_at', setAt: string, now: number): RawBuilder<SqlBool> {
    // A time that was set in the future was set before the clock stepped back: it means nothing now, so look.
    return sql<SqlBool>`(${sql.ref(at)} <= ${now} or (${sql.ref(at)} is not null and ${sql.ref(setAt)} > ${now + CLOCK_SLACK_MS}))`
  }

  /** A lease further ahead than a lease can be was written before the clock stepped back. */
  #isFree(column: string): RawBuilder<SqlBool> {
    const until = sql.ref(column)
    return sql<SqlBool>`(${until} is null or ${until} < ${this.#clock()} or ${until} > ${this.#clock()} + ${this.#lease.ms * 2})`
  }

  #leaseEnd(): RawBuilder<number> {
    return sql<number>`${this.#clock()} + ${this.#lease.ms}`
  }

  /** The database's clock: the one that all processes share. */
  #clock(): RawBuilder<number> {
    return this.#database.dialect === 'sqlite'
      ? sql<number>`cast(unixepoch('subsec') * 1000 as integer)`
      : sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
  }
}
