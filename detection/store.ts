import type { Transaction } from 'kysely'
import type { AccountId, Database } from '../platform/index.ts'
import { REVISIONS_KEPT, ROWS_PER_STATEMENT } from './limits.ts'
import type { SigmaDocument } from './sigma/read.ts'
import type { Canary } from './tuning/tuning.ts'
import { type Severity, severities } from './types.ts'

/** A canary looks at all events, and what it finds becomes no alert. */
export const ruleStates = ['enabled', 'canary', 'disabled'] as const
export type RuleState = (typeof ruleStates)[number]

/** What made a revision of a rule. */
export const ruleChanges = ['put', 'import', 'sync', 'state', 'rollback', 'delete'] as const
export type RuleChangeKind = (typeof ruleChanges)[number]

interface RuleTables {
  detection_rule: {
    account: string
    workspace: string
    id: string
    kind: string
    title: string
    severity: string
    text: string
    created_at: number
    updated_at: number
    revision: number
    state: string
    canary_until: number | null
    canary_percent: number | null
    author: string
    source: string | null
    commit_id: string | null
  }
  detection_rule_revision: {
    account: string
    workspace: string
    id: string
    revision: number
    title: string
    text: string
    state: string
    change: string
    author: string
    source: string | null
    commit_id: string | null
    at: number
  }
  detection_sync_source: {
    account: string
    workspace: string
    source: string
    commit_id: string | null
    author: string
    at: number
  }
}

/** A rule as it is kept. */
export interface StoredRule {
  readonly id: string
  readonly kind: SigmaDocument['kind']
  readonly title: string
  readonly severity: Severity
  readonly text: string
  readonly state: RuleState
  /** Given while `state` is `canary`. */
  readonly canary?: Canary
  /** The folder that owns it; absent = it was put by hand. */
  readonly source?: string
  /** The commit of that folder. */
  readonly commit?: string
  /** Who changed it last. */
  readonly author: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly revision: number
}

/** A form that a rule had. */
export interface RuleRevision
  extends Pick<StoredRule, 'id' | 'revision' | 'title' | 'text' | 'state' | 'source' | 'commit' | 'author'> {
  readonly change: RuleChangeKind
  readonly at: number
}

/** What is written of a rule. */
export type RuleRow = Pick<
  StoredRule,
  'id' | 'kind' | 'title' | 'severity' | 'text' | 'state' | 'canary' | 'source' | 'commit'
>

/** Who changes rules, how, and when. */
export interface RuleWrite {
  readonly change: RuleChangeKind
  readonly author: string
  readonly now: number
}

/** What was last taken over from a folder. */
export interface SyncSource {
  readonly source: string
  readonly commit?: string
  readonly author: string
  readonly at: number
}

export interface RulePlace {
  readonly account: AccountId
  readonly workspace: string
}

/** The only SQL of rules and their revisions. */
export function createRuleStore(database: Database) {
  const db = database.as<RuleTables>()
  const ofPlace = ({ account, workspace }: RulePlace) =>
    db.read.selectFrom('detection_rule').selectAll().where('account', '=', account).where('workspace', '=', workspace)

  return {
    async find(place: RulePlace, id: string): Promise<StoredRule | undefined> {
      const row = await ofPlace(place).where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    /** Those after `after`, in order of id. */
    async list(place: RulePlace, page: { readonly after?: string; readonly limit: number }): Promise<StoredRule[]> {
      const rows = await ofPlace(place)
        .where('id', '>', page.after ?? '')
        .orderBy('id')
        .limit(page.limit)
        .execute()
      return rows.map(fromRow)
    },

    /** Every rule of a workspace, in order of id. */
    async listPlace(place: RulePlace): Promise<StoredRule[]> {
      return (await ofPlace(place).orderBy('id').execute()).map(fromRow)
    },

    /** Every rule of an account: where it lives, and its text. */
    async listAll(account: AccountId): Promise<{ place: RulePlace; rule: StoredRule }[]> {
      const rows = await db.read
        .selectFrom('detection_rule')
        .selectAll()
        .where('account', '=', account)
        .orderBy('workspace')
        .orderBy('id')
        .execute()
      return rows.map((row) => ({ place: { account, workspace: row.workspace }, rule: fromRow(row) }))
    },

    /** Puts and deletes all of them in one transaction. Each gets the revision after the last it ever had. */
    async write(
      place: RulePlace,
      changes: {
        readonly put: readonly RuleRow[]
        readonly deleted?: readonly StoredRule[]
        readonly synced?: SyncSource
      },
      write: RuleWrite,
    ): Promise<void> {
      await db.write(async (tx) => {
        for (const rules of chunks(changes.put)) await putRules(tx, place, rules, write)
        for (const rules of chunks(changes.deleted ?? [])) await deleteRules(tx, place, rules, write)
        if (changes.synced) await putSyncSource(tx, place, changes.synced)
      })
    },

    /** Newest first, from before `before` on. */
    async listRevisions(
      place: RulePlace,
      id: string,
      page: { readonly before?: number; readonly limit: number },
    ): Promise<RuleRevision[]> {
      let query = revisionsOf(db.read, place).where('id', '=', id).orderBy('revision', 'desc').limit(page.limit)
      if (page.before !== undefined) query = query.where('revision', '<', page.before)
      return (await query.execute()).map(fromRevisionRow)
    },

    async findRevision(place: RulePlace, id: string, revision: number): Promise<RuleRevision | undefined> {
      const row = await revisionsOf(db.read, place)
        .where('id', '=', id)
        .where('revision', '=', revision)
        .executeTakeFirst()
      return row && fromRevisionRow(row)
    },

    async listSyncSources(place: RulePlace): Promise<SyncSource[]> {
      const rows = await db.read
        .selectFrom('detection_sync_source')
        .selectAll()
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .orderBy('source')
        .execute()
      return rows.map(({ source, commit_id, author, at }) => ({
        source,
        author,
        at,
        ...(commit_id === null ? {} : { commit: commit_id }),
      }))
    },
  }
}

type RuleTransaction = Transaction<RuleTables>

async function putRules(
  tx: RuleTransaction,
  place: RulePlace,
  rules: readonly RuleRow[],
  { change, author, now }: RuleWrite,
): Promise<void> {
  const last = await lastRevisions(
    tx,
    place,
    rules.map(({ id }) => id),
  )
  const rows = rules.map(({ id, kind, title, severity, text, state, canary, source, commit }) => ({
    account: place.account,
    workspace: place.workspace,
    ...{ id, kind, title, severity, text, state, author, created_at: now, updated_at: now },
    revision: (last.get(id) ?? 0) + 1,
    canary_until: canary?.untilAt ?? null,
    canary_percent: canary?.alertPercent ?? null,
    source: source ?? null,
    commit_id: commit ?? null,
  }))
  await tx
    .insertInto('detection_rule')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['account', 'workspace', 'id']).doUpdateSet(({ ref }) => ({
        kind: ref('excluded.kind'),
        title: ref('excluded.title'),
        severity: ref('excluded.severity'),
        text: ref('excluded.text'),
        state: ref('excluded.state'),
        canary_until: ref('excluded.canary_until'),
        canary_percent: ref('excluded.canary_percent'),
        author: ref('excluded.author'),
        source: ref('excluded.source'),
        commit_id: ref('excluded.commit_id'),
        updated_at: ref('excluded.updated_at'),
        revision: ref('excluded.revision'),
      })),
    )
    .execute()
  await tx
    .insertInto('detection_rule_revision')
    .values(
      rows.map(({ account, workspace, id, revision, title, text, state, source, commit_id }) => ({
        ...{ account, workspace, id, revision, title, text, state, change, author, source, commit_id, at: now },
      })),
    )
    .execute()
  for (const { id, revision } of rows) {
    if (revision <= REVISIONS_KEPT) continue
    await tx
      .deleteFrom('detection_rule_revision')
      .where('account', '=', place.account)
      .where('workspace', '=', place.workspace)
      .where('id', '=', id)
      .where('revision', '<=', revision - REVISIONS_KEPT)
      .execute()
  }
}

async function deleteRules(
  tx: RuleTransaction,
  place: RulePlace,
  rules: readonly StoredRule[],
  { author, now }: RuleWrite,
): Promise<void> {
  await tx
    .deleteFrom('detection_rule')
    .where('account', '=', place.account)
    .where('workspace', '=', place.workspace)
    .where(
      'id',
      'in',
      rules.map(({ id }) => id),
    )
    .execute()
  await tx
    .insertInto('detection_rule_revision')
    .values(
      rules.map(({ id, revision, title, text, state, source, commit }) => ({
        account: place.account,
        workspace: place.workspace,
        ...{ id, revision: revision + 1, title, text, state, change: 'delete', author, at: now },
        source: source ?? null,
        commit_id: commit ?? null,
      })),
    )
    .execute()
}

async function putSyncSource(
  tx: RuleTransaction,
  { account, workspace }: RulePlace,
  { source, commit, author, at }: SyncSource,
): Promise<void> {
  await tx
    .insertInto('detection_sync_source')
    .values({ account, workspace, source, commit_id: commit ?? null, author, at })
    .onConflict((conflict) =>
      conflict.columns(['account', 'workspace', 'source']).doUpdateSet(({ ref }) => ({
        commit_id: ref('excluded.commit_id'),
        author: ref('excluded.author'),
        at: ref('excluded.at'),
      })),
    )
    .execute()
}

async function lastRevisions(
  tx: RuleTransaction,
  place: RulePlace,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const rows = await tx
    .selectFrom('detection_rule_revision')
    .select((select) => ['id', select.fn.max<number>('revision').as('revision')])
    .where('account', '=', place.account)
    .where('workspace', '=', place.workspace)
    .where('id', 'in', [...ids])
    .groupBy('id')
    .execute()
  return new Map(rows.map(({ id, revision }) => [id, Number(revision)]))
}

function revisionsOf(db: Pick<RuleTransaction, 'selectFrom'>, { account, workspace }: RulePlace) {
  return db
    .selectFrom('detection_rule_revision')
    .selectAll()
    .where('account', '=', account)
    .where('workspace', '=', workspace)
}

function chunks<T>(items: readonly T[]): readonly T[][] {
  const parts: T[][] = []
  for (let from = 0; from < items.length; from += ROWS_PER_STATEMENT) {
    parts.push(items.slice(from, from + ROWS_PER_STATEMENT))
  }
  return parts
}

function fromRow(row: RuleTables['detection_rule']): StoredRule {
  const state = stateOf(row.state)
  return {
    id: row.id,
    kind: row.kind as StoredRule['kind'],
    title: row.title,
    severity: severities.find((severity) => severity === row.severity) ?? 'informational',
    text: row.text,
    state,
    ...(state === 'canary' ? { canary: canaryOf(row) } : {}),
    ...originOf(row),
    author: row.author,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  }
}

function fromRevisionRow(row: RuleTables['detection_rule_revision']): RuleRevision {
  const { id, revision, title, text, author, at } = row
  const change = ruleChanges.find((known) => known === row.change) ?? 'put'
  return { id, revision, title, text, state: stateOf(row.state), change, author, at, ...originOf(row) }
}

const stateOf = (text: string): RuleState => ruleStates.find((state) => state === text) ?? 'disabled'

function canaryOf({
  canary_until,
  canary_percent,
}: Pick<RuleTables['detection_rule'], 'canary_until' | 'canary_percent'>): Canary {
  return {
    ...(canary_until === null ? {} : { untilAt: canary_until }),
    ...(canary_percent === null ? {} : { alertPercent: canary_percent }),
  }
}

function originOf({ source, commit_id }: Pick<RuleTables['detection_rule'], 'source' | 'commit_id'>) {
  return { ...(source === null ? {} : { source }), ...(commit_id === null ? {} : { commit: commit_id }) }
}
