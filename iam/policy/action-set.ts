import { ACTIONS_REMEMBERED_MAX } from '../limits.ts'
import { awsActionName, canonicalAction } from './action-names.ts'
import { matchesWildcard, parseWildcard, type Wildcard } from './wildcard.ts'

/** An action of a request, ready to be matched. */
export interface Action {
  /** Canonical, in lower case. */
  readonly name: string
  readonly service: string
  readonly awsName: string | undefined
  /** Whether what matched it may be kept: true of the small vocabulary that is met again and again. */
  readonly isCommon: boolean
}

const common = new Map<string, Action>()

/** The first 2,048 spellings are kept for good; whoever sends others cannot push them out. */
export function actionOf(text: string): Action {
  const known = common.get(text)
  if (known) return known
  const isCommon = common.size < ACTIONS_REMEMBERED_MAX
  const action = { ...passingAction(text), isCommon }
  if (isCommon) common.set(text, action)
  return action
}

/** The same, remembered nowhere: for actions that nobody asks for. */
export function passingAction(text: string): Action {
  const name = canonicalAction(text)
  const colon = name.indexOf(':')
  const service = colon === -1 ? name : name.slice(0, colon)
  return { name, service, awsName: awsActionName(name), isCommon: false }
}

interface ActionPattern {
  readonly wildcard: Wildcard
  /** Has two fields, so it may also mean the name AWS has for an action. */
  readonly awsToo: boolean
}

/** The Action or NotAction of a statement. */
export class ActionSet {
  /** The only services it can match, or undefined where a pattern leaves the service open. */
  readonly services: readonly string[] | undefined
  /** As the document spells them. */
  readonly texts: readonly string[]
  readonly negated: boolean
  readonly #patterns: readonly ActionPattern[]

  constructor(patterns: readonly string[], negated: boolean) {
    const folded = patterns.map((pattern) => pattern.toLowerCase())
    this.#patterns = folded.map((pattern) => ({
      wildcard: parseWildcard(pattern),
      awsToo: pattern.split(':').length === 2,
    }))
    this.texts = patterns
    this.negated = negated
    this.services = negated ? undefined : servicesOf(folded)
  }

  has(action: Action): boolean {
    for (const pattern of this.#patterns) {
      if (matchesWildcard(pattern.wildcard, action.name)) return !this.negated
      if (pattern.awsToo && action.awsName && matchesWildcard(pattern.wildcard, action.awsName)) return !this.negated
    }
    return this.negated
  }
}

/** A pattern may match under our name or AWS's; `secretsmanager:*` is the service `secrets` too. */
const OUR_SERVICE: ReadonlyMap<string, string> = new Map([['secretsmanager', 'secrets']])

function servicesOf(folded: readonly string[]): readonly string[] | undefined {
  const services = new Set<string>()
  for (const pattern of folded) {
    const service = pattern.split(':', 1)[0] ?? ''
    if (/[*?]/.test(service)) return undefined
    services.add(service)
    const ours = OUR_SERVICE.get(service)
    if (ours) services.add(ours)
  }
  return [...services]
}
