import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IamStore } from '../../iam/store.ts'
import { iamArn, openDatabase, parseAccountId } from '../../platform/index.ts'
import { type RunningService, startService } from '../../test/support/service.ts'
import { type AuthzSet, list, type Policy, type Values } from './authz-set.ts'

const account = parseAccountId('000000000001')

/** A started service whose first account holds the set: its policies as managed ones, its users as users.
 * The set's resources lie in many accounts, which play no part in it. Here they would, so the account of a name is told
 * in its region, in patterns and requests alike: `arn:rampart:kms:eu:000000000004:key/1` is
 * `arn:rampart:kms:eu.000000000004::key/1`. Neither holds a dot, so what matched before matches still. */
export async function startAuthzService(
  set: AuthzSet,
): Promise<RunningService & { readonly dir: string; end(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-bench-'))
  // The first start makes the account and who calls.
  await (await startService({ dataDir: dir })).stop()
  const database = openDatabase({ file: join(dir, 'rampart.db') })
  await new IamStore(database).change(account, async (write) => {
    const common = { created_at: 1 }
    const arn = (id: string) => iamArn(account, 'policy', id)
    for (const { id, document } of set.policies) {
      await write.insertPolicy({ name: id, id, description: '', default_version: 1, latest_version: 1, ...common })
      await write.insertPolicyVersion({ policy: id, version: 1, document: translate(document), ...common })
    }
    for (const { id, policies } of set.groups) {
      await write.insertGroup({ name: id, id, ...common })
      for (const policy of policies) await write.attach('group', id, arn(policy))
    }
    for (const { id, policies, groups } of set.users) {
      await write.insertUser({
        name: id,
        id,
        password_hash: null,
        enabled: 1,
        tokens_valid_after: 0,
        boundary: null,
        tags: '{}',
        ...common,
      })
      for (const policy of policies) await write.attach('user', id, arn(policy))
      for (const group of groups) await write.addMember(group, id)
    }
  })
  await database.close()
  const service = await startService({ dataDir: dir })
  return {
    ...service,
    dir,
    async end() {
      await service.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function translate(document: Policy['document']): string {
  const moved = (values: Values | undefined) => values && list(values).map(withoutAccount)
  const statements = document.Statement.map(({ Resource, NotResource, ...rest }) => ({
    ...rest,
    ...(Resource === undefined ? {} : { Resource: moved(Resource) }),
    ...(NotResource === undefined ? {} : { NotResource: moved(NotResource) }),
  }))
  return JSON.stringify({ ...document, Statement: statements })
}

/** A resource name or pattern with its account told in its region. */
export function withoutAccount(name: string): string {
  const [arn, partition, service, region, owner, ...rest] = name.split(':')
  return rest.length === 0 ? name : [arn, partition, service, `${region}.${owner}`, '', ...rest].join(':')
}
