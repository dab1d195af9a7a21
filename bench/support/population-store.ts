import { type Kysely, sql, type Transaction } from 'kysely'
import type { IamTables } from '../../iam/tables.ts'
import type { Database } from '../../platform/index.ts'

export const ACCOUNT = '000000000001'

export interface Population {
  /** JSON texts of policies; written again and again until there are enough. */
  readonly documents: readonly string[]
  readonly policies: number
  readonly groups: number
  readonly users: number
  /** Every so many users, one has a policy of its own and one has an access key. */
  readonly every: { readonly policy: number; readonly accessKey: number }
}

const CHUNK = 500

/** Fills a migrated SQLite database with an account of that size: each user in two groups, each group with three
 * policies. Written in SQL, since a million calls of the API would take an hour. */
export async function populate(
  database: Database,
  { documents, policies, groups, users, every }: Population,
): Promise<void> {
  const run = (work: (tx: Transaction<IamTables>) => Promise<unknown>) => database.as<IamTables>().write(work)
  await run((tx) =>
    tx
      .insertInto('iam_account')
      .values({ account: ACCOUNT, name: 'first', created_at: 1 })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  )
  for (let from = 0; from < policies; from += CHUNK) {
    const numbers = Array.from({ length: Math.min(CHUNK, policies - from) }, (_, i) => from + i)
    await run(async (tx) => {
      await tx
        .insertInto('iam_policy')
        .values(
          numbers.map((n) => ({
            account: ACCOUNT,
            name: `p${n}`,
            id: `policy-${n}`,
            description: '',
            default_version: 1,
            latest_version: 1,
            created_at: 1,
          })),
        )
        .execute()
      await tx
        .insertInto('iam_policy_version')
        .values(
          numbers.map((n) => ({
            account: ACCOUNT,
            policy: `p${n}`,
            version: 1,
            document: documents[n % documents.length] ?? '',
            created_at: 1,
          })),
        )
        .execute()
    })
  }
  await run((tx) => populateGroups(tx, { groups, policies }))
  await run((tx) => populateUsers(tx, { users, groups, policies, every }))
}

const count = (to: number) =>
  sql`with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ${sql.lit(to)})`
const arnOf = (number: ReturnType<typeof sql>) => sql`'arn:rampart:iam::' || ${ACCOUNT} || ':policy/p' || (${number})`

async function populateGroups(db: Kysely<IamTables>, { groups, policies }: { groups: number; policies: number }) {
  const name = sql`'g' || i`
  await sql`insert into iam_group (account, name, id, created_at)
    ${count(groups)} select ${ACCOUNT}, ${name}, 'group-' || i, 1 from n`.execute(db)
  for (const step of [7, 11, 13]) {
    await sql`insert or ignore into iam_attachment (account, holder_kind, holder, policy_arn)
      ${count(groups)} select ${ACCOUNT}, 'group', ${name}, ${arnOf(sql`(i * ${sql.lit(step)}) % ${sql.lit(policies)}`)} from n`.execute(
      db,
    )
  }
}

async function populateUsers(
  db: Kysely<IamTables>,
  { users, groups, policies, every }: Pick<Population, 'users' | 'groups' | 'policies' | 'every'>,
) {
  const name = sql`printf('user-%07d', i)`
  const id = sql`printf('0192f0c4-aaaa-7bbb-8ccc-%012d', i)`
  await sql`insert into iam_user
      (account, name, id, password_hash, enabled, tokens_valid_after, boundary, tags, created_at)
    ${count(users)} select ${ACCOUNT}, ${name}, ${id}, null, 1, 0, null, '{}', 1790000000000 + i from n`.execute(db)
  for (const step of [1, 31]) {
    await sql`insert or ignore into iam_membership (account, group_name, user_name)
      ${count(users)} select ${ACCOUNT}, 'g' || ((i * ${sql.lit(step)}) % ${sql.lit(groups)}), ${name} from n`.execute(
      db,
    )
  }
  await sql`insert into iam_attachment (account, holder_kind, holder, policy_arn)
    ${count(users)} select ${ACCOUNT}, 'user', ${name}, ${arnOf(sql`i % ${sql.lit(policies)}`)} from n
      where i % ${sql.lit(every.policy)} = 0`.execute(db)
  await sql`insert into iam_access_key (account, id, user_name, sealed_secret, enabled, created_at, last_used_at)
    ${count(users)} select ${ACCOUNT}, printf('AKIA%016d', i), ${name}, randomblob(68), 1, 1, null from n
      where i % ${sql.lit(every.accessKey)} = 0`.execute(db)
}
