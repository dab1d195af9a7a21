import { WINDASH_VARIANTS_MAX } from '../../limits.ts'
import type { Pattern, PatternPart } from '../pattern.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

/** Signs that Windows programs take before a flag: hyphen, slash, en dash, em dash, horizontal bar. */
const DASHES = ['-', '/', '\u2013', '\u2014', '\u2015']
/** A sign that begins a flag: no word before it, a word after it; the hyphen in `-param-name` after `param` is none. */
const FLAG = /\B[-/\u2013\u2014\u2015]\b/g

/** `windash`: every combination of the signs that may begin a flag.   @see Sigma modifiers appendix, string modifiers */
export const windashModifiers: Readonly<Record<string, ValueModifier>> = {
  windash: (value) => {
    if (value.kind !== 'text') return `works on texts, not on ${nameOfValue(value)}`
    let variants: Pattern[] = [[]]
    for (const part of value.pattern) {
      const alternatives: readonly PatternPart[] | undefined = typeof part === 'string' ? dashVariants(part) : [part]
      if (alternatives === undefined || variants.length * alternatives.length > WINDASH_VARIANTS_MAX) {
        return `would make more than ${WINDASH_VARIANTS_MAX} variants of this value; use at most four flags a value`
      }
      variants = variants.flatMap((variant) => alternatives.map((alternative): Pattern => [...variant, alternative]))
    }
    return { kind: 'anyOf', values: variants.map((pattern) => ({ ...value, pattern })) }
  },
}

function dashVariants(text: string): PatternPart[] | undefined {
  const pieces = text.split(FLAG)
  if (DASHES.length ** (pieces.length - 1) > WINDASH_VARIANTS_MAX) return undefined
  let variants = [pieces[0] ?? '']
  for (const piece of pieces.slice(1)) {
    variants = variants.flatMap((variant) => DASHES.map((dash) => variant + dash + piece))
  }
  return variants
}
