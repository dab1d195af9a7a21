/** AWS's names of actions that we have too. A service of ours may have another name there. */
const table: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'iam:iam': {
    'user:create': 'CreateUser',
    'user:get': 'GetUser',
    'user:list': 'ListUsers',
    'user:update': 'UpdateUser',
    'user:delete': 'DeleteUser',
    'user:tag': 'TagUser',
    'user:untag': 'UntagUser',
    'user:listTags': 'ListUserTags',
    'user:attachPolicy': 'AttachUserPolicy',
    'user:detachPolicy': 'DetachUserPolicy',
    'user:listPolicies': 'ListAttachedUserPolicies',
    'user:putInlinePolicy': 'PutUserPolicy',
    'user:getInlinePolicy': 'GetUserPolicy',
    'user:deleteInlinePolicy': 'DeleteUserPolicy',
    'user:listInlinePolicies': 'ListUserPolicies',
    'user:putBoundary': 'PutUserPermissionsBoundary',
    'user:deleteBoundary': 'DeleteUserPermissionsBoundary',
    'user:listGroups': 'ListGroupsForUser',
    'group:create': 'CreateGroup',
    'group:get': 'GetGroup',
    'group:list': 'ListGroups',
    'group:delete': 'DeleteGroup',
    'group:addUser': 'AddUserToGroup',
    'group:removeUser': 'RemoveUserFromGroup',
    'group:attachPolicy': 'AttachGroupPolicy',
    'group:detachPolicy': 'DetachGroupPolicy',
    'group:listPolicies': 'ListAttachedGroupPolicies',
    'group:putInlinePolicy': 'PutGroupPolicy',
    'group:getInlinePolicy': 'GetGroupPolicy',
    'group:deleteInlinePolicy': 'DeleteGroupPolicy',
    'group:listInlinePolicies': 'ListGroupPolicies',
    'role:create': 'CreateRole',
    'role:get': 'GetRole',
    'role:list': 'ListRoles',
    'role:update': 'UpdateRole',
    'role:delete': 'DeleteRole',
    'role:pass': 'PassRole',
    'role:tag': 'TagRole',
    'role:untag': 'UntagRole',
    'role:listTags': 'ListRoleTags',
    'role:updateTrust': 'UpdateAssumeRolePolicy',
    'role:attachPolicy': 'AttachRolePolicy',
    'role:detachPolicy': 'DetachRolePolicy',
    'role:listPolicies': 'ListAttachedRolePolicies',
    'role:putInlinePolicy': 'PutRolePolicy',
    'role:getInlinePolicy': 'GetRolePolicy',
    'role:deleteInlinePolicy': 'DeleteRolePolicy',
    'role:listInlinePolicies': 'ListRolePolicies',
    'role:putBoundary': 'PutRolePermissionsBoundary',
    'role:deleteBoundary': 'DeleteRolePermissionsBoundary',
    'policy:create': 'CreatePolicy',
    'policy:get': 'GetPolicy',
    'policy:list': 'ListPolicies',
    'policy:delete': 'DeletePolicy',
    'policy:createVersion': 'CreatePolicyVersion',
    'policy:getVersion': 'GetPolicyVersion',
    'policy:listVersions': 'ListPolicyVersions',
    'policy:deleteVersion': 'DeletePolicyVersion',
    'policy:setDefaultVersion': 'SetDefaultPolicyVersion',
    'policy:listEntities': 'ListEntitiesForPolicy',
    'access-key:create': 'CreateAccessKey',
    'access-key:list': 'ListAccessKeys',
    'access-key:update': 'UpdateAccessKey',
    'access-key:delete': 'DeleteAccessKey',
    'access-key:getLastUsed': 'GetAccessKeyLastUsed',
    'mfa-device:create': 'CreateVirtualMFADevice',
    'mfa-device:enable': 'EnableMFADevice',
    'mfa-device:deactivate': 'DeactivateMFADevice',
    'mfa-device:list': 'ListMFADevices',
    'account:getAuthorizationDetails': 'GetAccountAuthorizationDetails',
    'policy:simulateCustom': 'SimulateCustomPolicy',
    'policy:simulatePrincipal': 'SimulatePrincipalPolicy',
    'policy:getContextKeys': 'GetContextKeysForCustomPolicy',
    'identity-provider:create': 'CreateOpenIDConnectProvider',
    'identity-provider:get': 'GetOpenIDConnectProvider',
    'identity-provider:list': 'ListOpenIDConnectProviders',
    'identity-provider:delete': 'DeleteOpenIDConnectProvider',
  },
  'sts:sts': {
    'role:assume': 'AssumeRole',
    'role:assumeWithWebIdentity': 'AssumeRoleWithWebIdentity',
    'caller:get': 'GetCallerIdentity',
    'session:get': 'GetSessionToken',
    'session:tag': 'TagSession',
    'session:setSourceIdentity': 'SetSourceIdentity',
    'message:decode': 'DecodeAuthorizationMessage',
  },
  'kms:kms': {
    'cmk:create': 'CreateKey',
    'cmk:describe': 'DescribeKey',
    'cmk:list': 'ListKeys',
    'cmk:enable': 'EnableKey',
    'cmk:disable': 'DisableKey',
    'cmk:encrypt': 'Encrypt',
    'cmk:decrypt': 'Decrypt',
    'cmk:generateDataKey': 'GenerateDataKey',
    'cmk:sign': 'Sign',
    'cmk:verify': 'Verify',
    'cmk:scheduleDeletion': 'ScheduleKeyDeletion',
    'cmk:cancelDeletion': 'CancelKeyDeletion',
    'cmk:getPolicy': 'GetKeyPolicy',
    'cmk:putPolicy': 'PutKeyPolicy',
    'grant:create': 'CreateGrant',
  },
  'secretsmanager:secrets': {
    'credential:create': 'CreateSecret',
    'credential:read': 'GetSecretValue',
    'credential:put': 'PutSecretValue',
    'credential:describe': 'DescribeSecret',
    'credential:list': 'ListSecrets',
    'credential:delete': 'DeleteSecret',
    'credential:restore': 'RestoreSecret',
  },
}

const toAws = new Map<string, string>()
const fromAws = new Map<string, string>()

for (const [services, actions] of Object.entries(table)) {
  const [aws = '', ours = ''] = services.split(':')
  for (const [name, awsName] of Object.entries(actions)) {
    const canonical = `${ours}:${name}`.toLowerCase()
    const alias = `${aws}:${awsName}`.toLowerCase()
    toAws.set(canonical, alias)
    fromAws.set(alias, canonical)
  }
}

/** Our lower-case names of actions that AWS has too. */
export function actionsOfAws(): Iterable<string> {
  return toAws.keys()
}

/** The name AWS has for one of our actions, both in lower case. */
export function awsActionName(canonical: string): string | undefined {
  return toAws.get(canonical)
}

/** Our lower-case name of an action given by either name. */
export function canonicalAction(action: string): string {
  const lower = action.toLowerCase()
  return fromAws.get(lower) ?? lower
}
