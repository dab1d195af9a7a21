import { randomBytes } from 'node:crypto'
import { type AccountId, type Clock, uuidv7 } from '../../platform/index.ts'
import { type AccountListener, insertAdministrator, makeAccountId, openAccount } from '../accounts.ts'
import { platformPolicyArn } from '../builtin.ts'
import type { Changes } from '../changes.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import {
  GUARDRAILS_MAX,
  GUARDRAILS_PER_NODE_MAX,
  INVITATION_TTL_MS,
  INVITATIONS_MAX,
  ORGANIZATION_ACCOUNTS_MAX,
  ORGANIZATION_DEPTH_MAX,
  ORGANIZATION_UNITS_MAX,
} from '../limits.ts'
import { requireName } from '../names.ts'
import type { Passwords } from '../passwords.ts'
import type { IamWriter } from '../store.ts'
import type { Account } from '../types.ts'
import {
  builtinGuardrails,
  compileGuardrail,
  type GuardrailPolicy,
  type Invitation,
  type Member,
  Organization,
  type OrganizationNode,
} from './organization.ts'
import type { GuardrailKind } from './tables.ts'

export interface OrganizationsDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly passwords: Pick<Passwords, 'hash'>
  readonly clock: Clock
}

/** In a member account made by the organisation: what the management account acts as there. */
const ACCESS_ROLE = 'organization-access'

/** Accounts and the tree they stand in. `account` is the caller's throughout: only the management account changes the
 * tree, an invited account decides whether it joins, and a member whether it stays. */
export class Organizations {
  readonly #deps: OrganizationsDeps
  readonly #listeners: AccountListener[] = []

  constructor(deps: OrganizationsDeps) {
    this.#deps = deps
  }

  /** `listener` is called for each account made from now on, before whoever asked for it is answered. */
  onAccount(listener: AccountListener): void {
    this.#listeners.push(listener)
  }

  /** The organisation the account is in. @throws iam.thing.absent */
  get(account: AccountId): Organization {
    const found = this.#deps.directory.organizationOf(account)
    if (!found) throw iamError('iam.thing.absent', 'this account is in no organisation')
    return found
  }

  /** The organisation that the account manages, with everything in it. A member is told what a stranger is: that there
   * is none. @throws iam.thing.absent */
  managed(account: AccountId): Organization {
    const found = this.#deps.directory.organizationOf(account)
    if (!found || found.management !== account) throw notManaged()
    return found
  }

  /** @throws iam.thing.exists */
  async create(account: AccountId): Promise<Organization> {
    const now = this.#deps.clock.now()
    await this.#deps.changes.run(account, async (write) => {
      await requireNoOrganization(write, account)
      const id = `o-${randomId()}`
      const root = `r-${randomId()}`
      await write.organization.insertOrganization({ account, id, created_at: now })
      await write.organization.insertNode({
        account,
        organization: id,
        id: root,
        parent: null,
        name: 'root',
        created_at: now,
      })
      await openNode(write, { account, organization: id, node: root })
      await join(write, { management: account, organization: id, account, node: root, at: now })
    })
    return this.get(account)
  }

  /** @throws iam.thing.absent, iam.thing.inUse while another account is in it */
  async delete(account: AccountId): Promise<void> {
    await this.#change(account, async (write, { id, members }) => {
      if (members.size > 1) {
        throw iamError(
          'iam.thing.inUse',
          `${members.size - 1} other accounts are in the organisation; remove them first`,
        )
      }
      await write.organization.deleteOrganization(id)
    })
  }

  /** A new account below `parent` (default: the root). The management account can assume its role
   * `organization-access`; `administrator` makes a first user beside it.
   * @throws iam.thing.absent, iam.name.malformed, iam.limit.reached, iam.password.weak */
  async createAccount(
    account: AccountId,
    input: {
      readonly name: string
      readonly parent?: string
      readonly administrator?: { readonly userName: string; readonly password: string }
    },
  ): Promise<Account> {
    requireName('account', input.name)
    const { id: organization } = this.managed(account)
    const { clock, passwords, changes } = this.#deps
    const admin = input.administrator
    if (admin) requireName('user', admin.userName)
    const passwordHash = admin && (await passwords.hash(admin.password))
    const made = makeAccountId()
    const now = clock.now()
    await changes.run(made, async (write) => {
      const found = await readManaged(write, account, organization)
      const node = requireNode(found, input.parent ?? found.root.id)
      requireRoom(found.members.size, ORGANIZATION_ACCOUNTS_MAX, 'accounts in an organisation')
      if (await write.organization.hasAccount(made))
        throw iamError('iam.thing.exists', 'the number was taken; try again')
      await openAccount(write, made, { name: input.name, clock })
      await insertAccessRole(write, { management: account, clock })
      if (admin && passwordHash) await insertAdministrator(write, { name: admin.userName, passwordHash, clock })
      await join(write, { management: account, organization, account: made, node: node.id, at: now })
    })
    for (const listener of this.#listeners) await listener(made)
    return { id: made, name: input.name, createdAt: now }
  }

  /** Members with their names, by number. @throws iam.thing.absent */
  accounts(account: AccountId): (Member & { readonly name: string })[] {
    return [...this.managed(account).members.values()]
      .map((member) => ({ ...member, name: this.#deps.directory.findAccount(member.account)?.name ?? '' }))
      .sort((a, b) => (a.account < b.account ? -1 : 1))
  }

  /** @throws iam.thing.absent, iam.organization.management */
  async move(account: AccountId, member: string, node: string): Promise<void> {
    await this.#change(account, async (write, found) => {
      requireNode(found, node)
      await write.organization.moveMember(found.id, requireMember(found, member).account, node)
    })
  }

  /** Takes a member out. @throws iam.thing.absent, iam.organization.management */
  async remove(account: AccountId, member: string): Promise<void> {
    await this.#change(account, async (write, found) => {
      const { account: leaving } = requireMember(found, member)
      requireNotManagement(found, leaving)
      await write.organization.deleteMember(found.id, leaving)
    })
  }

  /** Takes the caller's account out; its guardrails may forbid that. @throws iam.thing.absent, iam.organization.management */
  async leave(account: AccountId): Promise<void> {
    const { id } = this.get(account)
    await this.#deps.changes.run(account, async (write) => {
      const found = await readOne(write, id)
      if (!found?.members.has(account)) throw iamError('iam.thing.absent', 'this account is in no organisation')
      requireNotManagement(found, account)
      await write.organization.deleteMember(id, account)
    })
  }

  /** @throws iam.thing.absent, iam.name.malformed, iam.thing.exists, iam.limit.reached */
  async createUnit(
    account: AccountId,
    input: { readonly name: string; readonly parent?: string },
  ): Promise<OrganizationNode> {
    requireName('organizational unit', input.name)
    const id = `ou-${randomId()}`
    await this.#change(account, async (write, found) => {
      const parent = requireNode(found, input.parent ?? found.root.id)
      if (parent.depth >= ORGANIZATION_DEPTH_MAX) {
        throw iamError('iam.limit.reached', `units stand at most ${ORGANIZATION_DEPTH_MAX} deep below the root`)
      }
      requireRoom(found.nodes.size - 1, ORGANIZATION_UNITS_MAX, 'organisational units')
      for (const node of found.nodes.values()) {
        if (node.parent === parent.id && node.name === input.name) {
          throw iamError('iam.thing.exists', `there is a unit \`${input.name}\` there already`)
        }
      }
      const at = { account, organization: found.id }
      await write.organization.insertNode({
        ...at,
        id,
        parent: parent.id,
        name: input.name,
        created_at: this.#deps.clock.now(),
      })
      await openNode(write, { ...at, node: id })
    })
    return requireNode(this.managed(account), id)
  }

  /** @throws iam.thing.absent, iam.thing.inUse where something stands below it */
  async deleteUnit(account: AccountId, id: string): Promise<void> {
    await this.#change(account, async (write, found) => {
      const node = requireNode(found, id)
      if (node.parent === undefined) throw iamError('iam.thing.inUse', 'the root goes with the organisation')
      const isUsed =
        [...found.nodes.values()].some(({ parent }) => parent === id) ||
        [...found.members.values()].some((member) => member.node === id)
      if (isUsed) throw iamError('iam.thing.inUse', `the unit \`${node.name}\` is not empty; move what stands below it`)
      await write.organization.deleteNode(found.id, id)
    })
  }

  /** May repeat. An account nobody has is invited like any other: the answer tells nothing about who is here.
   * @throws iam.thing.absent, iam.limit.reached */
  async invite(account: AccountId, invited: AccountId): Promise<Invitation> {
    const now = this.#deps.clock.now()
    const invitation = {
      id: uuidv7(this.#deps.clock),
      account: invited,
      createdAt: now,
      expiresAt: now + INVITATION_TTL_MS,
    }
    await this.#change(account, async (write, found) => {
      if (found.members.has(invited)) throw iamError('iam.thing.exists', 'the account is in the organisation already')
      const old = [...found.invitations.values()].filter((one) => one.expiresAt <= now || one.account === invited)
      for (const { id } of old) await write.organization.deleteInvitation(found.id, id)
      requireRoom(found.invitations.size - old.length, INVITATIONS_MAX, 'open invitations')
      await write.organization.insertInvitation({
        account,
        organization: found.id,
        id: invitation.id,
        invited,
        created_at: now,
        expires_at: invitation.expiresAt,
      })
    })
    return invitation
  }

  /** Open invitations of the account, and those that the organisation it manages sent. */
  invitations(account: AccountId): (Invitation & { readonly organization: string; readonly from: AccountId })[] {
    const now = this.#deps.clock.now()
    return this.#deps.directory
      .organizations()
      .flatMap(({ id, management, invitations }) =>
        [...invitations.values()]
          .filter((one) => one.expiresAt > now && (management === account || one.account === account))
          .map((one) => ({ ...one, organization: id, from: management })),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** @throws iam.thing.absent, iam.thing.exists for an account that is in an organisation, iam.limit.reached */
  async accept(account: AccountId, id: string): Promise<void> {
    const now = this.#deps.clock.now()
    await this.#deps.changes.run(account, async (write) => {
      const row = await write.organization.invitation(id)
      if (row?.invited !== account || row.expires_at <= now) throw noInvitation()
      await requireNoOrganization(write, account)
      const found = await readOne(write, row.organization)
      if (!found) throw noInvitation()
      requireRoom(found.members.size, ORGANIZATION_ACCOUNTS_MAX, 'accounts in an organisation')
      await write.organization.deleteInvitation(found.id, id)
      await join(write, { management: found.management, organization: found.id, account, node: found.root.id, at: now })
    })
  }

  /** Declines an invitation, or takes one back that was sent. @throws iam.thing.absent */
  async decline(account: AccountId, id: string): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      const row = await write.organization.invitation(id)
      if (!row || (row.invited !== account && row.account !== account)) throw noInvitation()
      await write.organization.deleteInvitation(row.organization, id)
    })
  }

  /** Makes a guardrail, or replaces the document of one; `node` attaches it there in the same change.
   * @throws iam.policy.malformed, iam.policy.platform, iam.thing.absent, iam.thing.exists for one of the other kind */
  async putGuardrail(
    account: AccountId,
    input: {
      readonly name: string
      readonly kind: GuardrailKind
      readonly document: string
      readonly description?: string
      readonly node?: string | undefined
    },
  ): Promise<GuardrailPolicy> {
    requireName('guardrail', input.name)
    compileGuardrail(input.name, input.document)
    await this.#change(account, async (write, found) => {
      const { id, guardrails } = found
      const old = guardrails.get(input.name)
      if (old) requireOwn(old)
      else requireRoom(guardrails.size - builtinGuardrails.length, GUARDRAILS_MAX, 'guardrails')
      if (old && old.kind !== input.kind) {
        throw iamError('iam.thing.exists', `\`${input.name}\` bounds ${old.kind}s; a guardrail keeps its kind`)
      }
      await write.organization.putGuardrail({
        account,
        organization: id,
        name: input.name,
        kind: input.kind,
        description: input.description ?? '',
        document: input.document,
        created_at: old?.createdAt ?? this.#deps.clock.now(),
      })
      if (input.node !== undefined) await attachTo(write, { account, found, node: input.node, name: input.name })
    })
    return this.guardrail(account, input.name)
  }

  /** @throws iam.thing.absent */
  guardrail(account: AccountId, name: string): GuardrailPolicy {
    return requireGuardrail(this.managed(account), name)
  }

  /** Sorted by name. @throws iam.thing.absent */
  guardrails(account: AccountId): GuardrailPolicy[] {
    return [...this.managed(account).guardrails.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @throws iam.thing.absent, iam.policy.platform, iam.policy.inUse */
  async deleteGuardrail(account: AccountId, name: string): Promise<void> {
    await this.#change(account, async (write, found) => {
      requireOwn(requireGuardrail(found, name))
      for (const [node, names] of found.attached) {
        if (names.has(name)) throw iamError('iam.policy.inUse', `the guardrail is attached to ${node}; detach it first`)
      }
      await write.organization.deleteGuardrail(found.id, name)
    })
  }

  /** May repeat. @param node the root, a unit or a member account
   * @throws iam.thing.absent, iam.limit.reached */
  async attach(account: AccountId, node: string, name: string): Promise<void> {
    await this.#change(account, async (write, found) => {
      requireGuardrail(found, name)
      await attachTo(write, { account, found, node, name })
    })
  }

  /** A node without any guardrail of a kind allows nothing of that kind. @throws iam.thing.absent */
  async detach(account: AccountId, node: string, name: string): Promise<void> {
    await this.#change(account, async (write, found) => {
      requireTarget(found, node)
      if (!found.attached.get(node)?.has(name)) {
        throw iamError('iam.thing.absent', `no guardrail \`${name.slice(0, 128)}\` is attached there`)
      }
      await write.organization.detachGuardrail(found.id, node, name)
    })
  }

  /** Names, sorted. @throws iam.thing.absent */
  attachedTo(account: AccountId, node: string): string[] {
    const found = this.managed(account)
    requireTarget(found, node)
    return [...(found.attached.get(node) ?? [])].sort()
  }

  /** Runs a change of the organisation that the account manages, checked against the database and not the memory. */
  async #change(account: AccountId, work: (write: IamWriter, found: Organization) => Promise<void>): Promise<void> {
    const { id } = this.managed(account)
    await this.#deps.changes.run(account, async (write) => work(write, await readManaged(write, account, id)))
  }
}

async function readOne(write: IamWriter, id: string): Promise<Organization | undefined> {
  const rows = await write.organization.read(id)
  // Nothing decides by this copy, so its guardrails need not be compiled.
  return rows && new Organization(rows, () => undefined)
}

async function readManaged(write: IamWriter, account: AccountId, id: string): Promise<Organization> {
  const found = await readOne(write, id)
  if (found?.management !== account) throw notManaged()
  return found
}

async function attachTo(
  write: IamWriter,
  given: { readonly account: AccountId; readonly found: Organization; readonly node: string; readonly name: string },
): Promise<void> {
  const { account, found, node, name } = given
  requireTarget(found, node)
  const names = found.attached.get(node)
  if (names?.has(name)) return
  requireRoom(names?.size ?? 0, GUARDRAILS_PER_NODE_MAX, 'guardrails on one node')
  await write.organization.attachGuardrail({ account, organization: found.id, node, guardrail: name })
}

interface NodeOf {
  readonly account: AccountId
  readonly organization: string
  readonly node: string
}

/** What is new in an organisation is bounded by nothing of its own. */
async function openNode(write: IamWriter, at: NodeOf): Promise<void> {
  for (const { name } of builtinGuardrails) await write.organization.attachGuardrail({ ...at, guardrail: name })
}

async function join(
  write: IamWriter,
  given: { management: AccountId; organization: string; account: AccountId; node: string; at: number },
): Promise<void> {
  const { management, organization, account, node, at } = given
  await write.organization.insertMember({ account, organization, node, joined_at: at })
  await openNode(write, { account: management, organization, node: account })
}

async function insertAccessRole(
  write: IamWriter,
  { management, clock }: { management: AccountId; clock: Clock },
): Promise<void> {
  await write.insertRole({
    name: ACCESS_ROLE,
    id: uuidv7(clock),
    description: 'What the management account of the organisation acts as here',
    trust: JSON.stringify({
      Version: '5.0',
      Statement: [{ Effect: 'Allow', Action: 'sts:role:assume', Principal: { IAM: management } }],
    }),
    session_sec_max: 3_600,
    sessions_valid_after: 0,
    boundary: null,
    tags: '{}',
    builtin: 0,
    created_at: clock.now(),
  })
  await write.attach('role', ACCESS_ROLE, platformPolicyArn('Administrator'))
}

async function requireNoOrganization(write: IamWriter, account: AccountId): Promise<void> {
  if ((await write.organization.organizationOf(account)) === undefined) return
  throw iamError('iam.thing.exists', 'this account is in an organisation already; an account is in one at most')
}

function requireNode(found: Organization, id: string): OrganizationNode {
  const node = found.nodes.get(id)
  if (!node) throw iamError('iam.thing.absent', `the organisation has no root or unit \`${id.slice(0, 80)}\``)
  return node
}

function requireMember(found: Organization, account: string): Member {
  const member = found.members.get(account)
  if (!member) throw iamError('iam.thing.absent', `the organisation has no account \`${account.slice(0, 80)}\``)
  return member
}

function requireTarget(found: Organization, id: string): void {
  if (!found.hasTarget(id)) {
    throw iamError('iam.thing.absent', `the organisation has no root, unit or account \`${id.slice(0, 80)}\``)
  }
}

function requireGuardrail(found: Organization, name: string): GuardrailPolicy {
  const policy = found.guardrails.get(name)
  if (!policy) throw iamError('iam.thing.absent', `there is no guardrail \`${name.slice(0, 128)}\``)
  return policy
}

function requireOwn({ builtin, name }: GuardrailPolicy): void {
  if (builtin) throw iamError('iam.policy.platform', `\`${name}\` belongs to the platform`)
}

function requireNotManagement(found: Organization, account: AccountId): void {
  if (found.management === account) {
    throw iamError('iam.organization.management', 'the management account leaves by deleting the organisation')
  }
}

function requireRoom(count: number, countMax: number, what: string): void {
  if (count >= countMax) throw iamError('iam.limit.reached', `at most ${countMax} ${what} are allowed`)
}

function notManaged() {
  return iamError('iam.thing.absent', 'this account manages no organisation')
}

function noInvitation() {
  return iamError('iam.thing.absent', 'there is no such open invitation')
}

function randomId(): string {
  return randomBytes(8).toString('hex')
}
