import type { TextPosition } from '../../match/expression.ts'
import { beginsOpen, endsOpen, MANY, type PatternPart } from '../pattern.ts'
import { nameOfValue, type Value, type ValueModifier } from '../value.ts'

/** `contains`, `startswith`, `endswith`: open the value on one or both sides.   @see Sigma modifiers appendix, generic */
export const positionModifiers: Readonly<Record<string, ValueModifier>> = {
  contains: open({ before: true, after: true, position: 'contains' }),
  startswith: open({ before: false, after: true, position: 'startsWith' }),
  endswith: open({ before: true, after: false, position: 'endsWith' }),
}

function open(side: { before: boolean; after: boolean; position: TextPosition }): ValueModifier {
  return (value): Value | string => {
    switch (value.kind) {
      case 'number':
        return openText({ kind: 'text', pattern: [value.text], cased: false }, side)
      case 'boolean':
        return openText({ kind: 'text', pattern: [String(value.value)], cased: false }, side)
      case 'text':
        return openText(value, side)
      case 'regex':
        // A search is not anchored, so `re|contains` says nothing more; the other two anchor it.
        if (side.position === 'contains') return value
        return {
          ...value,
          pattern: side.position === 'startsWith' ? ['^(?:', ...value.pattern, ')'] : ['(?:', ...value.pattern, ')$'],
        }
      case 'fieldRef':
        return { ...value, position: side.position }
      default:
        return `works on texts, not on ${nameOfValue(value)}`
    }
  }
}

function openText(value: Extract<Value, { kind: 'text' }>, side: { before: boolean; after: boolean }): Value {
  const pattern: PatternPart[] = [...value.pattern]
  if (side.before && !beginsOpen(pattern)) pattern.unshift(MANY)
  if (side.after && !endsOpen(pattern)) pattern.push(MANY)
  return { ...value, pattern }
}
