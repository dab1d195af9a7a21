import { type AccountId, type Context, iamArn } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import type { Iam } from '../iam.ts'
import { type HolderKind, holderKinds } from '../tables.ts'
import { tagContext } from '../tagging.ts'
import type { Group, Holder, ManagedPolicy, Role, Tags, User } from '../types.ts'
import { identityProviderOperations } from './identity-provider-operations.ts'
import type { QueryService, SignedQueryOperation } from './operation.ts'
import { encodeDocument, isoSeconds, type QueryInput, type XmlValue } from './query.ts'
import { simulateOperations } from './simulate-operations.ts'

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

type Entry = readonly [string, SignedQueryOperation]

const accountOf = (ctx: Context): AccountId => ctx.principal.account
const every = (kind: string) => (_: QueryInput, account: AccountId) => iamArn(account, kind, '*')
const named = (kind: string, parameter: string) => (input: QueryInput, account: AccountId) =>
  iamArn(account, kind, input.find(parameter) ?? '*')
const policyNamed = (input: QueryInput) => input.get('PolicyArn')

function pathOf(input: QueryInput): void {
  const path = input.find('Path') ?? '/'
  if (path !== '/') throw iamError('iam.aws.malformed', 'names here have no path; leave it out or send `/`')
}

const tagList = (tags: Tags): XmlValue => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

const boundaryMember = (boundary: string | undefined): XmlValue =>
  boundary === undefined
    ? undefined
    : { PermissionsBoundaryType: 'PermissionsBoundaryPolicy', PermissionsBoundaryArn: boundary }

const userForm = (user: User) => ({
  Path: '/',
  UserName: user.name,
  UserId: user.id,
  Arn: user.arn,
  CreateDate: isoSeconds(user.createdAt),
  PermissionsBoundary: boundaryMember(user.boundary),
  Tags: tagList(user.tags),
})

const groupForm = (group: Group) => ({
  Path: '/',
  GroupName: group.name,
  GroupId: group.id,
  Arn: group.arn,
  CreateDate: isoSeconds(group.createdAt),
})

const roleForm = (role: Role) => ({
  Path: '/',
  RoleName: role.name,
  RoleId: role.id,
  Arn: role.arn,
  CreateDate: isoSeconds(role.createdAt),
  AssumeRolePolicyDocument: encodeDocument(role.trust),
  Description: role.description,
  MaxSessionDuration: role.sessionSecMax,
  PermissionsBoundary: boundaryMember(role.boundary),
  Tags: tagList(role.tags),
})

const policyForm = (policy: ManagedPolicy) => ({
  PolicyName: policy.name,
  PolicyId: policy.id,
  Arn: policy.arn,
  Path: '/',
  DefaultVersionId: `v${policy.defaultVersion}`,
  IsAttachable: true,
  Description: policy.description,
  CreateDate: isoSeconds(policy.createdAt),
  UpdateDate: isoSeconds(policy.createdAt),
})

/** One page of a sorted list, as IsTruncated and Marker tell it. */
function page<T>(input: QueryInput, items: readonly T[], placeOf: (item: T) => string) {
  const max = input.findNumber('MaxItems', { min: 1, max: 1_000 }) ?? 100
  const marker = input.find('Marker')
  const rest = marker === undefined ? items : items.filter((item) => placeOf(item) > marker)
  const part = rest.slice(0, max)
  const last = part.at(-1)
  const more = rest.length > part.length && last !== undefined
  return { part, tail: more ? { IsTruncated: true, Marker: placeOf(last) } : { IsTruncated: false } }
}

const tagsAsked = (input: QueryInput) => tagContext(input.tags('Tags'))

const nameOf = ({ name }: { readonly name: string }) => name

function userOperations(iam: Iam): Entry[] {
  const one = named('user', 'UserName')
  return [
    [
      'CreateUser',
      {
        action: 'iam:user:create',
        resource: one,
        context: tagsAsked,
        async run(ctx, input) {
          pathOf(input)
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

/** AWS deletes nothing along with its holder, and its tools rely on being told. */
function requireEmpty(holder: Holder, more: readonly (readonly [number, string])[]): void {
  const reasons = [
    [holder.attached.length, 'has attached policies'],
    [holder.inline.size, 'has inline policies'],
    ...more,
  ] as const
  for (const [count, reason] of reasons) {
    if (count > 0) throw iamError('iam.thing.inUse', `\`${holder.name}\` ${reason}; take them away first`)
  }
}

function tagOperations(iam: Iam, kind: 'user' | 'role'): Entry[] {
  const noun = kind === 'user' ? 'User' : 'Role'
  const nouns = iam[`${kind}s`]
  const one = named(kind, `${noun}Name`)
  const change = (action: string, next: (tags: Tags, input: QueryInput) => Tags): SignedQueryOperation => ({
    action,
    resource: one,
    context: (input) => tagContext(input.tags('Tags'), [...Object.keys(input.tags('Tags')), ...input.list('TagKeys')]),
    async run(ctx, input) {
      const holder = nouns.get(accountOf(ctx), input.get(`${noun}Name`))
      await iam.tagging.set(ctx.principal, { kind, name: holder.name }, next(holder.tags, input))
      return undefined
    },
  })
  return [
    [`Tag${noun}`, change(`iam:${kind}:tag`, (tags, input) => ({ ...tags, ...input.tags('Tags') }))],
    [
      `Untag${noun}`,
      change(`iam:${kind}:untag`, (tags, input) => {
        const gone = new Set(input.list('TagKeys'))
        return Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key)))
      }),
    ],
    [
      `List${noun}Tags`,
      {
        action: `iam:${kind}:listTags`,
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({
          Tags: tagList(nouns.get(accountOf(ctx), input.get(`${noun}Name`)).tags),
          IsTruncated: false,
        }),
      },
    ],
  ]
}

function accessKeyOperations(iam: Iam): Entry[] {
  const one = named('user', 'UserName')
  const userOf = (ctx: Context, input: QueryInput) => input.find('UserName') ?? ctx.principal.name
  return [
    [
      'CreateAccessKey',
      {
        action: 'iam:access-key:create',
        resource: one,
        async run(ctx, input) {
          const made = await iam.accessKeys.create(accountOf(ctx), userOf(ctx, input))
          return {
            AccessKey: {
              UserName: userOf(ctx, input),
              AccessKeyId: made.accessKeyId,
              Status: 'Active',
              SecretAccessKey: made.secretAccessKey.revealText(),
              CreateDate: isoSeconds(made.createdAt),
            },
          }
        },
      },
    ],
    [
      'ListAccessKeys',
      {
        action: 'iam:access-key:list',
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({
          AccessKeyMetadata: iam.accessKeys.list(accountOf(ctx), userOf(ctx, input)).map((key) => ({
            UserName: key.userName,
            AccessKeyId: key.id,
            Status: key.enabled ? 'Active' : 'Inactive',
            CreateDate: isoSeconds(key.createdAt),
          })),
          IsTruncated: false,
        }),
      },
    ],
    [
      'UpdateAccessKey',
      {
        action: 'iam:access-key:update',
        resource: one,
        async run(ctx, input) {
          const status = input.get('Status')
          if (status !== 'Active' && status !== 'Inactive')
            throw iamError('iam.aws.malformed', 'Status is Active or Inactive')
          await iam.accessKeys.setEnabled(
            accountOf(ctx),
            userOf(ctx, input),
            input.get('AccessKeyId'),
            status === 'Active',
          )
          return undefined
        },
      },
    ],
    [
      'GetAccessKeyLastUsed',
      {
        action: 'iam:access-key:getLastUsed',
        resource: every('user'),
        audit: 'refusals',
        run(ctx, input) {
          const key = iam.accessKeys.get(accountOf(ctx), input.get('AccessKeyId'))
          return {
            UserName: key.userName,
            AccessKeyLastUsed: {
              ...(key.lastUsedAt === undefined ? {} : { LastUsedDate: isoSeconds(key.lastUsedAt) }),
              ServiceName: 'N/A',
              Region: 'N/A',
            },
          }
        },
      },
    ],
    [
      'DeleteAccessKey',
      {
        action: 'iam:access-key:delete',
        resource: one,
        async run(ctx, input) {
          await iam.accessKeys.delete(accountOf(ctx), userOf(ctx, input), input.get('AccessKeyId'))
          return undefined
        },
      },
    ],
  ]
}

function groupOperations(iam: Iam): Entry[] {
  const one = named('group', 'GroupName')
  return [
    [
      'CreateGroup',
      {
        action: 'iam:group:create',
        resource: one,
        async run(ctx, input) {
          pathOf(input)
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

function roleOperations(iam: Iam): Entry[] {
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
          pathOf(input)
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

function policyOperations(iam: Iam): Entry[] {
  const ownName = (ctx: Context, input: QueryInput): string => {
    const arn = input.get('PolicyArn')
    const { account, name } = iam.policies.get(accountOf(ctx), arn)
    if (account === 'rampart') throw iamError('iam.policy.platform', `\`${arn}\` belongs to the platform`)
    return name
  }
  const versionOf = (input: QueryInput): number => {
    const found = /^v([1-9][0-9]{0,8})$/.exec(input.get('VersionId'))
    if (!found) throw iamError('iam.aws.malformed', 'VersionId is of the form v1')
    return Number(found[1])
  }
  const document = (input: QueryInput) => ({ document: input.get('PolicyDocument') })
  return [
    [
      'CreatePolicy',
      {
        action: 'iam:policy:create',
        resource: named('policy', 'PolicyName'),
        async run(ctx, input) {
          pathOf(input)
          const description = input.find('Description')
          const policy = await iam.policies.create(accountOf(ctx), {
            name: input.get('PolicyName'),
            ...document(input),
            ...(description === undefined ? {} : { description }),
          })
          return { Policy: policyForm(policy) }
        },
      },
    ],
    [
      'GetPolicy',
      {
        action: 'iam:policy:get',
        resource: policyNamed,
        audit: 'refusals',
        run: (ctx, input) => ({ Policy: policyForm(iam.policies.get(accountOf(ctx), input.get('PolicyArn'))) }),
      },
    ],
    [
      'ListPolicies',
      {
        action: 'iam:policy:list',
        resource: every('policy'),
        audit: 'refusals',
        run(ctx, input) {
          const scope = input.find('Scope') ?? 'All'
          const policies = iam.policies
            .list(accountOf(ctx))
            .filter(({ account }) => scope === 'All' || (account === 'rampart') === (scope === 'AWS'))
            .sort((a, b) => (a.arn < b.arn ? -1 : 1))
          const { part, tail } = page(input, policies, ({ arn }) => arn)
          return { Policies: part.map(policyForm), ...tail }
        },
      },
    ],
    [
      'DeletePolicy',
      {
        action: 'iam:policy:delete',
        resource: policyNamed,
        async run(ctx, input) {
          await iam.policies.delete(accountOf(ctx), ownName(ctx, input))
          return undefined
        },
      },
    ],
    [
      'CreatePolicyVersion',
      {
        action: 'iam:policy:createVersion',
        resource: policyNamed,
        async run(ctx, input) {
          const setDefault = input.find('SetAsDefault') === 'true'
          const made = await iam.policies.createVersion(accountOf(ctx), ownName(ctx, input), {
            ...document(input),
            setDefault,
          })
          return { PolicyVersion: versionForm(made) }
        },
      },
    ],
    [
      'GetPolicyVersion',
      {
        action: 'iam:policy:getVersion',
        resource: policyNamed,
        audit: 'refusals',
        async run(ctx, input) {
          const wanted = versionOf(input)
          const policy = iam.policies.get(accountOf(ctx), input.get('PolicyArn'))
          const versions = await versionsOf(iam, ctx, policy)
          const found = versions.find(({ version }) => version === wanted)
          if (!found) throw iamError('iam.thing.absent', `the policy has no version v${wanted}`)
          return { PolicyVersion: { ...versionForm(found), Document: encodeDocument(found.document) } }
        },
      },
    ],
    [
      'ListPolicyVersions',
      {
        action: 'iam:policy:listVersions',
        resource: policyNamed,
        audit: 'refusals',
        async run(ctx, input) {
          const policy = iam.policies.get(accountOf(ctx), input.get('PolicyArn'))
          return { Versions: (await versionsOf(iam, ctx, policy)).map(versionForm), IsTruncated: false }
        },
      },
    ],
    [
      'SetDefaultPolicyVersion',
      {
        action: 'iam:policy:setDefaultVersion',
        resource: policyNamed,
        async run(ctx, input) {
          await iam.policies.setDefaultVersion(accountOf(ctx), ownName(ctx, input), versionOf(input))
          return undefined
        },
      },
    ],
    [
      'DeletePolicyVersion',
      {
        action: 'iam:policy:deleteVersion',
        resource: policyNamed,
        async run(ctx, input) {
          await iam.policies.deleteVersion(accountOf(ctx), ownName(ctx, input), versionOf(input))
          return undefined
        },
      },
    ],
  ]
}

interface VersionForm {
  readonly version: number
  readonly isDefault: boolean
  readonly createdAt: number
}

const versionForm = ({ version, isDefault, createdAt }: VersionForm) => ({
  VersionId: `v${version}`,
  IsDefaultVersion: isDefault,
  CreateDate: isoSeconds(createdAt),
})

async function versionsOf(iam: Iam, ctx: Context, policy: ManagedPolicy) {
  if (policy.account !== 'rampart') return iam.policies.versions(accountOf(ctx), policy.name)
  return [{ version: 1, isDefault: true, createdAt: policy.createdAt, document: policy.document }]
}

/** Attached and inline policies, and boundaries. */
function holderOperations(iam: Iam, kind: HolderKind): Entry[] {
  const noun = { user: 'User', group: 'Group', role: 'Role' }[kind]
  const one = named(kind, `${noun}Name`)
  const holderOf = (input: QueryInput) => ({ kind, name: input.get(`${noun}Name`) })
  const found = (ctx: Context, input: QueryInput): Holder =>
    iam[`${kind}s`].get(accountOf(ctx), input.get(`${noun}Name`))
  const operations: Entry[] = [
    [
      `Attach${noun}Policy`,
      {
        action: `iam:${kind}:attachPolicy`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.attach(accountOf(ctx), holderOf(input), input.get('PolicyArn'))
          return undefined
        },
      },
    ],
    [
      `Detach${noun}Policy`,
      {
        action: `iam:${kind}:detachPolicy`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.detach(accountOf(ctx), holderOf(input), input.get('PolicyArn'))
          return undefined
        },
      },
    ],
    [
      `ListAttached${noun}Policies`,
      {
        action: `iam:${kind}:listPolicies`,
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({ AttachedPolicies: attachedForm(found(ctx, input)), IsTruncated: false }),
      },
    ],
    [
      `Put${noun}Policy`,
      {
        action: `iam:${kind}:putInlinePolicy`,
        resource: one,
        async run(ctx, input) {
          const name = input.get('PolicyName')
          await iam.attachments.putInline(accountOf(ctx), holderOf(input), name, input.get('PolicyDocument'))
          return undefined
        },
      },
    ],
    [
      `Get${noun}Policy`,
      {
        action: `iam:${kind}:getInlinePolicy`,
        resource: one,
        audit: 'refusals',
        run(ctx, input) {
          const holder = found(ctx, input)
          const name = input.get('PolicyName')
          const inline = holder.inline.get(name)
          if (!inline) throw iamError('iam.thing.absent', `\`${holder.name}\` has no inline policy \`${name}\``)
          return { [`${noun}Name`]: holder.name, PolicyName: name, PolicyDocument: encodeDocument(inline.document) }
        },
      },
    ],
    [
      `Delete${noun}Policy`,
      {
        action: `iam:${kind}:deleteInlinePolicy`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.deleteInline(accountOf(ctx), holderOf(input), input.get('PolicyName'))
          return undefined
        },
      },
    ],
    [
      `List${noun}Policies`,
      {
        action: `iam:${kind}:listInlinePolicies`,
        resource: one,
        audit: 'refusals',
        run: (ctx, input) => ({ PolicyNames: [...found(ctx, input).inline.keys()], IsTruncated: false }),
      },
    ],
  ]
  if (kind === 'group') return operations
  return [
    ...operations,
    [
      `Put${noun}PermissionsBoundary`,
      {
        action: `iam:${kind}:putBoundary`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.setBoundary(accountOf(ctx), holderOf(input), input.get('PermissionsBoundary'))
          return undefined
        },
      },
    ],
    [
      `Delete${noun}PermissionsBoundary`,
      {
        action: `iam:${kind}:deleteBoundary`,
        resource: one,
        async run(ctx, input) {
          await iam.attachments.setBoundary(accountOf(ctx), holderOf(input), undefined)
          return undefined
        },
      },
    ],
  ]
}

const attachedForm = (holder: Holder) =>
  holder.attached.map((arn) => ({ PolicyName: arn.slice(arn.indexOf('/') + 1), PolicyArn: arn }))

function accountOperations(iam: Iam): Entry[] {
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
