import type { AccountId, Clock, Principal } from '../../platform/index.ts'
import type { IamAuthorizer } from '../authorizer.ts'
import { Directory } from '../directory.ts'
import type { CompiledStatement } from '../policy/statement.ts'
import type { Change, Review } from '../store.ts'
import type { Log, Role, User } from '../types.ts'
import { type AccessDifference, comparePolicies, rowsOf } from './compare-policies.ts'
import { contentOf, type Difference, differenceOf } from './difference.ts'
import { MOVED_COMPARISONS_MAX, PRINCIPALS_COMPARED_MAX } from './limits.ts'
import { Preview } from './preview.ts'
import { nobody, type Side, sideOf } from './side.ts'

export interface CompareDeps {
  readonly directory: Directory
  readonly clock: Clock
  readonly log: Log
  /** Decides by a preview as the platform's authorizer does by the directory. */
  authorizerFor(preview: Preview): IamAuthorizer
}

/** A change as it was before it and as it will be. */
export interface SeenChange {
  readonly before: Preview
  readonly after: Preview
  readonly touched: readonly Change[]
}

/** A review that shows a change, inside its transaction. */
export function reviewing(deps: CompareDeps, onSeen: (seen: SeenChange) => void): Review {
  const { directory, clock, log } = deps
  return async (_, inside) => {
    // Others' changes that are committed, or will be before this one, and that memory does not have yet.
    const others = await inside.changesAfter(directory.revision)
    const read = async (changes: readonly Change[]) => {
      const changed = new Directory({ store: inside, clock, log })
      await changed.readAgain(changes)
      return new Preview(directory, changed, changes)
    }
    const before = await read(others)
    return async (touched) => onSeen({ before, after: await read([...others, ...touched]), touched })
  }
}

/** What a change grants and takes, and of whom: each user and role that it can concern is compared, those of whom the
 * same is known together. */
export function compareChange(deps: CompareDeps, { before, after, touched }: SeenChange): AccessDifference {
  const worlds = { before, after, authorizers: [deps.authorizerFor(before), deps.authorizerFor(after)] as const }
  const concerned = concernedBy(deps.directory, { before, after, touched })
  const found: { difference: Difference; principals: string[] }[] = []
  const shared = new Map<string, { difference: Difference; principals: string[] }>()
  let complete = concerned.complete
  for (const { account, kind, name } of concerned.principals.values()) {
    const sides = sidesOf(worlds, { account, kind, name })
    if (!sides) continue
    const key = sides.some(dependsOnPrincipal) ? undefined : sides.map(identityOf).join('|')
    const known = key === undefined ? undefined : shared.get(key)
    if (known) {
      known.principals.push(sides[2])
      continue
    }
    const one = { difference: differenceOf(sides[0], sides[1]), principals: [sides[2]] }
    found.push(one)
    if (key !== undefined) shared.set(key, one)
  }
  const moves = movedResources(deps.directory, { before, after, touched })
  let comparisons = 0
  for (const { account, resource } of moves) {
    for (const { kind, name } of everybody(deps.directory, account)) {
      if (++comparisons > MOVED_COMPARISONS_MAX) {
        complete = false
        break
      }
      const sides = sidesOf(worlds, { account, kind, name, resource })
      if (sides) found.push({ difference: differenceOf(sides[0], sides[1], resource), principals: [sides[2]] })
    }
  }
  const rows = rowsOf(found)
  const trusts = trustChanges({ before, after, touched })
  const byPlace = <T extends { readonly escalation: readonly string[] }>(rows: readonly T[]) =>
    [...rows].sort((a, b) => Number(a.escalation.length === 0) - Number(b.escalation.length === 0))
  return {
    gains: byPlace([...rows.gains, ...trusts.flatMap(({ gains }) => gains)]),
    loses: byPlace([...rows.loses, ...trusts.flatMap(({ loses }) => loses)]),
    complete: complete && rows.complete && trusts.every((one) => one.complete),
  }
}

interface Who {
  readonly account: AccountId
  readonly kind: 'user' | 'role'
  readonly name: string
}

interface Worlds {
  readonly before: Preview
  readonly after: Preview
  readonly authorizers: readonly [IamAuthorizer, IamAuthorizer]
}

/** The two sides of a principal, and its ARN. */
function sidesOf(
  { before, after, authorizers }: Worlds,
  { account, kind, name, resource }: Who & { readonly resource?: string },
): [Side, Side, string] | undefined {
  const find = (preview: Preview): User | Role | undefined => {
    const state = preview.stateOf(account)
    return kind === 'user' ? state?.users.get(name) : state?.roles.get(name)
  }
  const [old, next] = [find(before), find(after)]
  const arn = (old ?? next)?.arn
  if (!arn) return undefined
  const side = (holder: User | Role | undefined, authorizer: IamAuthorizer): Side => {
    if (!holder || ('enabled' in holder && !holder.enabled)) return nobody
    const principal: Principal = { kind, account, arn, name, auth: 'internal' }
    return sideOf(authorizer, principal, resource === undefined ? {} : { resource })
  }
  return [side(old, authorizers[0]), side(next, authorizers[1]), arn]
}

/** Whether statements say other things of one principal than of another. */
function dependsOnPrincipal(side: Side | string): boolean {
  if (typeof side === 'string') return false
  return side.statements.some(
    ({ statement: { conditions, resources } }) =>
      resources?.texts.some((text) => text.includes('${')) ||
      conditions.some(
        ({ canonicalKey, values }) => !side.isOpen(canonicalKey) || values.some((value) => value.includes('${')),
      ),
  )
}

const numbers = new WeakMap<CompiledStatement, number>()
let numbered = 0

function identityOf(side: Side | string): string {
  if (typeof side === 'string') return ''
  return side.statements.map(({ statement, layer }) => `${layer}${numberOf(statement)}`).join()
}

function numberOf(statement: CompiledStatement): number {
  const number = numbers.get(statement) ?? ++numbered
  numbers.set(statement, number)
  return number
}

function concernedBy(directory: Directory, { before, after, touched }: SeenChange) {
  const principals = new Map<string, Who>()
  let complete = true
  const add = (account: AccountId, kind: 'user' | 'role', name: string) => {
    if (principals.size >= PRINCIPALS_COMPARED_MAX) complete = false
    else principals.set(`${account}/${kind}/${name}`, { account, kind, name })
  }
  const addHolders = (account: AccountId, wanted: { policy?: string; groups: readonly string[] }) => {
    const state = directory.stateOf(account)
    const { policy, groups } = wanted
    const users = state?.users.holdersOf({
      groups,
      policies: policy === undefined ? [] : [policy],
      holds: (own) =>
        own.grants.some((grant) => grant.policy === policy) ||
        own.access.some(({ target }) => target === policy || groups.includes(target)),
    })
    for (const name of users ?? []) add(account, 'user', name)
    if (policy === undefined) return
    for (const name of state?.users.boundedBy(policy) ?? []) add(account, 'user', name)
    for (const { name, attached, grants, boundary } of state?.roles.values() ?? []) {
      if (attached.includes(policy) || boundary === policy || grants.some((grant) => grant.policy === policy)) {
        add(account, 'role', name)
      }
    }
  }
  for (const { account, noun, name } of touched) {
    if (noun === 'user' || noun === 'role') add(account, noun, name)
    if (noun === 'group') addHolders(account, { groups: [name] })
    if (noun === 'policy') {
      const policy = `arn:rampart:iam::${account}:policy/${name}`
      const groups = [...(directory.stateOf(account)?.groups.values() ?? [])]
        .filter(({ attached, grants }) => attached.includes(policy) || grants.some((grant) => grant.policy === policy))
        .map((group) => group.name)
      addHolders(account, { policy, groups })
    }
    if (noun === 'organization') {
      const members = [before, after].flatMap((preview) => [...(preview.organizationOf(account)?.members.keys() ?? [])])
      for (const member of new Set([...members, account])) {
        if (placeText(before, member) === placeText(after, member)) continue
        for (const who of everybody(directory, member as AccountId)) add(who.account, who.kind, who.name)
      }
    }
  }
  return { principals, complete }
}

/** What bounds an account, and where it stands. */
function placeText(preview: Preview, account: string): string {
  const place = preview.placeOf(account)
  const bounds = [...(place?.guardrails ?? []), ...(place?.resourceGuardrails ?? [])]
  return JSON.stringify([place?.path, bounds.map(({ node, list }) => [node, list.statements.map(contentOf)])])
}

function* everybody(directory: Directory, account: AccountId): Generator<Who> {
  const state = directory.stateOf(account)
  for (const { name } of state?.users.values() ?? []) yield { account, kind: 'user', name }
  for (const { name } of state?.roles.values() ?? []) yield { account, kind: 'role', name }
}

/** Resources that are in another project than before, or in one that may be changed again. */
function movedResources(directory: Directory, { before, after, touched }: SeenChange) {
  const moved: { account: AccountId; resource: string }[] = []
  for (const { account, noun, name } of touched) {
    if (noun !== 'project') continue
    const isOpened = !before.isProjectEnabled(account, name) && after.isProjectEnabled(account, name)
    const resources = new Set([
      ...(directory.stateOf(account)?.projectOf.keys() ?? []),
      ...after.resourcesIn(account, name),
    ])
    for (const resource of resources) {
      const [from, to] = [before.projectOf(account, resource), after.projectOf(account, resource)]
      if ((from !== to && to === name) || (from === name && to === '0') || (isOpened && to === name)) {
        moved.push({ account, resource })
      }
    }
  }
  return moved
}

function trustChanges({ before, after, touched }: SeenChange): AccessDifference[] {
  return touched.flatMap(({ account, noun, name }) => {
    if (noun !== 'role') return []
    const [old, next] = [before, after].map((preview) => preview.stateOf(account)?.roles.get(name))
    if (old?.trust === next?.trust) return []
    const policies = (role: Role | undefined) => (role?.compiledTrust ? [role.compiledTrust] : [])
    const found = comparePolicies(policies(old), policies(next), 'trust')
    const resource = `arn:rampart:iam::${account}:role/${name}`
    const onRole = (rows: AccessDifference['gains']) => rows.map((row) => ({ ...row, resource, exceptResources: [] }))
    return [{ ...found, gains: onRole(found.gains), loses: onRole(found.loses) }]
  })
}
