import { IamStore, type IamWriter } from '../../iam/store.ts'
import { iamArn, parseAccountId } from '../../platform/index.ts'
import { type AuthzSet, withoutAccount } from './authz-set.ts'
import { type FilledService, startFilledService } from './filled-service.ts'

const account = parseAccountId('000000000001')

/** A started service whose first account holds the set: its policies as managed ones, its users as users. */
export function startAuthzService(set: AuthzSet): Promise<FilledService> {
  return startFilledService(async (database) => {
    await new IamStore(database).change(account, (write) => insertSet(write, set))
  })
}

async function insertSet(write: IamWriter, set: AuthzSet): Promise<void> {
  const common = { created_at: 1 }
  const arn = (id: string) => iamArn(account, 'policy', id)
  for (const { id, document } of set.policies) {
    await write.insertPolicy({ name: id, id, description: '', default_version: 1, latest_version: 1, ...common })
    await write.insertPolicyVersion({ policy: id, version: 1, document: withoutAccount(document), ...common })
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
}
