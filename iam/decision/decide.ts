import { isMet, labelOf, type Question } from '../policy/statement.ts'
import type { Evaluator } from './evaluator.ts'
import type { StatementList } from './statement-list.ts'

/** Everything that has a say in one decision. */
export interface Layers {
  /** Of the principal's account, one a node from the organisation's root to the account. */
  readonly guardrails: readonly Guardrail[]
  /** Likewise of the resource's account. */
  readonly resourceGuardrails: readonly Guardrail[]
  readonly boundary: StatementList | undefined
  readonly sessions: readonly StatementList[]
  readonly identity: StatementList
  readonly resource: StatementList | undefined
  readonly sameAccount: boolean
  /** The resource's own policy must allow, or hand the decision to its account's identity policies. */
  readonly resourcePolicyRequired: boolean
}

export interface Guardrail {
  /** The node it is attached to. */
  readonly node: string
  readonly list: StatementList
}

export const EMPTY_LAYERS: Omit<Layers, 'identity'> = {
  guardrails: [],
  resourceGuardrails: [],
  boundary: undefined,
  sessions: [],
  resource: undefined,
  sameAccount: true,
  resourcePolicyRequired: false,
}

export type LayerName = 'guardrail' | 'resourceGuardrail' | 'boundary' | 'session' | 'identity' | 'resource'

export interface Outcome {
  readonly reason: 'allow' | 'explicitDeny' | 'implicitDeny'
  /** The layer that decided a refusal; `identity` also where no layer allowed. */
  readonly layer?: LayerName
  /** The node of the organisation, where a guardrail decided. */
  readonly node?: string
}

const ALLOW: Outcome = { reason: 'allow' }
const EXPLICIT_DENY: Outcome = { reason: 'explicitDeny', layer: 'identity' }
const IMPLICIT_DENY: Outcome = { reason: 'implicitDeny', layer: 'identity' }

/** Explicit deny in any layer; then every upper bound must allow: guardrails at each node, boundary, session; then
 * identity or resource policy must, across accounts both. Order has no influence on the result. Pure.
 * @see docs/decisions/0005-casbin-on-the-slice.md */
export function decide(layers: Layers, question: Question, evaluator: Evaluator): Outcome {
  // The common case, and the one the fast path is for: nothing but identity policies.
  if (isIdentityOnly(layers)) {
    switch (evaluator.verdict(layers.identity, question)) {
      case 'allow':
        return ALLOW
      case 'deny':
        return EXPLICIT_DENY
      case 'none':
        return IMPLICIT_DENY
    }
  }
  return decideAll(layers, question, evaluator)
}

function isIdentityOnly(layers: Layers): boolean {
  return (
    layers.sameAccount &&
    layers.resource === undefined &&
    !layers.resourcePolicyRequired &&
    layers.boundary === undefined &&
    layers.sessions.length === 0 &&
    layers.guardrails.length === 0 &&
    layers.resourceGuardrails.length === 0
  )
}

interface Bound {
  readonly layer: LayerName
  readonly node?: string
  readonly list: StatementList
}

/** The layers that only ever take away, in the order in which a refusal names them. */
function boundsOf(layers: Layers): Bound[] {
  return [
    ...layers.guardrails.map(({ node, list }): Bound => ({ layer: 'guardrail', node, list })),
    ...layers.resourceGuardrails.map(({ node, list }): Bound => ({ layer: 'resourceGuardrail', node, list })),
    ...(layers.boundary ? [{ layer: 'boundary' as const, list: layers.boundary }] : []),
    ...layers.sessions.map((list): Bound => ({ layer: 'session', list })),
  ]
}

function decideAll(layers: Layers, question: Question, evaluator: Evaluator): Outcome {
  const bounds = boundsOf(layers).map((bound) => ({ bound, verdict: evaluator.verdict(bound.list, question) }))
  const identity = evaluator.verdict(layers.identity, question)
  const resource = layers.resource ? evaluator.verdict(layers.resource, question, 'self') : 'none'
  const denied = bounds.find(({ verdict }) => verdict === 'deny')
  if (denied) return refusal('explicitDeny', denied.bound)
  if (identity === 'deny') return { reason: 'explicitDeny', layer: 'identity' }
  if (resource === 'deny') return { reason: 'explicitDeny', layer: 'resource' }
  const silent = bounds.find(({ verdict }) => verdict === 'none')
  if (silent) return refusal('implicitDeny', silent.bound)
  const identityAllows = identity === 'allow'
  const resourceAllows = resource === 'allow'
  const delegates = () =>
    layers.resource !== undefined && evaluator.verdict(layers.resource, question, 'account') === 'allow'
  if (!layers.sameAccount) {
    if (identityAllows && (resourceAllows || delegates())) return ALLOW
    return { reason: 'implicitDeny', layer: identityAllows ? 'resource' : 'identity' }
  }
  if (resourceAllows) return ALLOW
  if (!identityAllows) return { reason: 'implicitDeny', layer: 'identity' }
  if (!layers.resourcePolicyRequired || delegates()) return ALLOW
  return { reason: 'implicitDeny', layer: 'resource' }
}

function refusal(reason: 'explicitDeny' | 'implicitDeny', bound: Bound): Outcome {
  const { layer, node } = bound
  return node === undefined ? { reason, layer } : { reason, layer, node }
}

/** Labels of the statements that decided, sorted: the Deny statements of all layers if any matched, else the Allow
 * statements of identity and resource policies. */
export function determiningStatements(layers: Layers, question: Question): string[] {
  const lists = [...boundsOf(layers).map((bound) => bound.list), layers.identity]
  if (layers.resource) lists.push(layers.resource)
  const denies = lists.flatMap((list) => matching(list, question, 'denies'))
  if (denies.length > 0) return denies.sort()
  const granting = layers.resource ? [layers.identity, layers.resource] : [layers.identity]
  return granting.flatMap((list) => matching(list, question, 'allows')).sort()
}

function matching(list: StatementList, question: Question, effect: 'denies' | 'allows'): string[] {
  return list
    .candidates(question.action)
    [effect].filter((statement) => isMet(statement, question))
    .map(labelOf)
}
