import type { AccountId } from '../platform/index.ts'
import type { IncomingFinding } from './types.ts'

/** A break-glass user did something, as iam tells it. The same use has the same id. */
export interface BreakGlassUse {
  readonly id: string
  readonly account: AccountId
  readonly userName: string
  readonly action: string
  readonly resource: string
  readonly at: number
}

/** What is stated of it: one alert a user while it is open, counting what it does. */
export function breakGlassFinding(use: BreakGlassUse, workspace: string): IncomingFinding {
  const { id, account, userName, action, resource, at } = use
  return {
    id: `break-glass/${id}`,
    account,
    workspace,
    kind: 'rule',
    rule: {
      id: 'rampart.break-glass',
      title: `The break-glass user ${userName} is used: ${action} on ${resource}`,
      severity: 'critical',
      techniques: ['T1078'],
      dedup: { key: userName },
    },
    time: at,
    recordIds: [],
    entities: { users: [userName] },
  }
}
