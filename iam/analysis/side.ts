import type { ContextValue, Principal } from '../../platform/index.ts'
import type { IamAuthorizer } from '../authorizer.ts'
import { EMPTY_LAYERS, type Layers } from '../decision/decide.ts'
import { canonicalKeyOf, questionOf } from '../decision/question.ts'
import { StatementList } from '../decision/statement-list.ts'
import type { Action } from '../policy/action-set.ts'
import { accountField, splitResource } from '../policy/arn-pattern.ts'
import { parsePolicy } from '../policy/document.ts'
import type { Caller } from '../policy/principal-match.ts'
import { type CompiledPolicy, type CompiledStatement, compilePolicy, type Question } from '../policy/statement.ts'
import type { KeyValues } from '../policy/text-pattern.ts'
import { isSettled } from './open-keys.ts'

/** What decides, seen from one principal: everything a decision about an action on a resource looks at. */
export interface Side {
  /** undefined where whatever is asked is refused. */
  at(action: Action, resource: string): { readonly layers: Layers; readonly question: Question } | undefined
  /** Every statement that may have a say about resources of the principal's own account. */
  readonly statements: readonly PlacedStatement[]
  /** Whether the value of a key is for the request to bring. */
  isOpen(key: string): boolean
  readonly keys: KeyValues
}

/** A statement and the layer it is in. */
export interface PlacedStatement {
  readonly statement: CompiledStatement
  readonly layer: string
}

/** Keys of a resource that are told by its name, and others that depend on where it is: nobody knows for all at once. */
const OF_SOME_RESOURCES = new Set(['g:resourceorgid', 'g:resourceorgpath', 'g:enterpriseprojectid'])

export interface SideOptions {
  /** What is stated of the request. */
  readonly context?: ReadonlyMap<string, ContextValue>
  /** The only resource that is asked about. */
  readonly resource?: string
}

/** Whatever is asked is refused. */
export const nobody: Side = { at: () => undefined, statements: [], isOpen: () => true, keys: { get: () => undefined } }

/** A user or role as its policies stand. */
export function sideOf(
  authorizer: IamAuthorizer,
  principal: Principal,
  { context = new Map(), resource }: SideOptions = {},
): Side {
  const stated = new Set([...context.keys()].map(canonicalKeyOf))
  const caseOf = (passing: Action | undefined, name: string) => {
    const found = authorizer.caseOf(
      { principal, action: '', resource: name, context },
      { asserted: true, ...(passing === undefined ? {} : { passing }) },
    )
    return found && found.view.broken.length === 0 ? found : undefined
  }
  const sample = caseOf(undefined, resource ?? `arn:rampart:::${principal.account}:`)
  return {
    at(action, name) {
      const found = caseOf(action, name)
      // What another account's own policies say is not known here; they could let it.
      return found && { question: found.question, layers: { ...found.layers, sameAccount: true } }
    },
    statements: sample ? placed(sample.layers) : [],
    isOpen: (key) =>
      !stated.has(key) &&
      !(key === 'g:timeofday' && stated.has('g:currenttime')) &&
      (!isSettled(key) || (resource === undefined && OF_SOME_RESOURCES.has(key))),
    keys: sample?.question.keys ?? NO_VALUES,
  }
}

const NO_VALUES: KeyValues = { get: () => undefined }

const everything = new StatementList([
  compilePolicy('*', parsePolicy('{"Version":"5.0","Statement":{"Effect":"Allow","Action":"*"}}', 'identity')),
])

/** Policies that stand in files, held by nobody in particular: nothing is known of who asks. */
export function sideOfPolicies(policies: readonly CompiledPolicy[]): Side {
  return sideOfLayers({ ...EMPTY_LAYERS, identity: new StatementList(policies) })
}

/** Policies on a resource, as far as they let somebody whose own policies allow everything. */
export function sideOfResourcePolicies(policies: readonly CompiledPolicy[], caller: Caller): Side {
  const resource = new StatementList(policies)
  return sideOfLayers({ ...EMPTY_LAYERS, identity: everything, resource, resourcePolicyRequired: true }, caller)
}

/** Layers of which only the resource's name is known. */
export function sideOfLayers(layers: Layers, caller?: Caller): Side {
  return {
    at: (action, resource) => ({ layers, question: questionOf({ action, resource, keys: keysOf(resource) }, caller) }),
    statements: placed(layers),
    isOpen: (key) => key !== 'g:resourcearn' && key !== 'g:resourceaccount',
    keys: NO_VALUES,
  }
}

function keysOf(resource: string): KeyValues {
  const name = splitResource(resource)
  return {
    get(key) {
      if (key === 'g:resourcearn') return resource
      return key === 'g:resourceaccount' && name ? accountField(name) || undefined : undefined
    },
  }
}

function placed(layers: Layers): PlacedStatement[] {
  const of = (layer: string, list: StatementList | undefined) =>
    list?.statements.map((statement) => ({ statement, layer })) ?? []
  return [
    ...layers.guardrails.flatMap(({ node, list }) => of(`guardrail/${node}`, list)),
    ...layers.resourceGuardrails.flatMap(({ node, list }) => of(`resourceGuardrail/${node}`, list)),
    ...of('boundary', layers.boundary),
    ...layers.sessions.flatMap((list, index) => of(`session/${index}`, list)),
    ...of('identity', layers.identity),
    ...of('resource', layers.resource),
  ]
}
