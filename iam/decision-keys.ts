import { type AccountId, type ContextValue, formatInstant, type Principal, REGION } from '../platform/index.ts'
import { CanonicalKeys, canonicalKeyOf } from './decision/question.ts'
import type { Directory } from './directory.ts'
import type { KeyValues } from './policy/text-pattern.ts'
import type { PolicyView } from './policy-views.ts'
import type { Role, Tags, User } from './types.ts'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The resource of a decision, and who knows about it. */
export interface AskedResource {
  readonly name: string
  /** undefined where the name says none. */
  readonly account: string | undefined
  readonly directory: Pick<Directory, 'placeOf' | 'projectOf' | 'findUser' | 'findRole' | 'findAccount'>
}

/** The context of one decision. What the platform knows of the principal and the time comes first, so that nothing a
 * request says can stand in its place. */
export class DecisionKeys implements KeyValues {
  readonly #principal: Principal
  readonly #view: PolicyView
  readonly #now: number
  readonly #context: ReadonlyMap<string, ContextValue> | undefined
  /** `#context` by canonical keys, once something was looked for in it. */
  #request: ReadonlyMap<string, ContextValue> | undefined
  readonly #asserted: boolean
  readonly #resource: AskedResource

  constructor(given: {
    readonly principal: Principal
    readonly view: PolicyView
    readonly now: number
    readonly context: ReadonlyMap<string, ContextValue> | undefined
    /** Who asks may state keys of the platform, as a simulation does: then what is stated goes first. */
    readonly asserted: boolean
    readonly resource: AskedResource
  }) {
    this.#resource = given.resource
    this.#asserted = given.asserted
    this.#principal = given.principal
    this.#view = given.view
    this.#now = given.now
    this.#context = given.context
  }

  #stated(key: string): ContextValue | undefined {
    if (this.#context instanceof CanonicalKeys) return this.#context.get(key)
    if (!this.#request) {
      const request = new Map<string, ContextValue>()
      if (this.#context) for (const [name, value] of this.#context) request.set(canonicalKeyOf(name), value)
      this.#request = request
    }
    return this.#request.get(key)
  }

  get(key: string): ContextValue | undefined {
    if (this.#asserted || !key.startsWith('g:')) {
      const stated = this.#stated(key)
      if (stated !== undefined) return stated
    }
    if (key.startsWith('g:principaltag/')) return this.#tag(key.slice('g:principaltag/'.length))
    if (key.startsWith('g:resourcetag/')) return find(this.#ownResource()?.tags, key.slice('g:resourcetag/'.length))
    switch (key) {
      case 'g:principalarn':
        return this.#principal.arn
      case 'g:principalid':
      case 'g:userid':
        return this.#view.holder?.id
      case 'g:principaltype':
        return { user: 'User', role: 'AssumedRole', source: 'Source', platform: 'Service' }[this.#principal.kind]
      case 'g:principalaccount':
        return this.#principal.account
      case 'g:domainname':
        return this.#resource.directory.findAccount(this.#principal.account)?.name
      case 'g:principalorgid':
        return this.#resource.directory.placeOf(this.#principal.account)?.organization
      case 'g:principalorgpath':
        return this.#resource.directory.placeOf(this.#principal.account)?.path
      case 'g:resourceaccount':
        return this.#resource.account
      case 'g:resourcearn':
        return this.#resource.name
      case 'g:resourcename':
        return /[^/:]+$/.exec(this.#resource.name)?.[0]
      case 'g:resourcecreatedat': {
        const createdAt = this.#ownResource()?.createdAt
        return createdAt === undefined ? undefined : formatInstant(createdAt)
      }
      case 'g:requestedregion':
        return REGION
      case 'g:enterpriseprojectid':
        return this.#resource.account && this.#resource.directory.projectOf(this.#resource.account, this.#resource.name)
      case 'g:resourceorgid':
        return this.#resource.account && this.#resource.directory.placeOf(this.#resource.account)?.organization
      case 'g:resourceorgpath':
        return this.#resource.account && this.#resource.directory.placeOf(this.#resource.account)?.path
      case 'g:username':
        return this.#principal.kind === 'user' ? this.#principal.name : undefined
      case 'g:sourceidentity':
        return this.#principal.sourceIdentity
      case 'g:rolesessionname':
        return /^arn:rampart:sts::[0-9]{12}:assumed-role\/[^/]+\/(.+)$/.exec(this.#principal.arn)?.[1]
      case 'g:principalcreatedat':
        return this.#view.holder && formatInstant(this.#view.holder.createdAt)
      case 'g:groups':
        return this.#groups()
      case 'g:authmethod':
        return this.#principal.authMethod ?? this.#principal.auth
      case 'g:mfapresent':
        // A long-lived access key proves nothing about a second factor: without a code it carries no such key at all.
        return this.#principal.auth === 'accessKey' && !this.#principal.mfa ? undefined : this.#principal.mfa
      case 'g:mfaage':
        return this.#principal.mfa ? this.#ageSec() : undefined
      case 'g:tokenissuetime':
        return this.#principal.authenticatedAt === undefined
          ? undefined
          : formatInstant(this.#principal.authenticatedAt)
      case 'g:deviceid':
        return this.#principal.device?.id
      case 'g:devicemanaged':
        return this.#principal.device?.managed
      case 'g:deviceposture':
        return this.#principal.device?.posture
      case 'g:currenttime':
        return formatInstant(this.#now)
      case 'g:epochtime':
        return Math.floor(this.#now / 1000)
      case 'g:timeofday':
        // The zone is the policy's to choose; `TimeBetween` takes the instant.
        return undefined
      case 'g:dayofweek':
        return DAYS[new Date(this.#now).getUTCDay()]
      default:
        return this.#stated(key)
    }
  }

  /** Those it is in, and those it is in for a time that is not over. */
  #groups(): readonly string[] | undefined {
    const { holder } = this.#view
    if (!holder || !('groups' in holder)) return undefined
    const timed = holder.access.filter(({ kind, expiresAt }) => kind === 'group' && this.#now < expiresAt)
    if (timed.length === 0) return holder.groups
    return [...new Set([...holder.groups, ...timed.map(({ target }) => target)])]
  }

  #ageSec(): number | undefined {
    const at = this.#principal.authenticatedAt
    return at === undefined ? undefined : Math.max(0, Math.floor((this.#now - at) / 1000))
  }

  #tag(name: string): string | undefined {
    return find(this.#principal.sessionTags, name) ?? find(this.#view.holder?.tags, name)
  }

  /** What the resource is where it is a user or role of ours; of other resources their folders know more. */
  #ownResource(): User | Role | undefined {
    const found = /^arn:rampart:iam::([0-9]{12}):(user|role)\/([^/]+)$/.exec(this.#resource.name)
    if (!found) return undefined
    const { directory } = this.#resource
    const [, account, kind, name = ''] = found
    return kind === 'user'
      ? directory.findUser(account as AccountId, name)
      : directory.findRole(account as AccountId, name)
  }
}

/** @param name in lower case; names of keys ignore it */
function find(tags: Tags | undefined, name: string): string | undefined {
  return Object.entries(tags ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]
}
