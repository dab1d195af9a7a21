import { type AccountId, REGION } from '../../platform/index.ts'

/** What platform actions need beside the right to invoke them. */
const PLATFORM_ACTIONS: { readonly [action: string]: { readonly operation: string; readonly resource: string } } = {
  'cases.alert.update': { operation: 'siem:alert:update', resource: 'siem:{region}:{account}:alert/{ws}/*' },
}

/** The policy that narrows a playbook's role to the actions its `permissions` name, in its own workspace. */
export function sessionPolicy(account: AccountId, workspace: string, permissions: readonly string[]): object {
  const statements: object[] = [
    {
      Sid: 'Actions',
      Effect: 'Allow',
      Action: ['soar:action:invoke'],
      Resource: permissions.map((action) => `arn:rampart:soar:${REGION}:${account}:connection/default/${action}`),
    },
  ]
  for (const permission of permissions) {
    const needed = PLATFORM_ACTIONS[permission]
    if (!needed) continue
    const path = needed.resource.replace('{region}', REGION).replace('{account}', account).replace('{ws}', workspace)
    statements.push({
      Sid: `Platform${statements.length}`,
      Effect: 'Allow',
      Action: [needed.operation],
      Resource: [`arn:rampart:${path}`],
    })
  }
  return { Version: '2012-10-17', Statement: statements }
}
