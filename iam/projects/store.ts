import type { Kysely, Transaction } from 'kysely'
import type { AccountId } from '../../platform/index.ts'
import type { IamTables } from '../tables.ts'
import type { HolderKind } from '../types.ts'

export interface ProjectRows {
  readonly project: IamTables['iam_project'] | undefined
  readonly resources: readonly string[]
}

export function readProjectIds(db: Kysely<IamTables>): Promise<{ account: string; id: string }[]> {
  return db.selectFrom('iam_project').select(['account', 'id']).execute()
}

export async function readProject(db: Kysely<IamTables>, account: AccountId, id: string): Promise<ProjectRows> {
  const project = await db
    .selectFrom('iam_project')
    .selectAll()
    .where('account', '=', account)
    .where('id', '=', id)
    .executeTakeFirst()
  const rows = await db
    .selectFrom('iam_project_resource')
    .select('resource')
    .where('account', '=', account)
    .where('project', '=', id)
    .orderBy('resource')
    .execute()
  return { project, resources: rows.map((row) => row.resource) }
}

export async function readGrants(
  db: Kysely<IamTables>,
  kind: HolderKind,
  which: { readonly account: AccountId; readonly name: string } | 'all',
): Promise<IamTables['iam_project_grant'][]> {
  let query = db.selectFrom('iam_project_grant').selectAll().where('holder_kind', '=', kind)
  if (which !== 'all') query = query.where('account', '=', which.account).where('holder', '=', which.name)
  return query.orderBy('policy_arn').orderBy('scope').execute()
}

/** The tables of enterprise projects inside one change. */
export class ProjectWriter {
  readonly #tx: Transaction<IamTables>
  readonly #account: AccountId
  readonly #touch: (noun: 'project' | HolderKind, name: string) => void

  constructor(
    tx: Transaction<IamTables>,
    account: AccountId,
    touch: (noun: 'project' | HolderKind, name: string) => void,
  ) {
    this.#tx = tx
    this.#account = account
    this.#touch = touch
  }

  read(id: string): Promise<ProjectRows> {
    return readProject(this.#tx, this.#account, id)
  }

  async names(): Promise<{ id: string; name: string }[]> {
    return this.#tx.selectFrom('iam_project').select(['id', 'name']).where('account', '=', this.#account).execute()
  }

  async insert(row: Omit<IamTables['iam_project'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_project')
      .values({ account: this.#account, ...row })
      .execute()
    this.#touch('project', row.id)
  }

  /** @returns false where there is no such project */
  async update(id: string, set: Partial<Pick<IamTables['iam_project'], 'description' | 'enabled'>>): Promise<boolean> {
    const result = await this.#tx
      .updateTable('iam_project')
      .set(set)
      .where('account', '=', this.#account)
      .where('id', '=', id)
      .executeTakeFirst()
    this.#touch('project', id)
    return result.numUpdatedRows > 0
  }

  async delete(id: string): Promise<void> {
    await this.#tx.deleteFrom('iam_project').where('account', '=', this.#account).where('id', '=', id).execute()
    this.#touch('project', id)
  }

  /** The project of a resource; undefined for the default one. */
  async projectOf(resource: string): Promise<string | undefined> {
    const row = await this.#tx
      .selectFrom('iam_project_resource')
      .select('project')
      .where('account', '=', this.#account)
      .where('resource', '=', resource)
      .executeTakeFirst()
    return row?.project
  }

  /** @param to undefined for the default project */
  async move(resource: string, { from, to }: { from: string | undefined; to: string | undefined }): Promise<void> {
    await this.#tx
      .deleteFrom('iam_project_resource')
      .where('account', '=', this.#account)
      .where('resource', '=', resource)
      .execute()
    if (from !== undefined) this.#touch('project', from)
    if (to === undefined) return
    await this.#tx
      .insertInto('iam_project_resource')
      .values({ account: this.#account, resource, project: to })
      .execute()
    this.#touch('project', to)
  }

  async grantsOf(kind: HolderKind, holder: string): Promise<IamTables['iam_project_grant'][]> {
    return readGrants(this.#tx, kind, { account: this.#account, name: holder })
  }

  async grantsIn(scope: string): Promise<IamTables['iam_project_grant'][]> {
    return this.#tx
      .selectFrom('iam_project_grant')
      .selectAll()
      .where('account', '=', this.#account)
      .where('scope', '=', scope)
      .execute()
  }

  /** May repeat. */
  async grant(row: Omit<IamTables['iam_project_grant'], 'account'>): Promise<void> {
    await this.#tx
      .insertInto('iam_project_grant')
      .values({ account: this.#account, ...row })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    this.#touch(row.holder_kind, row.holder)
  }

  async revoke(row: Omit<IamTables['iam_project_grant'], 'account'>): Promise<boolean> {
    const result = await this.#tx
      .deleteFrom('iam_project_grant')
      .where('account', '=', this.#account)
      .where('holder_kind', '=', row.holder_kind)
      .where('holder', '=', row.holder)
      .where('policy_arn', '=', row.policy_arn)
      .where('scope', '=', row.scope)
      .executeTakeFirst()
    this.#touch(row.holder_kind, row.holder)
    return result.numDeletedRows > 0
  }
}
