import type { ContextValue } from '../../platform/index.ts'
import { canonicalKey } from './context-keys.ts'
import { findOperator, InvalidValue, isAbsent, type Operator, type Scalar, type ValueTest } from './operators.ts'
import type { KeyValues } from './text-pattern.ts'

/** One operator applied to one key: holds or does not. */
export interface Condition {
  /** As the document spells them. */
  readonly operator: string
  readonly key: string
  readonly values: readonly string[]
  readonly canonicalKey: string
  holds(keys: KeyValues): boolean
  /** What it looks at. */
  seen(keys: KeyValues): ContextValue | undefined
}

/** The parts of an operator's full name, `ForAnyValue:StringLikeIfExists`. */
export interface OperatorName {
  readonly quantifier: 'ForAllValues' | 'ForAnyValue' | undefined
  readonly base: string
  readonly ifExists: boolean
}

export function parseOperatorName(text: string): OperatorName {
  const found = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(text)
  return {
    quantifier: found?.[1] as OperatorName['quantifier'],
    base: found?.[2] ?? text,
    ifExists: found?.[3] !== undefined,
  }
}

/** A string means an unknown operator; an InvalidValue names the value that is wrong. */
export function compileCondition(
  operatorText: string,
  key: string,
  values: readonly string[],
): Condition | InvalidValue | string {
  const name = parseOperatorName(operatorText)
  const canonical = canonicalKey(key)
  const seen = canonical === 'g:timeofday' ? timeOfDay : (keys: KeyValues) => keys.get(canonical, key)
  const described = { operator: operatorText, key, values, canonicalKey: canonical, seen }
  if (name.base === 'Null') {
    if (name.quantifier || name.ifExists) return '`Null` takes neither a quantifier nor `IfExists`'
    const wrong = values.findIndex((value) => value !== 'true' && value !== 'false')
    if (wrong !== -1) return new InvalidValue(wrong, `\`${values[wrong]}\` is neither \`true\` nor \`false\``)
    const wanted = new Set(values)
    return { ...described, holds: (keys) => wanted.has(isAbsent(keys.get(canonical, key)) ? 'true' : 'false') }
  }
  const operator = findOperator(name.base)
  if (!operator) return `\`${operatorText}\` is not an operator`
  const test = operator.compile(values)
  if (test instanceof InvalidValue) return test
  return { ...described, holds: quantified(name, operator, test, seen) }
}

/** The wall time a caller states, else the instant itself: which zone's wall is the policy's to say. */
function timeOfDay(keys: KeyValues): ContextValue | undefined {
  return keys.get('g:timeofday') ?? keys.get('g:currenttime')
}

function quantified(
  name: OperatorName,
  operator: Operator,
  test: ValueTest,
  get: (keys: KeyValues) => ContextValue | undefined,
): (keys: KeyValues) => boolean {
  const { negated } = operator
  const satisfies = (value: Scalar, keys: KeyValues) => (test(value, keys) ?? false) !== negated
  switch (name.quantifier) {
    case 'ForAllValues':
      return (keys) => {
        const value = get(keys)
        if (isMissing(value)) return true
        return typeof value === 'object' ? value.every((one) => satisfies(one, keys)) : satisfies(value as Scalar, keys)
      }
    case 'ForAnyValue':
      return (keys) => {
        const value = get(keys)
        if (isMissing(value)) return name.ifExists
        return typeof value === 'object' ? value.some((one) => satisfies(one, keys)) : satisfies(value as Scalar, keys)
      }
    case undefined:
      return (keys) => {
        const value = get(keys)
        if (isMissing(value)) return name.ifExists || negated
        if (typeof value === 'object') return value.some((one) => test(one, keys) ?? false) !== negated
        // What is not of the operator's type counts as absent.
        const matched = test(value as Scalar, keys)
        return matched === undefined ? name.ifExists || negated : matched !== negated
      }
  }
}

function isMissing(value: ContextValue | undefined): boolean {
  return value === undefined || (typeof value === 'object' && value.length === 0)
}
