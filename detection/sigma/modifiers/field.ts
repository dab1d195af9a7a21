import { literalOf } from '../pattern.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

/** `fieldref`, `exists`, `cased`.   @see Sigma modifiers appendix, generic and specific */
export const fieldModifiers: Readonly<Record<string, ValueModifier>> = {
  fieldref: (value, context) => {
    if (value.kind !== 'text') return `takes the name of a field, not ${nameOfValue(value)}`
    if (context.field === '') return 'compares two fields; a keyword has none'
    const other = literalOf(value.pattern)
    if (other === undefined || other === '') return 'takes the name of a field, without wildcards'
    return { kind: 'fieldRef', other, position: 'equals', cased: value.cased }
  },
  exists: (value, context) => {
    if (context.field === '') return 'asks for a field; a keyword has none'
    if (context.applied.length > 0) return `stands alone; \`${context.applied.join('|')}\` stands before it`
    const wanted =
      value.kind === 'boolean'
        ? value.value
        : value.kind === 'text' && /^(?:true|false)$/i.test(literalOf(value.pattern) ?? '')
          ? literalOf(value.pattern)?.toLowerCase() === 'true'
          : undefined
    if (wanted === undefined) return `takes \`true\` or \`false\`, not ${nameOfValue(value)}`
    return { kind: 'exists', wanted }
  },
  cased: (value) => {
    if (value.kind === 'text' || value.kind === 'fieldRef') return { ...value, cased: true }
    if (value.kind === 'number' || value.kind === 'regex') return value
    return `works on texts, not on ${nameOfValue(value)}`
  },
}
