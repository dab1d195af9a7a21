import { sql, type Transaction } from 'kysely'
import type { AccountId, Database } from '../platform/index.ts'
import type { Playbook } from './language/document.ts'

interface PlaybookTable {
  account: AccountId
  workspace: string
  id: string
  name: string
  revision: string
  created_at: number
  updated_at: number
  updated_by: string
}

interface RevisionTable {
  account: AccountId
  workspace: string
  playbook_id: string
  revision: string
  source: string
  document: string
  author: string
  created_at: number
  /** Since when it is not live; null while it is. */
  retired_at: number | null
}

interface TriggerTable {
  account: AccountId
  workspace: string
  playbook_id: string
  trigger_id: string
  kind: 'alert' | 'webhook' | 'manual'
  hook_path: string | null
  token_hash: Uint8Array | null
}

interface ThrottleTable {
  account: AccountId
  workspace: string
  playbook_id: string
  trigger_id: string
  key_hash: string
  started_at: number
  expires_at: number
}

/** What of the engine's table tells which revisions are still needed. */
interface PinnedTable {
  account: AccountId
  workspace: string
  playbook_id: string
  revision: string
}

interface PlaybookTables {
  playbook_run: PinnedTable
  playbook: PlaybookTable
  playbook_revision: RevisionTable
  playbook_trigger: TriggerTable
  playbook_throttle: ThrottleTable
}

export type PlaybookRow = PlaybookTable
export type TriggerRow = TriggerTable

/** A playbook as it is to be. */
export interface PutPlaybook {
  readonly account: AccountId
  readonly workspace: string
  readonly playbook: Playbook
  readonly revision: string
  readonly source: string
  readonly author: string
  readonly now: number
  /** The revision that must be live now, where the caller said so. */
  readonly ifMatch: string | undefined
  readonly playbooksMax: number
  /** The hashes for hooks that have no token yet, by trigger. */
  readonly tokenHashes: ReadonlyMap<string, Uint8Array>
}

export type PutOutcome =
  | { readonly kind: 'put'; readonly newTokens: ReadonlySet<string> }
  | { readonly kind: 'changed' }
  | { readonly kind: 'tooMany' }
  | { readonly kind: 'taken'; readonly path: string }

/** How far a clock may step back before a throttle that was set "in the future" is not believed. */
const CLOCK_SLACK_MS = 5000

/** The only SQL on playbooks, their revisions and triggers. */
export class PlaybookStore {
  readonly #database: Database<PlaybookTables>

  constructor(database: Database) {
    this.#database = database.as<PlaybookTables>()
  }

  /** Makes a playbook live: its revision, and its triggers in place of those it had. A hook keeps its token. */
  put(input: PutPlaybook): Promise<PutOutcome> {
    const { account, workspace, playbook, revision, now } = input
    return this.#database.write(async (tx) => {
      const before = await tx
        .selectFrom('playbook')
        .select('revision')
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('id', '=', playbook.id)
        .executeTakeFirst()
      if (input.ifMatch !== undefined && before?.revision !== input.ifMatch) return { kind: 'changed' }
      if (!before && (await countPlaybooks(tx, account, workspace)) >= input.playbooksMax) return { kind: 'tooMany' }
      const taken = await takenPath(tx, account, workspace, playbook)
      if (taken !== undefined) return { kind: 'taken', path: taken }
      await tx
        .insertInto('playbook_revision')
        .values({
          account,
          workspace,
          playbook_id: playbook.id,
          revision,
          source: input.source,
          document: JSON.stringify(playbook),
          author: input.author,
          created_at: now,
          retired_at: null,
        })
        .onConflict((conflict) =>
          conflict.columns(['account', 'workspace', 'playbook_id', 'revision']).doUpdateSet({ retired_at: null }),
        )
        .execute()
      await retireRevisions(tx, { account, workspace, id: playbook.id, but: revision, now })
      await tx
        .insertInto('playbook')
        .values({
          account,
          workspace,
          id: playbook.id,
          name: playbook.name,
          revision,
          created_at: now,
          updated_at: now,
          updated_by: input.author,
        })
        .onConflict((conflict) =>
          conflict
            .columns(['account', 'workspace', 'id'])
            .doUpdateSet({ name: playbook.name, revision, updated_at: now, updated_by: input.author }),
        )
        .execute()
      return { kind: 'put', newTokens: await replaceTriggers(tx, input) }
    })
  }

  find(account: AccountId, workspace: string, id: string): Promise<PlaybookRow | undefined> {
    return this.#database.read
      .selectFrom('playbook')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .where('id', '=', id)
      .executeTakeFirst()
  }

  findRevision(
    account: AccountId,
    workspace: string,
    id: string,
    revision: string,
  ): Promise<{ readonly source: string; readonly document: string } | undefined> {
    return this.#database.read
      .selectFrom('playbook_revision')
      .select(['source', 'document'])
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .where('playbook_id', '=', id)
      .where('revision', '=', revision)
      .executeTakeFirst()
  }

  /** Playbooks by id, those after `after`. */
  list(
    account: AccountId,
    workspace: string,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<readonly PlaybookRow[]> {
    return this.#database.read
      .selectFrom('playbook')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .$if(page.after !== undefined, (query) => query.where('id', '>', page.after ?? ''))
      .orderBy('id')
      .limit(page.limit)
      .execute()
  }

  /** Takes a playbook out of use. Its revisions stay: runs under way are pinned to them. @returns false if there is none */
  remove(account: AccountId, workspace: string, id: string, now: number): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const removed = await tx
        .deleteFrom('playbook')
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('id', '=', id)
        .returning('id')
        .execute()
      for (const table of ['playbook_trigger', 'playbook_throttle'] as const) {
        await tx
          .deleteFrom(table)
          .where('account', '=', account)
          .where('workspace', '=', workspace)
          .where('playbook_id', '=', id)
          .execute()
      }
      await retireRevisions(tx, { account, workspace, id, but: undefined, now })
      return removed.length > 0
    })
  }

  triggers(account: AccountId, workspace: string, id: string): Promise<readonly TriggerRow[]> {
    return this.#database.read
      .selectFrom('playbook_trigger')
      .selectAll()
      .where('account', '=', account)
      .where('workspace', '=', workspace)
      .where('playbook_id', '=', id)
      .execute()
  }

  /** Alert triggers of a workspace, with the live revision of each's playbook. */
  alertTriggers(
    account: AccountId,
    workspace: string,
  ): Promise<readonly { readonly playbook_id: string; readonly trigger_id: string; readonly revision: string }[]> {
    return this.#database.read
      .selectFrom('playbook_trigger as trigger')
      .innerJoin('playbook', (join) =>
        join
          .onRef('playbook.account', '=', 'trigger.account')
          .onRef('playbook.workspace', '=', 'trigger.workspace')
          .onRef('playbook.id', '=', 'trigger.playbook_id'),
      )
      .select(['trigger.playbook_id', 'trigger.trigger_id', 'playbook.revision'])
      .where('trigger.account', '=', account)
      .where('trigger.workspace', '=', workspace)
      .where('trigger.kind', '=', 'alert')
      .orderBy('trigger.playbook_id')
      .orderBy('trigger.trigger_id')
      .execute()
  }

  findHook(
    account: AccountId,
    workspace: string,
    path: string,
  ): Promise<{ playbook_id: string; trigger_id: string; token_hash: Uint8Array | null; revision: string } | undefined> {
    return this.#database.read
      .selectFrom('playbook_trigger as trigger')
      .innerJoin('playbook', (join) =>
        join
          .onRef('playbook.account', '=', 'trigger.account')
          .onRef('playbook.workspace', '=', 'trigger.workspace')
          .onRef('playbook.id', '=', 'trigger.playbook_id'),
      )
      .select(['trigger.playbook_id', 'trigger.trigger_id', 'trigger.token_hash', 'playbook.revision'])
      .where('trigger.account', '=', account)
      .where('trigger.workspace', '=', workspace)
      .where('trigger.hook_path', '=', path)
      .executeTakeFirst()
  }

  /** Forgets revisions that were retired before `before` and are no run's. A run that was about to start on one when it
   * was retired has long been stored. */
  async forgetRevisions(before: number): Promise<void> {
    await this.#database.write((tx) =>
      tx
        .deleteFrom('playbook_revision')
        .where('retired_at', '<', before)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('playbook_run')
                .select('playbook_run.revision')
                .whereRef('playbook_run.account', '=', 'playbook_revision.account')
                .whereRef('playbook_run.workspace', '=', 'playbook_revision.workspace')
                .whereRef('playbook_run.playbook_id', '=', 'playbook_revision.playbook_id')
                .whereRef('playbook_run.revision', '=', 'playbook_revision.revision'),
            ),
          ),
        )
        .execute(),
    )
  }

  /** @returns false where there is no such hook */
  setToken(account: AccountId, workspace: string, id: string, trigger: string, hash: Uint8Array): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const updated = await tx
        .updateTable('playbook_trigger')
        .set({ token_hash: hash })
        .where('account', '=', account)
        .where('workspace', '=', workspace)
        .where('playbook_id', '=', id)
        .where('trigger_id', '=', trigger)
        .where('kind', '=', 'webhook')
        .returning('trigger_id')
        .execute()
      return updated.length > 0
    })
  }
}

/** A place under a throttle. */
export interface ThrottleKey {
  readonly account: AccountId
  readonly workspace: string
  readonly playbookId: string
  readonly triggerId: string
  readonly keyHash: string
}

/** Takes the place of `key` for `perMs`, within the transaction that starts the run. @returns false when it is taken */
export async function enterThrottle<Tables>(
  transaction: Transaction<Tables>,
  key: ThrottleKey,
  perMs: number,
  now: number,
): Promise<boolean> {
  const tx = transaction as unknown as Transaction<PlaybookTables>
  const entered = await tx
    .insertInto('playbook_throttle')
    .values({
      account: key.account,
      workspace: key.workspace,
      playbook_id: key.playbookId,
      trigger_id: key.triggerId,
      key_hash: key.keyHash,
      started_at: now,
      expires_at: now + perMs,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['account', 'workspace', 'playbook_id', 'trigger_id', 'key_hash'])
        .doUpdateSet({ started_at: now, expires_at: now + perMs })
        .where(
          sql<boolean>`playbook_throttle.expires_at <= ${now} or playbook_throttle.started_at > ${now + CLOCK_SLACK_MS}`,
        ),
    )
    .returning('key_hash')
    .execute()
  return entered.length > 0
}

/** Drops throttles that no longer hold anything back. */
export async function forgetThrottles(database: Database, before: number): Promise<void> {
  await database
    .as<PlaybookTables>()
    .write((tx) => tx.deleteFrom('playbook_throttle').where('expires_at', '<', before).execute())
}

async function countPlaybooks(tx: Transaction<PlaybookTables>, account: AccountId, workspace: string): Promise<number> {
  const row = await tx
    .selectFrom('playbook')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('account', '=', account)
    .where('workspace', '=', workspace)
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

async function takenPath(
  tx: Transaction<PlaybookTables>,
  account: AccountId,
  workspace: string,
  playbook: Playbook,
): Promise<string | undefined> {
  const paths = playbook.triggers.flatMap((trigger) => (trigger.kind === 'webhook' ? [trigger.path] : []))
  if (paths.length === 0) return undefined
  const row = await tx
    .selectFrom('playbook_trigger')
    .select('hook_path')
    .where('account', '=', account)
    .where('workspace', '=', workspace)
    .where('hook_path', 'in', paths)
    .where('playbook_id', '!=', playbook.id)
    .executeTakeFirst()
  return row?.hook_path ?? undefined
}

/** Says of the revisions of a playbook, but one, that they are live no more. */
async function retireRevisions(
  tx: Transaction<PlaybookTables>,
  of: {
    readonly account: AccountId
    readonly workspace: string
    readonly id: string
    readonly but: string | undefined
    readonly now: number
  },
): Promise<void> {
  await tx
    .updateTable('playbook_revision')
    .set({ retired_at: of.now })
    .where('account', '=', of.account)
    .where('workspace', '=', of.workspace)
    .where('playbook_id', '=', of.id)
    .where('retired_at', 'is', null)
    .$if(of.but !== undefined, (query) => query.where('revision', '!=', of.but ?? ''))
    .execute()
}

/** @returns the hooks that got a token now */
async function replaceTriggers(tx: Transaction<PlaybookTables>, input: PutPlaybook): Promise<ReadonlySet<string>> {
  const { account, workspace, playbook, tokenHashes } = input
  const old = await tx
    .deleteFrom('playbook_trigger')
    .where('account', '=', account)
    .where('workspace', '=', workspace)
    .where('playbook_id', '=', playbook.id)
    .returning(['trigger_id', 'token_hash'])
    .execute()
  const kept = new Map(old.map((row) => [row.trigger_id, row.token_hash]))
  const fresh = new Set<string>()
  for (const trigger of playbook.triggers) {
    const isHook = trigger.kind === 'webhook'
    const known = kept.get(trigger.id) ?? null
    if (isHook && !known) fresh.add(trigger.id)
    await tx
      .insertInto('playbook_trigger')
      .values({
        account,
        workspace,
        playbook_id: playbook.id,
        trigger_id: trigger.id,
        kind: trigger.kind,
        hook_path: isHook ? trigger.path : null,
        token_hash: isHook ? (known ?? tokenHashes.get(trigger.id) ?? null) : null,
      })
      .execute()
  }
  return fresh
}
