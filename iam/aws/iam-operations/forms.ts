import type { Group, Holder, ManagedPolicy, Role, Tags, User } from '../../types.ts'
import { encodeDocument, isoSeconds, type XmlValue } from '../query.ts'

export const tagList = (tags: Tags): XmlValue => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

const boundaryMember = (boundary: string | undefined): XmlValue =>
  boundary === undefined
    ? undefined
    : { PermissionsBoundaryType: 'PermissionsBoundaryPolicy', PermissionsBoundaryArn: boundary }

export const userForm = (user: User) => ({
  Path: '/',
  UserName: user.name,
  UserId: user.id,
  Arn: user.arn,
  CreateDate: isoSeconds(user.createdAt),
  PermissionsBoundary: boundaryMember(user.boundary),
  Tags: tagList(user.tags),
})

export const groupForm = (group: Group) => ({
  Path: '/',
  GroupName: group.name,
  GroupId: group.id,
  Arn: group.arn,
  CreateDate: isoSeconds(group.createdAt),
})

export const roleForm = (role: Role) => ({
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

export const policyForm = (policy: ManagedPolicy) => ({
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

export const attachedForm = (holder: Holder) =>
  holder.attached.map((arn) => ({ PolicyName: arn.slice(arn.indexOf('/') + 1), PolicyArn: arn }))
