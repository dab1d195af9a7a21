import type { LayerName, Layers } from '../decision/decide.ts'
import type { StatementList } from '../decision/statement-list.ts'
import type { Naming } from '../policy/principal-match.ts'
import { type CompiledStatement, isMet, labelOf, matchesScope, type Question } from '../policy/statement.ts'
import type { OpenKeys } from './open-keys.ts'

/** What is left of a decision when everything known has been decided: it allows where in each group of `when` one
 * alternative holds whole, and none of `unless` does. Nothing left means it allows now. */
export interface Residue {
  readonly when: readonly (readonly Alternative[])[]
  readonly unless: readonly Alternative[]
}

/** A statement that matches if all of its open conditions hold. */
export interface Alternative {
  readonly statement: string
  readonly layer: LayerName
  readonly node?: string
  readonly conditions: readonly OpenCondition[]
}

export interface OpenCondition {
  readonly op: string
  readonly key: string
  readonly want: readonly string[]
}

/** A residue that can still be decided: the statements themselves. */
export interface Remainder {
  readonly when: readonly (readonly Term[])[]
  readonly unless: readonly Term[]
  /** Labels of the statements that allow, or would. */
  readonly statements: readonly string[]
}

interface Term {
  readonly statement: CompiledStatement
  readonly naming: Naming | undefined
  readonly layer: LayerName
  readonly node: string | undefined
  readonly conditions: readonly OpenCondition[]
}

interface Group {
  /** Some statement matches whatever the open values are. */
  readonly isSure: boolean
  readonly terms: readonly Term[]
  readonly sure: readonly CompiledStatement[]
}

interface Place {
  readonly layer: LayerName
  readonly node?: string
}

/** What is left of a decision about a question whose keys are `OpenKeys`; undefined where it refuses whatever they
 * turn out to be. */
export function remainderOf(layers: Layers, question: Question, keys: OpenKeys): Remainder | undefined {
  const asked: Question = { ...question, keys }
  const bounds: (Place & { list: StatementList })[] = [
    ...layers.guardrails.map(({ node, list }) => ({ layer: 'guardrail' as const, node, list })),
    ...layers.resourceGuardrails.map(({ node, list }) => ({ layer: 'resourceGuardrail' as const, node, list })),
    ...(layers.boundary ? [{ layer: 'boundary' as const, list: layers.boundary }] : []),
    ...layers.sessions.map((list) => ({ layer: 'session' as const, list })),
  ]
  const { resource } = layers
  const identity = { layer: 'identity' as const, list: layers.identity }
  const onResource = resource && { layer: 'resource' as const, list: resource }
  const unless: Term[] = []
  for (const { list, ...place } of [...bounds, identity, ...(onResource ? [onResource] : [])]) {
    const { isSure, terms } = groupOf(list.candidates(asked.action).denies, asked, keys, place)
    if (isSure) return undefined
    unless.push(...terms)
  }
  const groups = bounds.map(({ list, ...place }) => groupOf(list.candidates(asked.action).allows, asked, keys, place))
  const byIdentity = groupOf(layers.identity.candidates(asked.action).allows, asked, keys, { layer: 'identity' })
  const onItself = (naming: Naming) =>
    resource ? groupOf(resource.candidates(asked.action).allows, asked, keys, { layer: 'resource' }, naming) : NOTHING
  const named = onItself('self')
  const granting = layers.sameAccount
    ? [either(named, byIdentity), ...(layers.resourcePolicyRequired ? [either(named, onItself('account'))] : [])]
    : [byIdentity, either(named, onItself('account'))]
  const when: (readonly Term[])[] = []
  for (const { isSure, terms } of [...groups, ...granting]) {
    if (isSure) continue
    if (terms.length === 0) return undefined
    when.push(terms)
  }
  const allowing = granting.flatMap(({ sure, terms }) => [...sure, ...terms.map(({ statement }) => statement)])
  return { when, unless, statements: [...new Set(allowing.map(labelOf))].sort() }
}

/** Whether what was left holds, once the values are there: then the decision allows. */
export function isRemainderMet({ when, unless }: Remainder, question: Question): boolean {
  const isMetBy = ({ statement, naming }: Term) => isMet(statement, question, naming)
  return when.every((terms) => terms.some(isMetBy)) && !unless.some(isMetBy)
}

export function isNow({ when, unless }: Remainder): boolean {
  return when.length === 0 && unless.length === 0
}

/** The part that can be shown. */
export function residueOf({ when, unless }: Remainder): Residue {
  const show = ({ statement, layer, node, conditions }: Term): Alternative => ({
    statement: labelOf(statement),
    layer,
    ...(node === undefined ? {} : { node }),
    conditions,
  })
  return { when: when.map((terms) => terms.map(show)), unless: unless.map(show) }
}

const NOTHING: Group = { isSure: false, terms: [], sure: [] }

function either(a: Group, b: Group): Group {
  return { isSure: a.isSure || b.isSure, terms: [...a.terms, ...b.terms], sure: [...a.sure, ...b.sure] }
}

function groupOf(
  statements: readonly CompiledStatement[],
  question: Question,
  keys: OpenKeys,
  { layer, node }: Place,
  naming?: Naming,
): Group {
  const terms: Term[] = []
  const sure: CompiledStatement[] = []
  for (const statement of statements) {
    const conditions = openConditions(statement, question, keys, naming)
    if (!conditions) continue
    if (conditions.length === 0) sure.push(statement)
    else terms.push({ statement, naming, layer, node, conditions })
  }
  return { isSure: sure.length > 0, terms, sure }
}

/** What has yet to hold for a statement to match; undefined where it cannot. */
function openConditions(
  statement: CompiledStatement,
  question: Question,
  keys: OpenKeys,
  naming: Naming | undefined,
): readonly OpenCondition[] | undefined {
  const open: OpenCondition[] = []
  keys.takeAsked()
  const isInScope = matchesScope(statement, question, naming)
  if (keys.takeAsked()) {
    const { resources } = statement
    open.push({ op: resources?.negated ? 'NotResource' : 'Resource', key: 'resource', want: resources?.texts ?? [] })
  } else if (!isInScope) return undefined
  for (const condition of statement.conditions) {
    const holds = condition.holds(keys)
    if (keys.takeAsked()) open.push({ op: condition.operator, key: condition.key, want: condition.values })
    else if (!holds) return undefined
  }
  return open
}
