import { insertPlaceholders, MANY, ONE, parsePattern, placeholderIn, simplifyPattern } from '../pattern.ts'
import type { Value } from '../value.ts'
import { ofValues } from './over-items.ts'
import type { Params } from './params.ts'
import { PipelineFailure, type Transform } from './pipeline.ts'
import { plainParts, plainText, type TextValue, valueFrom } from './plain-text.ts'
import type { Replacement } from './search-regex.ts'

/** Transformations of values.   @see pySigma, Transformations (values) */
export const valueTransformations = {
  replace_string(params: Params): Transform {
    const regex = params.regex('regex')
    const template = params.text('replacement')
    const unknown = regex.lacks(template)
    if (unknown !== undefined) {
      params.reporter.error(params.node.at, `\`replacement\` names the group \`${unknown}\`, which \`regex\` has not`)
    }
    const skipSpecial = params.flag('skip_special')
    const interpretSpecial = params.flag('interpret_special')
    const replaceParts = (value: TextValue): Value => ({
      ...value,
      pattern: value.pattern.flatMap((part) => {
        if (typeof part !== 'string') return [part]
        const replaced = spliced(part.split(''), regex.replacements(part, template), (by) => [by]).join('')
        return interpretSpecial ? parsePattern(replaced) : [replaced]
      }),
    })
    const replaceWhole = (value: TextValue): Value => {
      const { text, parts } = plainParts(value.pattern)
      const read = (by: string) => parsePattern(by.replace(/\\(?![*?])/g, '\\\\'))
      const pattern = simplifyPattern(spliced(parts, regex.replacements(text, template), read))
      return { ...value, pattern: placeholderIn(value.pattern) === undefined ? pattern : insertPlaceholders(pattern) }
    }
    const replace = skipSpecial ? replaceParts : replaceWhole
    return ofValues((value) => {
      if (value.kind === 'text') return [replace(value)]
      return value.kind === 'number' ? [replace({ kind: 'text', pattern: [value.text], cased: false })] : undefined
    })
  },

  map_string(params: Params): Transform {
    const mapping = new Map(
      params.map('mapping').map(({ key, value }) => [key, params.textsOf(value, 'mapping').map(parsePattern)]),
    )
    return ofValues((value) => {
      if (value.kind !== 'text') return undefined
      return mapping.get(plainText(value.pattern))?.map((pattern) => ({ kind: 'text', pattern, cased: false }))
    })
  },

  set_value(params: Params): Transform {
    const plain = params.plain('value')
    const force = params.oneOf('force_type', ['', 'str', 'num'], '')
    const forced = force === 'str' ? String(plain) : force === 'num' ? Number(plain) : plain
    const value = valueFrom(forced)
    if (!value) params.reporter.error(params.node.at, '`value` takes a text, a number, `true`, `false` or `null`')
    return ofValues(() => (value ? [value] : undefined))
  },

  convert_type(params: Params): Transform {
    const target = params.oneOf('target_type', ['str', 'num'])
    const toText = (value: Value): Value | undefined =>
      value.kind === 'number' ? { kind: 'text', pattern: [value.text], cased: false } : undefined
    const toNumber = (value: Value): Value | undefined => {
      if (value.kind !== 'text') return undefined
      const text = plainText(value.pattern)
      if (!/^\s*[+-]?\d{1,15}\s*$/.test(text)) throw new PipelineFailure(`\`${text}\` is no number`)
      return { kind: 'number', value: Number(text), text: text.trim() }
    }
    const convert = target === 'str' ? toText : toNumber
    return ofValues((value) => {
      if (value.kind === 'anyOf') {
        return [{ kind: 'anyOf', values: value.values.map((variant) => convert(variant) ?? variant) }]
      }
      const converted = convert(value)
      return converted ? [converted] : undefined
    })
  },

  case(params: Params): Transform {
    const method = params.oneOf('method', ['lower', 'upper', 'snake_case'], 'lower')
    const change = {
      lower: (text: string) => text.toLowerCase(),
      upper: (text: string) => text.toUpperCase(),
      snake_case: (text: string) => text.replace(/(?<!^)(?=[A-Z])/g, '_').toLowerCase(),
    }[method]
    return ofValues((value) => {
      if (value.kind !== 'text') return undefined
      return [{ ...value, pattern: value.pattern.map((part) => (typeof part === 'string' ? change(part) : part)) }]
    })
  },

  regex(params: Params): Transform {
    const method = params.oneOf('method', ['plain', 'ignore_case_flag', 'ignore_case_brackets'], 'ignore_case_brackets')
    const literal = method === 'ignore_case_brackets' ? inBrackets : escapeRegex
    return ofValues((value) => {
      if (value.kind !== 'text' || value.pattern.length === 0) return undefined
      const pieces = value.pattern.map((part) => {
        if (part === MANY) return '.*'
        if (part === ONE) return '.'
        if (typeof part === 'string') return literal(part)
        throw new PipelineFailure(
          `the placeholder %${part.placeholder}% has to be filled before a regular expression is made`,
        )
      })
      const flags = { ignoreCase: method === 'ignore_case_flag', multiline: false, dotAll: false }
      return [{ kind: 'regex', pattern: [pieces.join('')], flags }]
    })
  },
}

/** A list with an element for each UTF-16 unit of a text, with what replaces each match in its place. */
function spliced<T>(
  units: readonly T[],
  replacements: readonly Replacement[],
  read: (by: string) => readonly T[],
): T[] {
  const result: T[] = []
  let last = 0
  for (const { from, to, by } of replacements) {
    for (let at = last; at < from; at++) result.push(units[at] as T)
    result.push(...read(by))
    last = to
  }
  for (let at = last; at < units.length; at++) result.push(units[at] as T)
  return result
}

const escapeRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|#&~\s-]/g, '\\$&')

function inBrackets(text: string): string {
  return [...text]
    .map((char) => (/\p{L}/u.test(char) ? `[${char.toLowerCase()}${char.toUpperCase()}]` : escapeRegex(char)))
    .join('')
}
