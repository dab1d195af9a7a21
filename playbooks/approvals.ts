import {
  type AccountId,
  type Clock,
  type Context,
  formatInstant,
  iamArn,
  type Listed,
  type ListPage,
  pageThrough,
  uuidv7,
} from '../platform/index.ts'
import type { ApprovalContent, Decision } from './engine/approval-content.ts'
import type { Signal } from './engine/driver.ts'
import type { Payloads } from './engine/payload.ts'
import type { ApprovalRow, RunStore } from './engine/store.ts'
import { playbookError } from './errors.ts'
import { APPROVALS_SCANNED_MAX, MFA_AGE_MS_MAX } from './limits.ts'
import type { Json } from './types.ts'

export interface ApprovalsDeps {
  readonly store: RunStore
  readonly payloads: Payloads
  readonly clock: Clock
  onWake(): void
}

export interface ApprovalAnswer {
  readonly id: string
  readonly playbookId: string
  readonly runId: string
  readonly stepId: string
  readonly state: ApprovalRow['state']
  readonly title: string
  readonly text?: string
  readonly show: readonly { readonly expression: string; readonly value: Json }[]
  readonly approvers: {
    readonly anyOf: readonly string[]
    readonly count: number
    readonly notInitiator: boolean
    readonly mfa: boolean
  }
  readonly initiator: string
  readonly decisions: readonly {
    readonly by: string
    readonly decision: 'approve' | 'reject'
    readonly at: string
    readonly comment?: string
  }[]
  readonly askedAt: string
  readonly expiresAt: string
  readonly decidedAt?: string
}

/** How often two people who decide at the same instant are told apart before one is asked to try again. */
const TRIES_MAX = 5

/** Questions that runs ask people. The right to decide is checked when somebody decides, not when he is asked. */
export class Approvals {
  readonly #deps: ApprovalsDeps

  constructor(deps: ApprovalsDeps) {
    this.#deps = deps
  }

  /** Newest first. */
  async list(account: AccountId, workspace: string, page: ListPage<ApprovalAnswer>): Promise<Listed<ApprovalAnswer>> {
    return pageThrough(page, {
      read: ({ after, limit }) => this.#deps.store.approvals(account, workspace, { before: after, limit }),
      placeOf: ({ id }) => id,
      toItem: (row) => this.#answer(row),
      scannedMax: APPROVALS_SCANNED_MAX,
    })
  }

  /** @throws playbooks.approval.notFound */
  async get(account: AccountId, workspace: string, id: string): Promise<ApprovalAnswer> {
    return this.#answer(await this.#require(account, workspace, id))
  }

  /** Takes a person's decision. One rejection rejects; `count` distinct people approve.
   * @throws playbooks.approval.notFound, playbooks.approval.notYours, playbooks.approval.wrongState */
  async decide(
    ctx: Context,
    workspace: string,
    id: string,
    decision: 'approve' | 'reject',
    comment: string | undefined,
  ): Promise<ApprovalAnswer> {
    const { account, arn } = ctx.principal
    const { store, clock, payloads } = this.#deps
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const row = await this.#require(account, workspace, id)
      if (row.state !== 'open') {
        throw playbookError('playbooks.approval.wrongState', `the approval is ${row.state} already`)
      }
      const content = (await payloads.open(row.content, `approval/${id}`)) as ApprovalContent
      requireMayDecide(ctx, row, content)
      const before = (await payloads.open(row.decisions, `decisions/${id}`)) as readonly Decision[]
      if (before.some((earlier) => personOf(earlier.by) === personOf(arn))) {
        throw playbookError('playbooks.approval.wrongState', 'you, or your role, decided already; another must')
      }
      const now = clock.now()
      const decisions: readonly Decision[] = [
        ...before,
        { by: arn, decision, at: now, ...(comment === undefined ? {} : { comment }) },
      ]
      const state = stateAfter(decisions, content.count)
      const signalId = uuidv7(clock)
      const signal: Signal = {
        kind: 'decided',
        step: row.step,
        decision,
        by: decisions.map((made) => made.by),
        ...(comment === undefined ? {} : { comment }),
      }
      const kept = await store.decide(row, {
        state,
        now,
        decisions: await payloads.seal(decisions, `decisions/${id}`),
        signal: { id: signalId, payload: await payloads.seal(signal, `signal/${row.run_id}/${signalId}`) },
      })
      if (!kept) continue
      if (state !== 'open') this.#deps.onWake()
      return this.get(account, workspace, id)
    }
    throw playbookError('playbooks.approval.wrongState', 'somebody else is deciding; look again')
  }

  async #require(account: AccountId, workspace: string, id: string): Promise<ApprovalRow> {
    const row = await this.#deps.store.findApproval(account, workspace, id)
    if (!row) throw playbookError('playbooks.approval.notFound', `no approval \`${id}\` in workspace \`${workspace}\``)
    return row
  }

  async #answer(row: ApprovalRow): Promise<ApprovalAnswer> {
    const { payloads } = this.#deps
    const content = (await payloads.open(row.content, `approval/${row.id}`)) as ApprovalContent
    const decisions = (await payloads.open(row.decisions, `decisions/${row.id}`)) as readonly Decision[]
    const { question, anyOf, count, notInitiator, mfa } = content
    return {
      id: row.id,
      playbookId: row.playbook_id,
      runId: row.run_id,
      stepId: row.step,
      state: row.state,
      ...question,
      approvers: { anyOf, count, notInitiator, mfa },
      initiator: row.initiator,
      decisions: decisions.map((made) => ({ ...made, at: formatInstant(made.at) })),
      askedAt: formatInstant(row.asked_at),
      expiresAt: formatInstant(row.expires_at),
      ...(row.decided_at === null ? {} : { decidedAt: formatInstant(row.decided_at) }),
    }
  }
}

function stateAfter(decisions: readonly Decision[], count: number): ApprovalRow['state'] {
  if (decisions.some((made) => made.decision === 'reject')) return 'rejected'
  return decisions.length >= count ? 'approved' : 'open'
}

/** `soar:approval:decide` was checked before; this is what the playbook's author asked for beside it. */
function requireMayDecide(ctx: Context, row: ApprovalRow, content: ApprovalContent): void {
  const { principal, now } = ctx
  if (!content.anyOf.some((approver) => isApprover(ctx, approver))) {
    throw playbookError('playbooks.approval.notYours', `only ${content.anyOf.join(', ')} may decide this`)
  }
  if (content.notInitiator && personOf(row.initiator) === personOf(principal.arn)) {
    throw playbookError('playbooks.approval.notYours', 'you started this run; another person must decide')
  }
  const provedAt = principal.authenticatedAt ?? 0
  if (content.mfa && !(principal.mfa && now - provedAt <= MFA_AGE_MS_MAX)) {
    throw playbookError(
      'playbooks.approval.notYours',
      'this needs a second factor, proved within the last 5 minutes; sign in again',
    )
  }
}

function isApprover({ principal }: Context, approver: string): boolean {
  const [kind = '', name = ''] = approver.split('/', 2)
  return principal.kind === kind && personOf(principal.arn) === iamArn(principal.account, kind, name)
}

/** Who stands behind a name, as far as it tells: the sessions of a role are all one, since whoever may assume it names
 * his sessions as he likes. */
function personOf(arn: string): string {
  return arn.replace(/^arn:rampart:sts::([0-9]{12}):assumed-role\/([^/]+)\/.*$/, 'arn:rampart:iam::$1:role/$2')
}
