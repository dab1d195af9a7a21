import { REGEX_CHARS_MAX } from '../../limits.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

const flag =
  (name: 'ignoreCase' | 'multiline' | 'dotAll'): ValueModifier =>
  (value) =>
    value.kind === 'regex'
      ? { ...value, flags: { ...value.flags, [name]: true } }
      : `belongs after \`re\`, as in \`re|i\`; here it meets ${nameOfValue(value)}`

/** `re` and its sub-modifiers. The value arrives as written, without Sigma's own escapes.
 * @see Sigma modifiers appendix, regular expression */
export const regexModifiers: Readonly<Record<string, ValueModifier>> = {
  re: (value, context) => {
    if (context.applied.length > 0) return `has to come first; \`${context.applied.join('|')}\` stands before it`
    if (value.kind !== 'text') return `works on texts, not on ${nameOfValue(value)}`
    const source = value.pattern.join('')
    if (source.length > REGEX_CHARS_MAX) return `takes at most ${REGEX_CHARS_MAX} characters; this has ${source.length}`
    return { kind: 'regex', pattern: [source], flags: { ignoreCase: false, multiline: false, dotAll: false } }
  },
  i: flag('ignoreCase'),
  ignorecase: flag('ignoreCase'),
  m: flag('multiline'),
  multiline: flag('multiline'),
  s: flag('dotAll'),
  dotall: flag('dotAll'),
}
