import type { Kysely, Transaction } from 'kysely'
import type { IamTables } from '../tables.ts'
import type { OrganizationTables } from './tables.ts'

type Insert<Table extends keyof OrganizationTables> = OrganizationTables[Table]

/** Everything of one organisation. */
export interface OrganizationRows {
  readonly organization: OrganizationTables['iam_organization']
  readonly nodes: readonly OrganizationTables['iam_organization_node'][]
  readonly members: readonly OrganizationTables['iam_organization_member'][]
  readonly invitations: readonly OrganizationTables['iam_organization_invitation'][]
  readonly guardrails: readonly OrganizationTables['iam_guardrail'][]
  readonly attachments: readonly OrganizationTables['iam_guardrail_attachment'][]
}

export async function readOrganizationIds(db: Kysely<IamTables>): Promise<string[]> {
  const rows = await db.selectFrom('iam_organization').select('id').orderBy('id').execute()
  return rows.map((row) => row.id)
}

export async function readOrganization(db: Kysely<IamTables>, id: string): Promise<OrganizationRows | undefined> {
  const organization = await db.selectFrom('iam_organization').selectAll().where('id', '=', id).executeTakeFirst()
  if (!organization) return undefined
  const all = <Table extends Exclude<keyof OrganizationTables, 'iam_organization'>>(table: Table) =>
    // Kysely cannot type a table that is a type parameter; each has the column named here.
    db
      .selectFrom(table as 'iam_organization_node')
      .selectAll()
      .where('organization', '=', id)
      .execute() as unknown as Promise<OrganizationTables[Table][]>
  return {
    organization,
    nodes: await all('iam_organization_node'),
    members: await all('iam_organization_member'),
    invitations: await all('iam_organization_invitation'),
    guardrails: await all('iam_guardrail'),
    attachments: await all('iam_guardrail_attachment'),
  }
}

/** The tables of organisations inside one change. */
export class OrganizationWriter {
  readonly #tx: Transaction<IamTables>
  readonly #touch: (organization: string) => void

  constructor(tx: Transaction<IamTables>, touch: (organization: string) => void) {
    this.#tx = tx
    this.#touch = touch
  }

  read(id: string): Promise<OrganizationRows | undefined> {
    return readOrganization(this.#tx, id)
  }

  /** The id of the organisation an account is in. */
  async organizationOf(account: string): Promise<string | undefined> {
    const row = await this.#tx
      .selectFrom('iam_organization_member')
      .select('organization')
      .where('account', '=', account)
      .executeTakeFirst()
    return row?.organization
  }

  async invitation(id: string): Promise<OrganizationTables['iam_organization_invitation'] | undefined> {
    return this.#tx.selectFrom('iam_organization_invitation').selectAll().where('id', '=', id).executeTakeFirst()
  }

  async hasAccount(account: string): Promise<boolean> {
    const row = await this.#tx
      .selectFrom('iam_account')
      .select('account')
      .where('account', '=', account)
      .executeTakeFirst()
    return row !== undefined
  }

  async insertOrganization(row: Insert<'iam_organization'>): Promise<void> {
    await this.#tx.insertInto('iam_organization').values(row).execute()
    this.#touch(row.id)
  }

  async insertNode(row: Insert<'iam_organization_node'>): Promise<void> {
    await this.#tx.insertInto('iam_organization_node').values(row).execute()
    this.#touch(row.organization)
  }

  async insertMember(row: Insert<'iam_organization_member'>): Promise<void> {
    await this.#tx.insertInto('iam_organization_member').values(row).execute()
    this.#touch(row.organization)
  }

  async moveMember(organization: string, account: string, node: string): Promise<void> {
    await this.#tx
      .updateTable('iam_organization_member')
      .set({ node })
      .where('organization', '=', organization)
      .where('account', '=', account)
      .execute()
    this.#touch(organization)
  }

  /** With what is attached to it. */
  async deleteMember(organization: string, account: string): Promise<void> {
    await this.#tx
      .deleteFrom('iam_organization_member')
      .where('organization', '=', organization)
      .where('account', '=', account)
      .execute()
    await this.#deleteAttachments(organization, account)
  }

  async deleteNode(organization: string, id: string): Promise<void> {
    await this.#tx
      .deleteFrom('iam_organization_node')
      .where('organization', '=', organization)
      .where('id', '=', id)
      .execute()
    await this.#deleteAttachments(organization, id)
  }

  async deleteOrganization(id: string): Promise<void> {
    for (const table of [
      'iam_organization_node',
      'iam_organization_member',
      'iam_organization_invitation',
      'iam_guardrail',
      'iam_guardrail_attachment',
    ] as const) {
      await this.#tx.deleteFrom(table).where('organization', '=', id).execute()
    }
    await this.#tx.deleteFrom('iam_organization').where('id', '=', id).execute()
    this.#touch(id)
  }

  async insertInvitation(row: Insert<'iam_organization_invitation'>): Promise<void> {
    await this.#tx.insertInto('iam_organization_invitation').values(row).execute()
    this.#touch(row.organization)
  }

  async deleteInvitation(organization: string, id: string): Promise<void> {
    await this.#tx
      .deleteFrom('iam_organization_invitation')
      .where('organization', '=', organization)
      .where('id', '=', id)
      .execute()
    this.#touch(organization)
  }

  /** May repeat: description and document are replaced. */
  async putGuardrail(row: Insert<'iam_guardrail'>): Promise<void> {
    const { description, document } = row
    await this.#tx
      .insertInto('iam_guardrail')
      .values(row)
      .onConflict((conflict) => conflict.columns(['organization', 'name']).doUpdateSet({ description, document }))
      .execute()
    this.#touch(row.organization)
  }

  async deleteGuardrail(organization: string, name: string): Promise<void> {
    await this.#tx
      .deleteFrom('iam_guardrail')
      .where('organization', '=', organization)
      .where('name', '=', name)
      .execute()
    this.#touch(organization)
  }

  /** May repeat. */
  async attachGuardrail(row: Insert<'iam_guardrail_attachment'>): Promise<void> {
    await this.#tx
      .insertInto('iam_guardrail_attachment')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    this.#touch(row.organization)
  }

  async detachGuardrail(organization: string, node: string, guardrail: string): Promise<void> {
    await this.#tx
      .deleteFrom('iam_guardrail_attachment')
      .where('organization', '=', organization)
      .where('node', '=', node)
      .where('guardrail', '=', guardrail)
      .execute()
    this.#touch(organization)
  }

  async #deleteAttachments(organization: string, node: string): Promise<void> {
    await this.#tx
      .deleteFrom('iam_guardrail_attachment')
      .where('organization', '=', organization)
      .where('node', '=', node)
      .execute()
    this.#touch(organization)
  }
}
