import type { AlertPatch, AlertState, Verdict } from '../../cases/index.ts'
import { RampartError, REGION } from '../../platform/index.ts'
import type { FailureCode, JsonMap, UpdateAlert } from '../types.ts'
import { type Action, type ActionResult, type Call, failed } from './action.ts'

const STATES = ['new', 'in_progress', 'suppressed', 'resolved', 'archived'] as const satisfies readonly AlertState[]
const VERDICTS = [
  'false_positive',
  'true_positive',
  'disregard',
  'suspicious',
  'benign',
  'test',
  'insufficient_data',
  'security_risk',
  'managed_externally',
  'duplicate',
] as const satisfies readonly Verdict[]
const ALERT_ID = /^[A-Za-z0-9._@+=-][A-Za-z0-9._:@+=-]{0,255}$/

/** `cases.alert.update`: changes an alert of the run's workspace, as the playbook's role. */
export function alertUpdate(updateAlert: UpdateAlert): Action {
  return {
    name: 'cases.alert.update',
    summary: 'Changes state, verdict or owner of an alert, or comments on it.',
    parameters: {
      alert: { type: 'string', required: true, description: 'the id of the alert' },
      state: { type: 'string', enum: STATES, description: 'the new state' },
      verdict: { type: 'string', enum: VERDICTS, description: 'what the alert turned out to be' },
      owner: { type: 'string', description: 'who works on it' },
      comment: { type: 'string', description: 'a comment' },
    },
    output: { map: 'dyn' },
    idempotence: () => 'natural',
    run: (input, call) => run(updateAlert, input, call),
  }
}

async function run(updateAlert: UpdateAlert, input: JsonMap, call: Call): Promise<ActionResult> {
  const id = String(input.alert)
  if (!ALERT_ID.test(id)) return failed({ code: 'invalid', message: '`alert` is no id of an alert' })
  const resource = `arn:rampart:siem:${REGION}:${call.account}:alert/${call.workspace}/${id}`
  if (!(await call.mayDo('siem:alert:update', resource))) {
    return failed({ code: 'forbidden', message: `the role may not do siem:alert:update on ${resource}` })
  }
  // The parameters' types and enums are a patch's: what reaches an action was checked against them.
  const { alert: _, ...given } = input
  const patch = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as AlertPatch
  try {
    await updateAlert({ principal: call.principal, requestId: call.key, now: call.now }, call.workspace, id, patch)
    return { ok: true, output: { alert: id } }
  } catch (error) {
    if (!(error instanceof RampartError)) throw error
    return failed({ code: codeOf(error.status), message: error.message })
  }
}

function codeOf(status: number): FailureCode {
  switch (status) {
    case 403:
      return 'forbidden'
    case 404:
      return 'not_found'
    case 409:
    case 412:
      return 'conflict'
    case 429:
      return 'rate_limited'
    default:
      return status >= 500 ? 'unavailable' : 'invalid'
  }
}
