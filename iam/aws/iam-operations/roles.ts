import { iamArn } from '../../../platform/index.ts'
import type { Iam } from '../../iam.ts'
import type { NamedOperation } from '../operation.ts'
import { roleForm } from './forms.ts'
import { accountOf, every, named, nameOf, page, requireEmpty, requireNoPath, tagsAsked } from './input.ts'
import { tagOperations } from './tags.ts'

export function roleOperations(iam: Iam): NamedOperation[] {
  const one = named('role', 'RoleName')
  const duration = { min: 900, max: 43_200 }
  return [
    [
      'CreateRole',
      {
        action: 'iam:role:create',
        resource: one,
        context: tagsAsked,
        async run(ctx, input) {
          requireNoPath(input)
          const description = input.find('Description')
          const sessionSecMax = input.findNumber('MaxSessionDuration', duration)
          const name = input.get('RoleName')
          const tags = input.tags('Tags')
          await iam.tagging.requireMaySet(ctx.principal, {
            arn: iamArn(accountOf(ctx), 'role', name),
            before: {},
            after: tags,
          })
          const role = await iam.roles.create(accountOf(ctx), {
            name,
            trust: input.get('AssumeRolePolicyDocument'),
            tags,
            ...(description === undefined ? {} : { description }),
            ...(sessionSecMax === undefined ? {} : { sessionSecMax }),
          })
          return { Role: roleForm(role) }
        },
      },
    ],
    [
      'GetRole',
      {
        action: 'iam:role:get',
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({ Role: roleForm(iam.roles.get(accountOf(ctx), input.get('RoleName'))) }),
      },
    ],
    [
      'ListRoles',
      {
        action: 'iam:role:list',
        resource: every('role'),
        audit: 'refusals',
        run(ctx, input) {
          const { part, tail } = page(input, iam.roles.list(accountOf(ctx)), nameOf)
          return { Roles: part.map(roleForm), ...tail }
        },
      },
    ],
    [
      'UpdateRole',
      {
        action: 'iam:role:update',
        resource: one,
        async run(ctx, input) {
          const description = input.find('Description')
          const sessionSecMax = input.findNumber('MaxSessionDuration', duration)
          await iam.roles.update(accountOf(ctx), input.get('RoleName'), {
            ...(description === undefined ? {} : { description }),
            ...(sessionSecMax === undefined ? {} : { sessionSecMax }),
          })
          return {}
        },
      },
    ],
    [
      'UpdateAssumeRolePolicy',
      {
        action: 'iam:role:updateTrust',
        resource: one,
        async run(ctx, input) {
          await iam.roles.update(accountOf(ctx), input.get('RoleName'), { trust: input.get('PolicyDocument') })
          return undefined
        },
      },
    ],
    [
      'DeleteRole',
      {
        action: 'iam:role:delete',
        resource: one,
        async run(ctx, input) {
          const role = iam.roles.get(accountOf(ctx), input.get('RoleName'))
          if (!role.builtin) requireEmpty(role, [])
          await iam.roles.delete(accountOf(ctx), role.name)
          return undefined
        },
      },
    ],
    ...tagOperations(iam, 'role'),
    // Terraform asks before it deletes a role.
    [
      'ListInstanceProfilesForRole',
      {
        action: 'iam:role:get',
        resource: one,
        audit: 'refusals',
        run: () => ({ InstanceProfiles: [], IsTruncated: false }),
      },
    ],
  ]
}
