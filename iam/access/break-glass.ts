import type { AccountId, Clock, Principal } from '../../platform/index.ts'
import type { Changes } from '../changes.ts'
import { StatementList } from '../decision/statement-list.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import { CUSTODIANS_MAX, CUSTODIANS_MIN } from '../limits.ts'
import { parsePolicy } from '../policy/document.ts'
import { compilePolicy } from '../policy/statement.ts'
import type { User } from '../types.ts'
import type { AccessRequest, AccessRequests } from './access-requests.ts'
import { isOpen } from './may-act.ts'

/** A break-glass user did something, or was opened. */
export interface BreakGlassUse {
  /** The same use has the same id. */
  readonly id: string
  readonly account: AccountId
  readonly userName: string
  readonly action: string
  readonly resource: string
  readonly allowed: boolean
  readonly at: number
}

/** Makes an alert of each use. Declared here, kept by whoever composes the process: iam knows no alerts. A use that
 * cannot be told is refused. */
export type BreakGlassAlarm = (use: BreakGlassUse) => Promise<void>

export interface BreakGlassState {
  /** Names of those who still exist, sorted. */
  readonly custodians: readonly string[]
  readonly openUntil?: number
}

export interface BreakGlassUsersDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly requests: AccessRequests
  readonly alarm: BreakGlassAlarm
  readonly clock: Clock
}

/** What custodians do with their break-glass user, whatever policies and guardrails say: an account that has locked
 * itself out is what they are for. */
const CUSTODY = new Set([
  'iam:break-glass:get',
  'iam:break-glass:request',
  'iam:break-glass:approve',
  'iam:break-glass:reject',
  'iam:break-glass:close',
])

export const custodyList = new StatementList([
  compilePolicy(
    'platform/custody',
    parsePolicy(
      JSON.stringify({ Version: '5.0', Statement: { Sid: 'Custodian', Effect: 'Allow', Action: [...CUSTODY] } }),
      'identity',
    ),
  ),
])

/** Whether a user asks to do what it does as a custodian of the break-glass user that `resource` names. */
export function isCustody(
  directory: Pick<Directory, 'findUser'>,
  asked: {
    readonly account: AccountId
    readonly custodianId: string
    readonly action: string
    readonly resource: string
  },
): boolean {
  if (!CUSTODY.has(asked.action)) return false
  const prefix = `arn:rampart:iam::${asked.account}:user/`
  if (!asked.resource.startsWith(prefix)) return false
  const user = directory.findUser(asked.account, asked.resource.slice(prefix.length))
  return user?.breakGlass?.custodians.has(asked.custodianId) ?? false
}

/** Users kept for emergencies. Closed, such a user can neither sign in nor use a key; two custodians beside the one who
 * asks open it for a bounded time, in which no guardrail binds it and every use raises an alert. */
export class BreakGlassUsers {
  readonly #deps: BreakGlassUsersDeps

  constructor(deps: BreakGlassUsersDeps) {
    this.#deps = deps
  }

  /** @throws iam.thing.absent where the user is none */
  get(account: AccountId, name: string): BreakGlassState {
    const { breakGlass } = this.#require(account, name)
    const users = [...(this.#deps.directory.stateOf(account)?.users.values() ?? [])]
    return {
      custodians: users
        .filter(({ id }) => breakGlass.custodians.has(id))
        .map((user) => user.name)
        .sort(),
      ...(breakGlass.openUntil !== undefined && isOpen(breakGlass, this.#deps.clock.now())
        ? { openUntil: breakGlass.openUntil }
        : {}),
    }
  }

  /** Makes a user one, or replaces its custodians. @throws iam.thing.absent, iam.access.custodians */
  async put(account: AccountId, name: string, custodians: readonly string[]): Promise<BreakGlassState> {
    const names = [...new Set(custodians)]
    if (names.length < CUSTODIANS_MIN || names.length > CUSTODIANS_MAX || names.includes(name)) {
      throw iamError(
        'iam.access.custodians',
        `a break-glass user has ${CUSTODIANS_MIN} to ${CUSTODIANS_MAX} custodians beside itself: one asks, two others open it`,
      )
    }
    await this.#deps.changes.run(account, async (write) => {
      const user = this.#user(account, name)
      const found = names.map((one) => this.#user(account, one))
      const odd = found.find(({ breakGlass }) => breakGlass !== undefined)
      if (odd) throw iamError('iam.access.custodians', `\`${odd.name}\` is a break-glass user and no custodian`)
      await write.access.putBreakGlass(
        user,
        found.map(({ id }) => id),
      )
    })
    return this.get(account, name)
  }

  /** A user like others from now on. @throws iam.thing.absent */
  async remove(account: AccountId, name: string): Promise<void> {
    const user = this.#require(account, name)
    await this.#deps.changes.run(account, (write) => write.access.deleteBreakGlass(user))
  }

  /** Newest first. @throws iam.thing.absent */
  async openings(account: AccountId, name: string): Promise<AccessRequest[]> {
    this.#require(account, name)
    const requests = await this.#deps.requests.list(account)
    return requests.filter(({ kind, target }) => kind === 'breakGlass' && target === name)
  }

  /** Only custodians ask. @throws iam.access.notCustodian, iam.limit.reached */
  request(
    principal: Principal,
    name: string,
    input: { readonly reason: string; readonly durationSec: number },
  ): Promise<AccessRequest> {
    this.#requireCustodian(principal, name)
    return this.#deps.requests.create(principal, { target: { kind: 'breakGlass', name }, ...input })
  }

  /** The second approval opens it. @throws iam.access.notCustodian, iam.access.ownRequest, iam.access.notOpen */
  async approve(principal: Principal, name: string, given: { readonly id: string; readonly comment?: string }) {
    await this.#requireOpeningOf(principal, name, given.id)
    const after = await this.#deps.requests.approve(principal, given.id, given.comment)
    if (after.state === 'active') {
      await this.#deps.alarm({
        id: given.id,
        account: principal.account,
        userName: name,
        action: 'iam:break-glass:open',
        resource: this.#require(principal.account, name).arn,
        allowed: true,
        at: after.startsAt ?? this.#deps.clock.now(),
      })
    }
    return after
  }

  /** @throws iam.access.notCustodian, iam.access.ownRequest, iam.access.notOpen */
  async reject(principal: Principal, name: string, given: { readonly id: string; readonly comment?: string }) {
    await this.#requireOpeningOf(principal, name, given.id)
    return this.#deps.requests.reject(principal, given.id, given.comment)
  }

  /** Any custodian closes it, at its next request. @throws iam.access.notCustodian, iam.access.notOpen */
  async close(principal: Principal, name: string, id: string): Promise<AccessRequest> {
    await this.#requireOpeningOf(principal, name, id)
    return this.#deps.requests.revoke(principal, id)
  }

  async #requireOpeningOf(principal: Principal, name: string, id: string): Promise<void> {
    this.#requireCustodian(principal, name)
    const { kind, target } = await this.#deps.requests.get(principal.account, id)
    if (kind === 'breakGlass' && target === name) return
    throw iamError('iam.thing.absent', `\`${name}\` has no opening \`${id.slice(0, 80)}\``)
  }

  /** Not by what policies allow: an administrator is no custodian. */
  #requireCustodian(principal: Principal, name: string): void {
    const { breakGlass } = this.#require(principal.account, name)
    const asks =
      principal.kind === 'user' ? this.#deps.directory.findUser(principal.account, principal.name) : undefined
    if (asks && breakGlass.custodians.has(asks.id)) return
    throw iamError('iam.access.notCustodian', `only the custodians of \`${name}\` open and close it`)
  }

  #user(account: AccountId, name: string): User {
    const user = this.#deps.directory.findUser(account, name)
    if (!user) throw iamError('iam.thing.absent', `there is no user \`${name.slice(0, 200)}\``)
    return user
  }

  #require(account: AccountId, name: string) {
    const user = this.#user(account, name)
    const { breakGlass } = user
    if (!breakGlass) throw iamError('iam.thing.absent', `\`${name}\` is no break-glass user`)
    return { ...user, breakGlass }
  }
}
