import { iamArn } from '../../../platform/index.ts'
import type { Iam } from '../../iam.ts'
import type { NamedOperation } from '../operation.ts'
import { userForm } from './forms.ts'
import { accountOf, every, named, nameOf, page, requireEmpty, requireNoPath, tagsAsked } from './input.ts'
import { tagOperations } from './tags.ts'

export function userOperations(iam: Iam): NamedOperation[] {
  const one = named('user', 'UserName')
  return [
    [
      'CreateUser',
      {
        action: 'iam:user:create',
        resource: one,
        context: tagsAsked,
        async run(ctx, input) {
          requireNoPath(input)
          const name = input.get('UserName')
          const boundary = input.find('PermissionsBoundary')
          if (boundary !== undefined) iam.policies.get(accountOf(ctx), boundary)
          const tags = input.tags('Tags')
          await iam.tagging.requireMaySet(ctx.principal, {
            arn: iamArn(accountOf(ctx), 'user', name),
            before: {},
            after: tags,
          })
          await iam.users.create(accountOf(ctx), { name, tags })
          if (boundary !== undefined)
            await iam.attachments.setBoundary(accountOf(ctx), { kind: 'user', name }, boundary)
          return { User: userForm(iam.users.get(accountOf(ctx), name)) }
        },
      },
    ],
    [
      'GetUser',
      {
        action: 'iam:user:get',
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({
          User: userForm(iam.users.get(accountOf(ctx), input.find('UserName') ?? ctx.principal.name)),
        }),
      },
    ],
    [
      'ListUsers',
      {
        action: 'iam:user:list',
        resource: every('user'),
        audit: 'refusals',
        run(ctx, input) {
          const { part, tail } = page(input, iam.users.list(accountOf(ctx)), nameOf)
          return { Users: part.map(userForm), ...tail }
        },
      },
    ],
    [
      'DeleteUser',
      {
        action: 'iam:user:delete',
        resource: one,
        async run(ctx, input) {
          const user = iam.users.get(accountOf(ctx), input.get('UserName'))
          requireEmpty(user, [
            [user.groups.length, 'is in groups'],
            [iam.accessKeys.list(accountOf(ctx), user.name).length, 'has access keys'],
          ])
          await iam.users.delete(accountOf(ctx), user.name)
          return undefined
        },
      },
    ],
    ...tagOperations(iam, 'user'),
  ]
}
