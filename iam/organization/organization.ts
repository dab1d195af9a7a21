import type { AccountId } from '../../platform/index.ts'
import type { Guardrail } from '../decision/decide.ts'
import { StatementList } from '../decision/statement-list.ts'
import { parsePolicy } from '../policy/document.ts'
import { type CompiledPolicy, compilePolicy } from '../policy/statement.ts'
import type { LoadedPolicy } from '../types.ts'
import type { OrganizationRows } from './store.ts'
import type { GuardrailKind } from './tables.ts'

/** The root of an organisation, or an organisational unit. */
export interface OrganizationNode {
  readonly id: string
  readonly parent: string | undefined
  readonly name: string
  /** 0 for the root. */
  readonly depth: number
  readonly createdAt: number
}

export interface Member {
  readonly account: AccountId
  readonly node: string
  readonly joinedAt: number
}

export interface GuardrailPolicy {
  readonly name: string
  readonly kind: GuardrailKind
  readonly description: string
  readonly document: string
  readonly compiled: LoadedPolicy
  /** Made by the platform; allows everything, so that a node without any other bounds nothing. */
  readonly builtin: boolean
  readonly createdAt: number
}

export interface Invitation {
  readonly id: string
  readonly account: AccountId
  readonly createdAt: number
  readonly expiresAt: number
}

/** Where an account stands in its organisation, as decisions see it. */
export interface Place {
  readonly organization: string
  /** `<organisation>/<root>/<unit>/…/`, for `g:PrincipalOrgPath`. */
  readonly path: string
  /** What bounds the account's principals: one a node from the root to the account. */
  readonly guardrails: readonly Guardrail[]
  /** What bounds what is done to the account's resources. */
  readonly resourceGuardrails: readonly Guardrail[]
}

const FULL_ACCESS = '{"Version":"5.0","Statement":[{"Sid":"FullAccess","Effect":"Allow","Action":"*","Resource":"*"}]}'

function builtin(name: string, kind: GuardrailKind): GuardrailPolicy {
  return {
    name,
    kind,
    description: 'Bounds nothing',
    document: FULL_ACCESS,
    compiled: compileGuardrail(name, FULL_ACCESS),
    builtin: true,
    createdAt: 0,
  }
}

/** @throws iam.policy.malformed */
export function compileGuardrail(name: string, document: string): CompiledPolicy {
  return compilePolicy(name, parsePolicy(document, 'guardrail'))
}

/** Attached to each new node, so that joining an organisation takes nothing away. */
export const builtinGuardrails: readonly GuardrailPolicy[] = [
  builtin('FullAccess', 'principal'),
  builtin('FullResourceAccess', 'resource'),
]

/** One organisation as of one revision. Immutable. */
export class Organization {
  readonly id: string
  readonly management: AccountId
  readonly createdAt: number
  readonly root: OrganizationNode
  readonly nodes: ReadonlyMap<string, OrganizationNode>
  readonly members: ReadonlyMap<string, Member>
  readonly invitations: ReadonlyMap<string, Invitation>
  readonly guardrails: ReadonlyMap<string, GuardrailPolicy>
  /** Names of guardrails by node or account. */
  readonly attached: ReadonlyMap<string, ReadonlySet<string>>
  readonly #bounds = new Map<string, Guardrail | undefined>()
  readonly #places = new Map<string, Place>()

  /** @param compile of a stored guardrail; undefined where it cannot be read, which denies below where it is attached */
  constructor(rows: OrganizationRows, compile: (name: string, document: string) => LoadedPolicy) {
    this.id = rows.organization.id
    this.management = rows.organization.account as AccountId
    this.createdAt = rows.organization.created_at
    this.nodes = nodesOf(rows)
    const root = [...this.nodes.values()].find(({ parent }) => parent === undefined)
    if (!root) throw new Error(`the organisation ${this.id} has no root`)
    this.root = root
    this.members = new Map(
      rows.members.map(({ account, node, joined_at }) => [
        account,
        { account: account as AccountId, node, joinedAt: joined_at },
      ]),
    )
    this.invitations = new Map(
      rows.invitations.map(({ id, invited, created_at, expires_at }) => [
        id,
        { id, account: invited as AccountId, createdAt: created_at, expiresAt: expires_at },
      ]),
    )
    const own = rows.guardrails.map(
      ({ name, kind, description, document, created_at }): GuardrailPolicy => ({
        name,
        kind,
        description,
        document,
        compiled: compile(name, document),
        builtin: false,
        createdAt: created_at,
      }),
    )
    this.guardrails = new Map([...own, ...builtinGuardrails].map((policy) => [policy.name, policy]))
    const attached = new Map<string, Set<string>>()
    for (const { node, guardrail } of rows.attachments) {
      attached.set(node, (attached.get(node) ?? new Set()).add(guardrail))
    }
    this.attached = attached
  }

  /** A node or member account that guardrails can be attached to. */
  hasTarget(id: string): boolean {
    return this.nodes.has(id) || this.members.has(id)
  }

  /** undefined for an account that is no member. */
  placeOf(account: string): Place | undefined {
    const member = this.members.get(account)
    if (!member) return undefined
    const known = this.#places.get(account)
    if (known) return known
    const path = this.#pathOf(member.node)
    // The management account sets the bounds and stays outside them, or nobody could undo a mistake.
    const isBound = account !== this.management
    const bounds = (kind: GuardrailKind) =>
      isBound ? [...path, account].flatMap((node) => this.#boundAt(node, kind) ?? []) : []
    const place: Place = {
      organization: this.id,
      path: `${[this.id, ...path].join('/')}/`,
      guardrails: bounds('principal'),
      resourceGuardrails: bounds('resource'),
    }
    this.#places.set(account, place)
    return place
  }

  #pathOf(node: string): string[] {
    const path: string[] = []
    for (let at = this.nodes.get(node); at; at = at.parent === undefined ? undefined : this.nodes.get(at.parent)) {
      path.unshift(at.id)
    }
    return path
  }

  /** undefined where the node holds only the policy that bounds nothing: most do, and decisions need not ask it. A node
   * with no policy at all allows nothing, and neither does one whose policy cannot be read. */
  #boundAt(node: string, kind: GuardrailKind): Guardrail | undefined {
    const key = `${kind}/${node}`
    if (this.#bounds.has(key)) return this.#bounds.get(key)
    const policies = [...(this.attached.get(node) ?? [])]
      .map((name) => this.guardrails.get(name))
      .filter((policy) => policy === undefined || policy.kind === kind)
    const compiled = policies.map((policy) => policy?.compiled)
    const isReadable = compiled.every((policy) => policy !== undefined)
    const isOpen = policies.length > 0 && policies.every((policy) => policy?.builtin)
    const bound = isOpen ? undefined : { node, list: new StatementList(isReadable ? compiled : []) }
    this.#bounds.set(key, bound)
    return bound
  }
}

function nodesOf({ nodes }: OrganizationRows): Map<string, OrganizationNode> {
  const rows = new Map(nodes.map((row) => [row.id, row]))
  const depthOf = (id: string | null): number => (id === null ? -1 : 1 + depthOf(rows.get(id)?.parent ?? null))
  return new Map(
    nodes.map(({ id, parent, name, created_at }) => [
      id,
      { id, parent: parent ?? undefined, name, depth: depthOf(id), createdAt: created_at },
    ]),
  )
}
