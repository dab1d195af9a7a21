import type { AccountId, ContextValue, Principal } from '../platform/index.ts'
import type { IamAuthorizer } from './authorizer.ts'
import type { AccountState, Directory } from './directory.ts'
import { iamError } from './errors.ts'
import type { CompiledPolicy } from './policy/statement.ts'
import type { Roles } from './roles.ts'
import type { Tags } from './types.ts'
import type { Users } from './users.ts'

export interface TaggingDeps {
  readonly directory: Directory
  readonly authorizer: IamAuthorizer
  readonly users: Users
  readonly roles: Roles
}

const SET_PROTECTED_TAGS = 'iam:tag:setProtected'

/** Tags of users and roles.
 * INVARIANT (protected tags): a tag that some Allow of the account looks at grants, so changing it takes
 * `iam:tag:setProtected` on its holder beside the right to tag. */
export class Tagging {
  readonly #deps: TaggingDeps
  readonly #protected = new WeakMap<AccountState, { readonly generation: number; readonly keys: ReadonlySet<string> }>()

  constructor(deps: TaggingDeps) {
    this.#deps = deps
  }

  /** Replaces all tags. @throws iam.thing.absent, iam.limit.reached, iam.pdp.notAllowed */
  async set(principal: Principal, holder: { readonly kind: 'user' | 'role'; readonly name: string }, tags: Tags) {
    const nouns = this.#deps[`${holder.kind}s`]
    const before = nouns.get(principal.account, holder.name)
    await this.requireMaySet(principal, { arn: before.arn, before: before.tags, after: tags })
    await nouns.setTags(principal.account, holder.name, tags)
  }

  /** Asked also before something is made with tags. @throws iam.pdp.notAllowed */
  async requireMaySet(
    principal: Principal,
    { arn, before, after }: { readonly arn: string; readonly before: Tags; readonly after: Tags },
  ): Promise<void> {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    const changed = [...keys].filter((key) => before[key] !== after[key])
    const known = this.#protectedKeys(principal.account)
    const kept = changed.filter((key) => known.has(key.toLowerCase()))
    if (kept.length === 0) return
    const context = tagContext(Object.fromEntries(Object.entries(after).filter(([key]) => kept.includes(key))), kept)
    const asked = { principal, action: SET_PROTECTED_TAGS, resource: arn, context }
    const { allowed, id } = await this.#deps.authorizer.authorize(asked)
    if (allowed) return
    throw iamError(
      'iam.pdp.notAllowed',
      `policies of the account grant by the tag \`${kept[0]}\`; changing it takes ${SET_PROTECTED_TAGS} on ${arn}`,
      { extra: { decisionId: id } },
    )
  }

  /** Names in lower case, as conditions read them. */
  #protectedKeys(account: AccountId): ReadonlySet<string> {
    const state = this.#deps.directory.stateOf(account)
    if (!state) return new Set()
    const known = this.#protected.get(state)
    if (known?.generation === state.generation) return known.keys
    const keys = new Set<string>()
    for (const policy of policiesOf(state)) for (const key of tagsGranting(policy)) keys.add(key)
    this.#protected.set(state, { generation: state.generation, keys })
    return keys
  }
}

/** What a policy sees of tags that are asked for.
 * @param keys of all that change, those that are taken away among them */
export function tagContext(tags: Tags, keys: readonly string[] = Object.keys(tags)): Map<string, ContextValue> {
  const context = new Map<string, ContextValue>(
    Object.entries(tags).map(([key, value]) => [`g:RequestTag/${key}`, value] as const),
  )
  if (keys.length > 0) context.set('g:TagKeys', keys)
  return context
}

/** The tags of a body that asks for some, as far as it is one: it is judged before it is validated. */
export function tagsIn(body: unknown): Tags {
  const tags = (body as { readonly tags?: unknown } | null | undefined)?.tags
  if (typeof tags !== 'object' || tags === null) return {}
  const texts = Object.entries(tags).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return Object.fromEntries(texts)
}

function* policiesOf(state: AccountState): Generator<CompiledPolicy> {
  for (const { compiled } of state.policies.values()) if (compiled) yield compiled
  const inline = [
    ...[...state.groups.values(), ...state.roles.values()].map((holder) => holder.inline),
    ...state.users.inlinePolicies(),
  ]
  for (const policies of inline) for (const { compiled } of policies.values()) if (compiled) yield compiled
  for (const { compiledTrust } of state.roles.values()) if (compiledTrust) yield compiledTrust
}

const TAG_KEY = /^g:(?:principal|resource)tag\/(.+)$/
const TAG_VARIABLE = /\$\{\s*(?:g|aws):(?:PrincipalTag|ResourceTag)\/([^},]+)/gi

const granting = new WeakMap<CompiledPolicy, readonly string[]>()

/** Tags that an Allow looks at, in a condition or to make up a resource. */
function tagsGranting(policy: CompiledPolicy): readonly string[] {
  const known = granting.get(policy)
  if (known) return known
  const conditions = policy.statements
    .filter(({ effect }) => effect === 'Allow')
    .flatMap((statement) => statement.conditions.map(({ canonicalKey }) => TAG_KEY.exec(canonicalKey)?.[1]))
  const variables = [...policy.text.matchAll(TAG_VARIABLE)].map(([, key]) => key?.trim().toLowerCase())
  const keys = [...conditions, ...variables].filter((key) => key !== undefined)
  granting.set(policy, keys)
  return keys
}
