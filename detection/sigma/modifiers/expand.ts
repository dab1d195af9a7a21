import { PLACEHOLDER_VARIANTS_MAX } from '../../limits.ts'
import { fillPlaceholders, insertPlaceholders, parsePattern } from '../pattern.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

/** `expand`: `%name%` stands for values that the installation gives. What nobody gave stays a placeholder, for pipelines to
 * fill; a rule in which one is left is refused, as matching it as plain text would be silently wrong.
 * @see Sigma specification 2.0, Placeholders */
export const expandModifiers: Readonly<Record<string, ValueModifier>> = {
  expand: (value, { placeholder }) => {
    if (value.kind !== 'text' && value.kind !== 'regex') return `works on texts, not on ${nameOfValue(value)}`
    const read = value.kind === 'text' ? parsePattern : (text: string) => [text]
    const variants = fillPlaceholders(insertPlaceholders(value.pattern), (name) => placeholder(name)?.map(read))
    if (!variants)
      return `would make more than ${PLACEHOLDER_VARIANTS_MAX} values of this one; use fewer placeholders in it`
    const values = variants.map((pattern) => ({ ...value, pattern }))
    return values.length === 1 && values[0] ? values[0] : { kind: 'anyOf', values }
  },
}
