import type { Iam } from '../../iam.ts'
import type { NamedOperation } from '../operation.ts'
import { groupForm, userForm } from './forms.ts'
import { accountOf, every, named, nameOf, page, requireEmpty, requireNoPath } from './input.ts'

export function groupOperations(iam: Iam): NamedOperation[] {
  const one = named('group', 'GroupName')
  return [
    [
      'CreateGroup',
      {
        action: 'iam:group:create',
        resource: one,
        async run(ctx, input) {
          requireNoPath(input)
          return { Group: groupForm(await iam.groups.create(accountOf(ctx), input.get('GroupName'))) }
        },
      },
    ],
    [
      'GetGroup',
      {
        action: 'iam:group:get',
        resource: one,
        audit: 'refusals',
        run(ctx, input) {
          const group = iam.groups.get(accountOf(ctx), input.get('GroupName'))
          const users = iam.groups
            .members(accountOf(ctx), group.name)
            .map((name) => iam.users.get(accountOf(ctx), name))
          const { part, tail } = page(input, users, nameOf)
          return { Group: groupForm(group), Users: part.map(userForm), ...tail }
        },
      },
    ],
    [
      'ListGroups',
      {
        action: 'iam:group:list',
        resource: every('group'),
        audit: 'refusals',
        run(ctx, input) {
          const { part, tail } = page(input, iam.groups.list(accountOf(ctx)), nameOf)
          return { Groups: part.map(groupForm), ...tail }
        },
      },
    ],
    [
      'DeleteGroup',
      {
        action: 'iam:group:delete',
        resource: one,
        async run(ctx, input) {
          const group = iam.groups.get(accountOf(ctx), input.get('GroupName'))
          requireEmpty(group, [[iam.groups.members(accountOf(ctx), group.name).length, 'has members']])
          await iam.groups.delete(accountOf(ctx), group.name)
          return undefined
        },
      },
    ],
    [
      'AddUserToGroup',
      {
        action: 'iam:group:addUser',
        resource: one,
        async run(ctx, input) {
          await iam.groups.addUser(accountOf(ctx), input.get('GroupName'), input.get('UserName'))
          return undefined
        },
      },
    ],
    [
      'RemoveUserFromGroup',
      {
        action: 'iam:group:removeUser',
        resource: one,
        async run(ctx, input) {
          await iam.groups.removeUser(accountOf(ctx), input.get('GroupName'), input.get('UserName'))
          return undefined
        },
      },
    ],
    [
      'ListGroupsForUser',
      {
        action: 'iam:user:listGroups',
        resource: named('user', 'UserName'),
        audit: 'refusals',
        run(ctx, input) {
          const { groups } = iam.users.get(accountOf(ctx), input.get('UserName'))
          const found = groups.map((name) => iam.groups.get(accountOf(ctx), name))
          const { part, tail } = page(input, found, nameOf)
          return { Groups: part.map(groupForm), ...tail }
        },
      },
    ],
  ]
}
