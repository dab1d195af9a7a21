import { assert } from '../../platform/index.ts'
import type { Playbook } from '../language/document.ts'
import type { ApprovalQuestion, RunEvent } from './events.ts'
import type { Payloads } from './payload.ts'
import type { RunState } from './state.ts'
import type { ApprovalTable, RunRow } from './store.ts'

/** What an approval asks and of whom, as stored with it. */
export interface ApprovalContent {
  readonly question: ApprovalQuestion
  readonly anyOf: readonly string[]
  readonly count: number
  readonly notInitiator: boolean
  readonly mfa: boolean
}

/** One person's decision. */
export interface Decision {
  readonly by: string
  readonly decision: 'approve' | 'reject'
  readonly at: number
  readonly comment?: string
}

/** The row of an approval that a step asks for. */
export async function approvalContent(
  payloads: Payloads,
  run: RunRow,
  playbook: Playbook,
  state: RunState,
  event: RunEvent & { type: 'approval.asked' },
  now: number,
): Promise<ApprovalTable> {
  const step = playbook.steps.find((candidate) => candidate.id === event.step)
  assert(step?.does.kind === 'approval', 'only an approval step asks')
  const { anyOf, count, notInitiator, mfa, expiresMs } = step.does
  const content: ApprovalContent = { question: event.question, anyOf, count, notInitiator, mfa }
  return {
    account: run.account,
    id: event.approval,
    workspace: run.workspace,
    playbook_id: run.playbook_id,
    run_id: run.id,
    step: event.step,
    state: 'open',
    initiator: state.origin.startedBy,
    asked_at: now,
    expires_at: now + expiresMs,
    decided_at: null,
    content: await payloads.seal(content, `approval/${event.approval}`),
    decisions: await payloads.seal([], `decisions/${event.approval}`),
  }
}
