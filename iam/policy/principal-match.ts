import { type ArnPattern, compileArnPattern, matchesArn, type ResourceName, splitResource } from './arn-pattern.ts'
import type { Principals, Problems } from './document.ts'
import { type KeyValues, parseTemplate } from './text-pattern.ts'

/** Who asks, as the Principal element of a resource or trust policy sees it. */
export interface Caller {
  readonly account: string
  readonly arn: string
  /** Names it goes by: its own ARN, and the role's for a session of that role. */
  readonly names: readonly ResourceName[]
  /** A service of the platform, such as `playbooks`, or an identity provider's ARN; undefined for users and roles. */
  readonly service?: string
  readonly federated?: string
}

/** @param arns its own first */
export function callerOf(account: string, arns: readonly string[]): Caller {
  return new NamedCaller(account, arns)
}

/** Its names are taken apart when somebody looks, which only policies on resources do. */
class NamedCaller implements Caller {
  readonly account: string
  readonly #arns: readonly string[]
  #names: readonly ResourceName[] | undefined

  constructor(account: string, arns: readonly string[]) {
    this.account = account
    this.#arns = arns
  }

  get arn(): string {
    return this.#arns[0] ?? ''
  }

  get names(): readonly ResourceName[] {
    this.#names ??= this.#arns.map(splitResource).filter((name) => name !== undefined)
    return this.#names
  }
}

/** How a Principal element names somebody: by itself, or by the account it belongs to, which delegates to that account's
 * own policies. */
export type Naming = 'self' | 'account'

export interface PrincipalMatch {
  /** As the document spells them, each with its type; the first says whether it is a NotPrincipal. */
  readonly texts: readonly string[]
  matches(caller: Caller | undefined, keys: KeyValues): boolean
  naming(caller: Caller | undefined, keys: KeyValues): Naming | undefined
}

type Entry =
  | { readonly kind: 'everyone' }
  | { readonly kind: 'account'; readonly account: string }
  | { readonly kind: 'arn'; readonly pattern: ArnPattern }
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'federated'; readonly name: string }

export function compilePrincipals(principals: Principals, problems: Problems): PrincipalMatch {
  const entries: Entry[] = []
  for (const { type, value } of principals.entries) {
    const entry = compileEntry(type, value.text)
    if (typeof entry === 'string') problems.add(value.offset, entry)
    else entries.push(entry)
  }
  const naming = (caller: Caller | undefined, keys: KeyValues): Naming | undefined => {
    let found: Naming | undefined
    for (const entry of entries) {
      const how = nameBy(entry, caller, keys)
      if (how === 'self') return 'self'
      found ??= how
    }
    return found
  }
  const texts = [String(principals.negated), ...principals.entries.map(({ type, value }) => `${type} ${value.text}`)]
  if (!principals.negated) return { texts, matches: (caller, keys) => naming(caller, keys) !== undefined, naming }
  // Everyone else: nobody is named by NotPrincipal, so no account delegates by it either.
  const matches = (caller: Caller | undefined, keys: KeyValues) => naming(caller, keys) === undefined
  return { texts, matches, naming: (caller, keys) => (matches(caller, keys) ? 'self' : undefined) }
}

function compileEntry(type: string, text: string): Entry | string {
  if (text === '*') return { kind: 'everyone' }
  if (type === 'Service') return { kind: 'service', name: text.toLowerCase() }
  if (type === 'Federated') return { kind: 'federated', name: text }
  if (/^[0-9]{12}$/.test(text)) return { kind: 'account', account: text }
  const root = /^arn:[a-z-]+:iam::([0-9]{12}):root$/.exec(text)
  if (root?.[1]) return { kind: 'account', account: root[1] }
  const parts = parseTemplate(text, { wildcards: true })
  if (typeof parts === 'string') return parts
  const pattern = compileArnPattern(parts)
  return typeof pattern === 'string'
    ? `\`${text.slice(0, 80)}\` names no account and no principal`
    : { kind: 'arn', pattern }
}

function nameBy(entry: Entry, caller: Caller | undefined, keys: KeyValues): Naming | undefined {
  switch (entry.kind) {
    case 'everyone':
      return 'self'
    case 'account':
      return caller?.account === entry.account ? 'account' : undefined
    case 'arn':
      return caller?.names.some((name) => matchesArn(entry.pattern, name, keys)) ? 'self' : undefined
    case 'service':
      return caller?.service === entry.name ? 'self' : undefined
    case 'federated':
      return caller?.federated === entry.name ? 'self' : undefined
  }
}
