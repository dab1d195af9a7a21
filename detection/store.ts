import { sql } from 'kysely'
import type { AccountId, Database } from '../platform/index.ts'
import { ROWS_PER_STATEMENT } from './limits.ts'
import type { SigmaDocument } from './sigma/read.ts'
import { type Severity, severities } from './types.ts'

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
  }
}

/** A rule as it is kept. */
export interface StoredRule {
  readonly id: string
  readonly kind: SigmaDocument['kind']
  readonly title: string
  readonly severity: Severity
  readonly text: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly revision: number
}

export interface RulePlace {
  readonly account: AccountId
  readonly workspace: string
}

/** The only SQL of rules. */
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

    /** Writes all of them in one transaction. Each gets the revision after the one it had. */
    async put(
      place: RulePlace,
      rules: readonly Pick<StoredRule, 'id' | 'kind' | 'title' | 'severity' | 'text'>[],
      now: number,
    ): Promise<void> {
      await db.write(async (tx) => {
        for (let from = 0; from < rules.length; from += ROWS_PER_STATEMENT) {
          await tx
            .insertInto('detection_rule')
            .values(
              rules.slice(from, from + ROWS_PER_STATEMENT).map(({ id, kind, title, severity, text }) => ({
                ...place,
                ...{ id, kind, title, severity, text, created_at: now, updated_at: now, revision: 1 },
              })),
            )
            .onConflict((conflict) =>
              conflict.columns(['account', 'workspace', 'id']).doUpdateSet(({ ref }) => ({
                kind: ref('excluded.kind'),
                title: ref('excluded.title'),
                severity: ref('excluded.severity'),
                text: ref('excluded.text'),
                updated_at: ref('excluded.updated_at'),
                revision: sql<number>`detection_rule.revision + 1`,
              })),
            )
            .execute()
        }
      })
    },

    async delete(place: RulePlace, id: string): Promise<void> {
      await db.write((tx) =>
        tx
          .deleteFrom('detection_rule')
          .where('account', '=', place.account)
          .where('workspace', '=', place.workspace)
          .where('id', '=', id)
          .execute(),
      )
    },
  }
}

function fromRow(row: RuleTables['detection_rule']): StoredRule {
  return {
    id: row.id,
    kind: row.kind as StoredRule['kind'],
    title: row.title,
    severity: severities.find((severity) => severity === row.severity) ?? 'informational',
    text: row.text,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  }
}
