import { iamArn } from '../../../platform/index.ts'
import type { Iam } from '../../iam.ts'
import type { Holder } from '../../types.ts'
import type { NamedOperation } from '../operation.ts'
import { encodeDocument, isoSeconds } from '../query.ts'
import { attachedForm, groupForm, policyForm, roleForm, userForm } from './forms.ts'
import { accountOf } from './input.ts'

export function accountOperations(iam: Iam): NamedOperation[] {
  const inlineForm = (holder: Holder) =>
    [...holder.inline].map(([PolicyName, { document }]) => ({ PolicyName, PolicyDocument: encodeDocument(document) }))
  return [
    [
      'GetAccountAuthorizationDetails',
      {
        action: 'iam:account:getAuthorizationDetails',
        resource: (_, account) => iamArn(account, 'account', 'self'),
        run(ctx) {
          const account = accountOf(ctx)
          return {
            UserDetailList: iam.users.list(account).map((user) => ({
              ...userForm(user),
              UserPolicyList: inlineForm(user),
              AttachedManagedPolicies: attachedForm(user),
              GroupList: [...user.groups],
            })),
            GroupDetailList: iam.groups.list(account).map((group) => ({
              ...groupForm(group),
              GroupPolicyList: inlineForm(group),
              AttachedManagedPolicies: attachedForm(group),
            })),
            RoleDetailList: iam.roles.list(account).map((role) => ({
              ...roleForm(role),
              RolePolicyList: inlineForm(role),
              AttachedManagedPolicies: attachedForm(role),
            })),
            Policies: iam.policies.list(account).map((policy) => ({
              ...policyForm(policy),
              PolicyVersionList: [
                {
                  VersionId: `v${policy.defaultVersion}`,
                  IsDefaultVersion: true,
                  Document: encodeDocument(policy.document),
                  CreateDate: isoSeconds(policy.createdAt),
                },
              ],
            })),
            IsTruncated: false,
          }
        },
      },
    ],
  ]
}
