import type { CompiledStatement } from '../policy/statement.ts'
import { actionPattern, doIntersect, isIncluded, namePattern, type Pattern } from './classes.ts'

/** Whether a statement says nothing that another of the same layer does not say too: what it matches is matched by the
 * other. False where that cannot be told. Effects are not looked at. */
export function isCovered(inner: CompiledStatement, outer: CompiledStatement): boolean {
  return (
    hasConditionsOf(inner, outer) &&
    isPrincipalCovered(inner, outer) &&
    areWithin(actionsOf(inner), actionsOf(outer)) &&
    areWithin(resourcesOf(inner), resourcesOf(outer))
  )
}

interface Selection {
  readonly negated: boolean
  readonly patterns: readonly Pattern[]
}

const actions = new WeakMap<object, Selection>()
const resources = new WeakMap<object, Selection>()
const ALL: Selection = { negated: false, patterns: [namePattern('*')] }

function actionsOf({ actions: set }: CompiledStatement): Selection {
  return remembered(actions, set, actionPattern)
}

function resourcesOf({ resources: set }: CompiledStatement): Selection {
  return set ? remembered(resources, set, (text) => namePattern(text)) : ALL
}

/** The sets are shared by all statements that say the same. */
function remembered(
  known: WeakMap<object, Selection>,
  set: { readonly negated: boolean; readonly texts: readonly string[] },
  compile: (text: string) => Pattern,
): Selection {
  let selection = known.get(set)
  if (!selection) {
    selection = { negated: set.negated, patterns: set.texts.map(compile) }
    known.set(set, selection)
  }
  return selection
}

function areWithin(inner: Selection, outer: Selection): boolean {
  if (inner === outer) return true
  if (!outer.negated) {
    if (inner.negated) return outer.patterns.some(({ text }) => text === '*')
    return inner.patterns.every((pattern) => isIncluded(pattern, outer.patterns))
  }
  if (inner.negated) return outer.patterns.every((pattern) => isIncluded(pattern, inner.patterns))
  return inner.patterns.every((pattern) => outer.patterns.every((other) => !doIntersect(pattern, other)))
}

/** Each condition of the outer one is one of the inner, so that it holds wherever the inner does. */
function hasConditionsOf(inner: CompiledStatement, outer: CompiledStatement): boolean {
  return outer.conditions.every((wanted) =>
    inner.conditions.some(
      (one) =>
        one === wanted ||
        (one.operator === wanted.operator &&
          one.canonicalKey === wanted.canonicalKey &&
          JSON.stringify(one.values) === JSON.stringify(wanted.values)),
    ),
  )
}

function isPrincipalCovered(inner: CompiledStatement, outer: CompiledStatement): boolean {
  if (!outer.principals) return true
  return JSON.stringify(inner.principals?.texts) === JSON.stringify(outer.principals.texts)
}
