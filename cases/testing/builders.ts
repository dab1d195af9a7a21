import { type Context, iamArn, parseAccountId } from '../../platform/index.ts'
import type { IncomingFinding } from '../types.ts'

export const account = parseAccountId('000000000001')
export const otherAccount = parseAccountId('000000000002')
/** 2026-01-01T00:00:00Z */
export const START = 1_767_225_600_000
export const HOUR = 3_600_000

type FindingParts = Partial<Omit<IncomingFinding, 'rule'>> & { readonly rule?: Partial<IncomingFinding['rule']> }

/** A finding of rule `r1` on host `web-1`; `parts` replace what matters to the test. */
export function aFinding(id: string, parts: FindingParts = {}): IncomingFinding {
  return {
    id,
    account,
    workspace: 'default',
    kind: 'rule',
    time: START,
    recordIds: [`logs/0/${id}`],
    entities: { hosts: ['web-1'], users: ['root'], ips: ['10.0.0.9'] },
    ...parts,
    rule: { id: 'r1', title: 'Root logged in', severity: 'medium', techniques: ['T1078'], ...parts.rule },
  }
}

export function aContext(name = 'ann', now = START, requestId = `req-${name}-${now}`): Context {
  return {
    principal: { kind: 'user', account, arn: iamArn(account, 'user', name), name, auth: 'token' },
    requestId,
    now,
  }
}

/** A clock that stands until it is moved. */
export function aClock(at = START): { now(): number; at: number } {
  return {
    at,
    now() {
      return this.at
    },
  }
}
