import type { Iam } from '../iam.ts'
import { holderKinds } from '../types.ts'
import { accessKeyOperations } from './iam-operations/access-keys.ts'
import { accountOperations } from './iam-operations/account.ts'
import { holderOperations } from './iam-operations/attachments.ts'
import { groupOperations } from './iam-operations/groups.ts'
import { identityProviderOperations } from './iam-operations/identity-providers.ts'
import { policyOperations } from './iam-operations/policies.ts'
import { roleOperations } from './iam-operations/roles.ts'
import { simulateOperations } from './iam-operations/simulate.ts'
import { userOperations } from './iam-operations/users.ts'
import type { QueryService } from './operation.ts'

/** Everyday operations of AWS's IAM over the same nouns that our own REST uses.
 * @see AWS IAM API Reference, version 2010-05-08 */
export function iamService(iam: Iam): QueryService {
  return {
    name: 'iam',
    version: '2010-05-08',
    namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    operations: new Map([
      ...userOperations(iam),
      ...accessKeyOperations(iam),
      ...groupOperations(iam),
      ...roleOperations(iam),
      ...policyOperations(iam),
      ...holderKinds.flatMap((kind) => holderOperations(iam, kind)),
      ...accountOperations(iam),
      ...identityProviderOperations(iam),
      ...simulateOperations(iam),
    ]),
  }
}
