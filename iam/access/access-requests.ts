import { type AccountId, type Authorizer, type Clock, type Principal, uuidv7 } from '../../platform/index.ts'
import { acknowledgingNewAccess, type Changes } from '../changes.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import {
  ACCESS_ACTIVE_PER_USER_MAX,
  ACCESS_LAPSES_AFTER_MS,
  ACCESS_PENDING_MAX,
  ACCESS_PENDING_PER_USER_MAX,
  ACCESS_REQUESTS_KEPT_MAX,
} from '../limits.ts'
import type { IamWriter } from '../store.ts'
import type { User } from '../types.ts'
import type { AccessRow, AccessRows, AccessStore } from './store.ts'
import type { AccessKind } from './tables.ts'

export const requestStates = ['pending', 'lapsed', 'active', 'expired', 'rejected', 'cancelled', 'revoked'] as const
export type RequestState = (typeof requestStates)[number]

export interface Voice {
  readonly approver: string
  readonly approved: boolean
  readonly comment: string
  readonly at: number
}

/** Somebody asks for something for a while, and others say whether. */
export interface AccessRequest {
  readonly id: string
  readonly kind: AccessKind
  /** ARN of the policy, name of the group or of the break-glass user. */
  readonly target: string
  readonly requester: string
  readonly reason: string
  readonly durationSec: number
  /** At the moment of asking. */
  readonly state: RequestState
  readonly createdAt: number
  readonly approvalsNeeded: number
  readonly voices: readonly Voice[]
  readonly startsAt?: number
  /** From this instant on nothing is allowed by it. */
  readonly expiresAt?: number
  readonly endedAt?: number
  readonly endedBy?: string
}

export interface AccessTarget {
  readonly kind: AccessKind
  readonly name: string
}

export interface AccessRequestsDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly store: AccessStore
  readonly authorizer: Authorizer
  readonly clock: Clock
}

const APPROVE_ACCESS = 'iam:access-request:approve'

/** Voices that a request of each kind takes. Two persons open the break-glass user, neither of whom asked for it. */
const APPROVALS: Readonly<Record<AccessKind, number>> = { policy: 1, group: 1, breakGlass: 2 }

/** Access for a time: asked for with a reason, approved by somebody else, over at an exact instant.
 * INVARIANT (time): nothing runs when access is over. What was granted carries the instant as a condition inside each of
 * its statements, so the decision at that instant refuses already.   @see policy-views.ts */
export class AccessRequests {
  readonly #deps: AccessRequestsDeps

  constructor(deps: AccessRequestsDeps) {
    this.#deps = deps
  }

  /** Newest first. */
  async list(account: AccountId): Promise<AccessRequest[]> {
    const now = this.#deps.clock.now()
    return (await this.#deps.store.list(account, ACCESS_REQUESTS_KEPT_MAX)).map((rows) => requestOf(rows, now))
  }

  /** @throws iam.thing.absent */
  async get(account: AccountId, id: string): Promise<AccessRequest> {
    const rows = await this.#deps.store.find(account, id)
    if (!rows) throw absent(id)
    return requestOf(rows, this.#deps.clock.now())
  }

  /** Only users ask, and for themselves. @throws iam.access.usersOnly, iam.thing.absent, iam.limit.reached */
  async create(
    principal: Principal,
    input: { readonly target: AccessTarget; readonly reason: string; readonly durationSec: number },
  ): Promise<AccessRequest> {
    const { account } = principal
    const user = this.#user(principal)
    const id = uuidv7(this.#deps.clock)
    await this.#deps.changes.run(account, async (write) => {
      const now = this.#deps.clock.now()
      requireRoom(await write.access.countPending('anybody', now), ACCESS_PENDING_MAX, 'open requests in an account')
      const own = await write.access.countPending({ requester: user.name }, now)
      requireRoom(own, ACCESS_PENDING_PER_USER_MAX, 'open requests of one user')
      await write.access.insert({
        id,
        kind: input.target.kind,
        target: input.target.name,
        target_id: this.#idOf(account, input.target),
        requester: user.name,
        requester_id: user.id,
        reason: input.reason,
        duration_sec: input.durationSec,
        created_at: now,
        lapses_at: now + ACCESS_LAPSES_AFTER_MS,
      })
      await write.access.prune(ACCESS_REQUESTS_KEPT_MAX, now)
    })
    return this.get(account, id)
  }

  /** With the last approval that it takes, access begins. Who approves must also be allowed to on what is asked for:
   * the policy's or group's ARN.
   * @throws iam.access.usersOnly, iam.access.ownRequest, iam.access.notOpen, iam.thing.exists, iam.pdp.notAllowed */
  approve(principal: Principal, id: string, comment = ''): Promise<AccessRequest> {
    return this.#voice(principal, id, { approved: true, comment })
  }

  /** One voice against it is enough. @throws as `approve` */
  reject(principal: Principal, id: string, comment = ''): Promise<AccessRequest> {
    return this.#voice(principal, id, { approved: false, comment })
  }

  /** Takes an own request back, before or after it was approved. @throws iam.access.notOwn, iam.access.notOpen */
  async cancel(principal: Principal, id: string): Promise<AccessRequest> {
    const user = this.#user(principal)
    return this.#end(principal, id, (request) => {
      if (request.requester_id !== user.id) {
        throw iamError('iam.access.notOwn', 'only who asked takes a request back; others revoke or reject it')
      }
      return 'cancelled'
    })
  }

  /** Ends access before its time. @throws iam.access.notOpen */
  revoke(principal: Principal, id: string): Promise<AccessRequest> {
    return this.#end(principal, id, () => 'revoked')
  }

  async #voice(
    principal: Principal,
    id: string,
    said: { readonly approved: boolean; readonly comment: string },
  ): Promise<AccessRequest> {
    const { account } = principal
    const user = this.#user(principal)
    const asked = await this.#deps.store.find(account, id)
    if (!asked) throw absent(id)
    await this.#requireMayDecide(principal, asked.request)
    const decide = async (write: IamWriter) => {
      const now = this.#deps.clock.now()
      const rows = await write.access.read(id)
      if (!rows) throw absent(id)
      const { request, voices } = rows
      requireOpen(request, now, ['pending'])
      if (request.requester_id === user.id) {
        throw iamError('iam.access.ownRequest', 'nobody decides about a request of their own; ask somebody else')
      }
      if (voices.some((voice) => voice.approver_id === user.id)) {
        throw iamError('iam.thing.exists', 'you have decided about this request already; another person has to')
      }
      await write.access.addVoice({
        request: id,
        approver_id: user.id,
        approver: principal.arn,
        approved: said.approved ? 1 : 0,
        comment: said.comment,
        at: now,
      })
      if (!said.approved) {
        await write.access.update(id, { state: 'rejected', ended_at: now, ended_by: principal.arn }, gainerOf(request))
      } else if (voices.length + 1 >= APPROVALS[request.kind]) await this.#begin(write, request, now)
    }
    // That it gives new access is what was approved.
    await acknowledgingNewAccess(() => this.#deps.changes.run(account, decide))
    return this.get(account, id)
  }

  async #begin(write: IamWriter, request: AccessRow, now: number): Promise<void> {
    const account = request.account as AccountId
    const target = { kind: request.kind, name: request.target }
    if (this.#idOf(account, target) !== request.target_id) {
      throw iamError('iam.access.notOpen', 'what was asked for was deleted and made again; it has to be asked for anew')
    }
    const requester = this.#deps.directory.findUser(account, request.requester)
    if (requester?.id !== request.requester_id) {
      throw iamError('iam.access.notOpen', 'the user who asked is gone')
    }
    const active = await write.access.countActive(request.requester, now)
    requireRoom(active, ACCESS_ACTIVE_PER_USER_MAX, 'accesses for a time held by one user')
    const times = { starts_at: now, expires_at: now + request.duration_sec * 1000 }
    await write.access.update(request.id, { state: 'approved', ...times }, gainerOf(request))
    // Sign-ins from when it was open the last time are over.
    if (request.kind === 'breakGlass') await write.updateUser(request.target, { tokens_valid_after: now })
  }

  async #end(
    principal: Principal,
    id: string,
    stateOf: (request: AccessRow) => 'cancelled' | 'revoked',
  ): Promise<AccessRequest> {
    await this.#deps.changes.run(principal.account, async (write) => {
      const now = this.#deps.clock.now()
      const rows = await write.access.read(id)
      if (!rows) throw absent(id)
      const state = stateOf(rows.request)
      requireOpen(rows.request, now, ['pending', 'active'])
      const ended = { state, ended_at: now, ended_by: principal.arn }
      await write.access.update(id, ended, gainerOf(rows.request))
    })
    return this.get(principal.account, id)
  }

  /** Custodians open break-glass users, which their own routes see to; for the rest policies say who may. */
  async #requireMayDecide(principal: Principal, { kind, target }: AccessRow): Promise<void> {
    if (kind === 'breakGlass') return
    const resource = kind === 'policy' ? target : `arn:rampart:iam::${principal.account}:group/${target}`
    const { allowed, id } = await this.#deps.authorizer.authorize({ principal, action: APPROVE_ACCESS, resource })
    if (allowed) return
    throw iamError('iam.pdp.notAllowed', `deciding about it takes ${APPROVE_ACCESS} on ${resource} too`, {
      extra: { decisionId: id },
    })
  }

  /** A session of a role hides who is behind it, and with that whether it is somebody else.
   * @throws iam.access.usersOnly */
  #user({ kind, account, name }: Principal): User {
    const user = kind === 'user' ? this.#deps.directory.findUser(account, name) : undefined
    if (user) return user
    throw iamError('iam.access.usersOnly', 'access is asked for, approved and taken back by users, not by roles')
  }

  /** @throws iam.thing.absent */
  #idOf(account: AccountId, { kind, name }: AccessTarget): string {
    const { directory } = this.#deps
    const found =
      kind === 'policy'
        ? directory.findPolicy(account, name)
        : kind === 'group'
          ? directory.findGroup(account, name)
          : directory.findUser(account, name)
    if (found) return found.id
    throw iamError('iam.thing.absent', `there is no ${kind === 'breakGlass' ? 'user' : kind} \`${name.slice(0, 200)}\``)
  }
}

/** The user whose access a request changes. */
function gainerOf({ kind, target, requester }: AccessRow): string {
  return kind === 'breakGlass' ? target : requester
}

function requestOf({ request, voices }: AccessRows, now: number): AccessRequest {
  const { starts_at: startsAt, expires_at: expiresAt, ended_at: endedAt, ended_by: endedBy } = request
  return {
    id: request.id,
    kind: request.kind,
    target: request.target,
    requester: request.requester,
    reason: request.reason,
    durationSec: request.duration_sec,
    state: stateAt(request, now),
    createdAt: request.created_at,
    approvalsNeeded: APPROVALS[request.kind],
    voices: voices.map(({ approver, approved, comment, at }) => ({ approver, approved: approved === 1, comment, at })),
    ...(startsAt === null ? {} : { startsAt }),
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(endedAt === null ? {} : { endedAt }),
    ...(endedBy === null ? {} : { endedBy }),
  }
}

function stateAt(request: AccessRow, now: number): RequestState {
  switch (request.state) {
    case 'pending':
      return now < request.lapses_at ? 'pending' : 'lapsed'
    case 'approved':
      return now < (request.expires_at ?? 0) ? 'active' : 'expired'
    default:
      return request.state
  }
}

/** @throws iam.access.notOpen */
function requireOpen(request: AccessRow, now: number, wanted: readonly RequestState[]): void {
  const state = stateAt(request, now)
  if (!wanted.includes(state)) throw iamError('iam.access.notOpen', `the request is ${state}`)
}

function absent(id: string) {
  return iamError('iam.thing.absent', `there is no access request \`${id.slice(0, 80)}\``)
}

function requireRoom(count: number, countMax: number, what: string): void {
  if (count >= countMax) throw iamError('iam.limit.reached', `at most ${countMax} ${what} are allowed`)
}
