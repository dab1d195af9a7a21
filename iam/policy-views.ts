import type { AccountId, Principal } from '../platform/index.ts'
import { sourcePolicy } from './builtin.ts'
import { StatementList } from './decision/statement-list.ts'
import type { AccountState } from './directory.ts'
import { STATEMENTS_PER_PRINCIPAL_MAX, VIEWS_REMEMBERED_MAX } from './limits.ts'
import { parsePolicy } from './policy/document.ts'
import { policyUntil } from './policy/narrow.ts'
import { type CompiledPolicy, compilePolicy } from './policy/statement.ts'
import { scopedPolicy } from './projects/scope.ts'
import { Remembered } from './remembered.ts'
import type { Group, Holder, LoadedPolicy, ManagedPolicy, Role, TimedAccess, User } from './types.ts'

/** The policies that apply to one principal, ready for decisions. */
export interface PolicyView {
  /** The policies behind `identity` and `boundary`. */
  readonly policies: readonly CompiledPolicy[]
  readonly boundaryPolicies: readonly CompiledPolicy[] | undefined
  readonly identity: StatementList
  readonly boundary: StatementList | undefined
  /** Names of policies that could not be read: whoever holds one is denied. */
  readonly broken: readonly string[]
  readonly holder: User | Role | undefined
}

interface Entry {
  readonly generation: number
  readonly view: PolicyView
}

const everything = compilePolicy(
  'platform',
  parsePolicy('{"Version":"5.0","Statement":{"Sid":"Self","Effect":"Allow","Action":"*"}}', 'identity'),
)

/** As much of an account as views are made of. */
export type ViewedAccount = Pick<AccountState, 'account' | 'generation'> & {
  readonly users: { get(name: string): User | undefined }
  readonly groups: { get(name: string): Group | undefined }
  readonly roles: { get(name: string): Role | undefined }
}

/** Where views find what they are made of. */
export interface ViewedDirectory {
  stateOf(account: AccountId): ViewedAccount | undefined
  findPolicy(account: AccountId, arn: string): ManagedPolicy | undefined
}

/** Makes views and keeps them until something of the account changes. */
export class PolicyViews {
  readonly #directory: ViewedDirectory
  readonly #entries = new Remembered<string, Entry>(VIEWS_REMEMBERED_MAX)
  readonly #sources = new Remembered<AccountId, PolicyView>(VIEWS_REMEMBERED_MAX)
  readonly #platform: PolicyView = viewOf([everything])
  /** Session policies are values that live as long as their session; compiled once for each. */
  readonly #sessions = new WeakMap<object, StatementList>()

  constructor(directory: ViewedDirectory) {
    this.#directory = directory
  }

  /** undefined where there is no such principal (any more). */
  find(principal: Principal): PolicyView | undefined {
    switch (principal.kind) {
      case 'platform':
        return this.#platform
      case 'source':
        return this.#sourceView(principal.account)
      case 'user':
      case 'role':
        return this.#viewOfPrincipal(principal.kind, principal)
    }
  }

  readonly #ofPrincipals = new WeakMap<Principal, Entry>()

  /** Found by the very object before by its name, which costs more than many a decision. */
  #viewOfPrincipal(kind: 'user' | 'role', principal: Principal): PolicyView | undefined {
    const state = this.#directory.stateOf(principal.account)
    if (!state) return undefined
    const known = this.#ofPrincipals.get(principal)
    if (known?.generation === state.generation) return known.view
    const view = this.#holderView(kind, state, principal)
    if (view) this.#ofPrincipals.set(principal, { generation: state.generation, view })
    return view
  }

  /** @throws iam.policy.malformed */
  sessionList(document: unknown): StatementList {
    const compile = () =>
      new StatementList([compilePolicy('session', parsePolicy(JSON.stringify(document), 'session'))])
    if (typeof document !== 'object' || document === null) return compile()
    const known = this.#sessions.get(document)
    if (known) return known
    const list = compile()
    this.#sessions.set(document, list)
    return list
  }

  #holderView(kind: 'user' | 'role', state: ViewedAccount, { account, name }: Principal): PolicyView | undefined {
    const key = `${account}/${kind}/${name}`
    const entry = this.#entries.get(key)
    if (entry?.generation === state.generation) return entry.view
    const view = this.#makeView(kind, state, account, name)
    if (view) this.#entries.set(key, { generation: state.generation, view })
    return view
  }

  #makeView(kind: 'user' | 'role', state: ViewedAccount, account: AccountId, name: string): PolicyView | undefined {
    const holder = kind === 'user' ? state.users.get(name) : state.roles.get(name)
    if (!holder) return undefined
    const groups = 'groups' in holder ? holder.groups.flatMap((group) => state.groups.get(group) ?? []) : []
    const timed = 'access' in holder ? holder.access.flatMap((access) => this.#policiesForATime(state, access)) : []
    const held = [...[holder, ...groups].flatMap((one) => this.#policiesOf(account, one)), ...timed]
    const boundary: [string, LoadedPolicy][] = holder.boundary
      ? [[holder.boundary, this.#directory.findPolicy(account, holder.boundary)?.compiled]]
      : []
    const broken = [...held, ...boundary].filter(([, policy]) => !policy).map(([id]) => id)
    const distinct = new Map(held)
    const count = [...distinct.values()].reduce((sum, policy) => sum + (policy?.statements.length ?? 0), 0)
    // Refused where policies are attached; what came by many groups or new versions is caught here, and denied.
    if (count > STATEMENTS_PER_PRINCIPAL_MAX)
      broken.push(`${count} statements, more than ${STATEMENTS_PER_PRINCIPAL_MAX}`)
    const boundaryPolicies = holder.boundary ? boundary.flatMap(([, policy]) => policy ?? []) : undefined
    return {
      ...viewOf([...distinct.values()].filter((policy) => policy !== undefined)),
      boundary: boundaryPolicies && new StatementList(boundaryPolicies),
      boundaryPolicies,
      broken,
      holder,
    }
  }

  #policiesOf(account: AccountId, holder: Holder): [string, LoadedPolicy][] {
    return [
      ...holder.attached.map((arn): [string, LoadedPolicy] => [
        arn,
        this.#directory.findPolicy(account, arn)?.compiled,
      ]),
      ...[...holder.inline].map(([name, policy]): [string, LoadedPolicy] => [`${holder.arn}#${name}`, policy.compiled]),
      ...holder.grants.map(({ policy, scope }): [string, LoadedPolicy] => {
        const compiled = this.#directory.findPolicy(account, policy)?.compiled
        return [`${policy}@${scope}`, compiled && scopedPolicy(compiled, { account, scope })]
      }),
    ]
  }

  /** What was meant by the name when access was asked for; nothing where that is gone. */
  #policiesForATime(state: ViewedAccount, access: TimedAccess): [string, LoadedPolicy][] {
    const { kind, target, targetId, expiresAt, request } = access
    const found = kind === 'policy' ? this.#directory.findPolicy(state.account, target) : state.groups.get(target)
    if (found?.id !== targetId) return []
    const held: [string, LoadedPolicy][] =
      'compiled' in found ? [[target, found.compiled]] : this.#policiesOf(state.account, found)
    return held.map(([id, compiled]) => [`${id}@${request}`, compiled && policyUntil(compiled, expiresAt)])
  }

  #sourceView(account: AccountId): PolicyView {
    const known = this.#sources.get(account)
    if (known) return known
    const text = JSON.stringify(sourcePolicy(account))
    const view = viewOf([compilePolicy('source', parsePolicy(text, 'identity'))])
    this.#sources.set(account, view)
    return view
  }
}

function viewOf(policies: readonly CompiledPolicy[]): PolicyView {
  return {
    policies,
    boundaryPolicies: undefined,
    identity: new StatementList(policies),
    boundary: undefined,
    broken: [],
    holder: undefined,
  }
}
