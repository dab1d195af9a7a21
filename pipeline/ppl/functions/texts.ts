import { QueryProblem } from '../errors.ts'
import { readRegex } from '../regex.ts'
import { call, cast, nothing, text, whole } from '../typed.ts'
import { typeName } from '../types.ts'
import { type FunctionForm, form, literalText, want } from './form.ts'

const concat: FunctionForm = {
  least: 1,
  most: Number.POSITIVE_INFINITY,
  resolve: (args, place) =>
    call(
      'concat',
      args.map((arg, i) => want(arg, 'string', place, i)),
      'string',
    ),
}

const concatWith: FunctionForm = {
  least: 2,
  most: Number.POSITIVE_INFINITY,
  resolve: (args, place) => {
    const [separator = nothing, ...parts] = args.map((arg, i) => want(arg, 'string', place, i))
    return call(
      'concat',
      parts.flatMap((part, i) => (i === 0 ? [part] : [separator, part])),
      'string',
    )
  },
}

/** `locate(part, text, from)`; both count from 1. */
const locate: FunctionForm = {
  least: 2,
  most: 3,
  resolve: (args, place) => {
    const [part = nothing, subject = nothing] = args.slice(0, 2).map((arg, i) => want(arg, 'string', place, i))
    const from = args[2]
    if (from === undefined) return call('position', [part, subject], 'integer')
    const start = want(from, 'whole', place, 2)
    const found = call('position', [part, call('substring', [subject, start], 'string')], 'integer')
    const moved = call('subtract', [call('add', [found, start], 'integer'), whole(1)], 'integer')
    return call('when', [call('eq', [found, whole(0)], 'boolean'), found, moved], 'integer')
  },
}

/** Replaces each match; `$1` and `\1` stand for groups.   @see Java, String.replaceAll */
const replace: FunctionForm = {
  least: 3,
  most: 3,
  resolve: ([subject = nothing, pattern = nothing, replacement = nothing], place) => {
    const regex = readRegex(
      literalText(pattern, 'a pattern', place, 1),
      place.spans[1] ?? place.span,
      place.scope.limits,
    )
    const written = literalText(replacement, 'a replacement', place, 2)
    const args = [
      want(subject, 'string', place, 0),
      text(regex.source),
      text(groupReferences(written, regex.groupCount)),
    ]
    return call('regexReplace', args, 'string')
  },
}

/** A replacement in RE2's form, where `\1` is a group and `\\` a backslash. */
export function groupReferences(written: string, groupCount: number): string {
  let found = ''
  for (let at = 0; at < written.length; at++) {
    const char = written[at] ?? ''
    const next = written[at + 1] ?? ''
    if ((char === '$' || char === '\\') && /\d/.test(next) && Number(next) <= groupCount) {
      found += `\\${next}`
      at++
    } else if (char === '\\' && (next === '$' || next === '\\')) {
      found += next === '\\' ? '\\\\' : next
      at++
    } else found += char === '\\' ? '\\\\' : char
  }
  return found
}

const typeOf: FunctionForm = {
  least: 1,
  most: 1,
  resolve: ([arg = nothing]) => text(typeName(arg.type)),
}

const sha2: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([subject = nothing], place) => call('sha256', [want(subject, 'string', place, 0)], 'string'),
}

/** `tostring(x, 'hex' | 'commas' | 'duration')`. */
const asText: FunctionForm = {
  least: 1,
  most: 2,
  resolve: ([arg = nothing, format], place) => {
    if (!format) return want(arg, 'string', place, 0)
    const how = literalText(format, 'a format', place, 1)
    switch (how) {
      case 'hex':
        return call('hex', [want(arg, 'whole', place, 0)], 'string')
      case 'commas':
        return call('thousands', [want(arg, 'number', place, 0)], 'string')
      case 'duration': {
        const micros = call('multiply', [want(arg, 'whole', place, 0), whole(1_000_000)], 'long')
        return call('formatTime', [call('fromMicros', [micros], 'timestamp'), text('%H:%M:%S')], 'string')
      }
      default:
        throw new QueryProblem(
          'pipeline.query.badValue',
          place.spans[1] ?? place.span,
          `unknown format \`${how}\`; there are \`hex\`, \`commas\` and \`duration\``,
        )
    }
  },
}

const toNumber: FunctionForm = {
  least: 1,
  most: 2,
  resolve: ([arg = nothing, base], place) => {
    if (base === undefined || (base.kind === 'literal' && base.value === 10n))
      return cast(want(arg, 'string', place, 0), 'double')
    if (base.kind === 'literal' && base.value === 16n) {
      return cast(call('unhex', [want(arg, 'string', place, 0)], 'long'), 'double')
    }
    throw new QueryProblem('pipeline.query.badValue', place.spans[1] ?? place.span, 'the base can be 10 or 16')
  },
}

/** The member of a JSON text at a path such as `a.b{0}.c`; several paths give a list. */
const jsonExtract: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([subject = nothing, path = nothing], place) => {
    const pointer = jsonPointerOf(literalText(path, 'a path', place, 1))
    return call('jsonExtract', [want(subject, 'string', place, 0), text(pointer)], 'string')
  },
}

/** `a.b{0}`, `a.b[0]` or `$.a.b[0]` as a pointer.   @see RFC 6901 */
function jsonPointerOf(path: string): string {
  const steps = path
    .replace(/^\$\.?/, '')
    .replace(/[[{](\d+)[\]}]/g, '.$1')
    .split('.')
  return steps
    .filter((step) => step !== '')
    .map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}

export const textForms: readonly (readonly [string, FunctionForm])[] = [
  ['concat', concat],
  ['concat_ws', concatWith],
  ['length', form('length', ['string'], 'integer')],
  ['lower', form('lower', ['string'], 'string')],
  ['upper', form('upper', ['string'], 'string')],
  ['trim', form('trim', ['string'], 'string')],
  ['ltrim', form('ltrim', ['string'], 'string')],
  ['rtrim', form('rtrim', ['string'], 'string')],
  ['reverse', form('reverse', ['string'], 'string')],
  ['right', form('right', ['string', 'whole'], 'string')],
  ['substring', form('substring', ['string', 'whole', 'whole'], 'string', 2)],
  ['substr', form('substring', ['string', 'whole', 'whole'], 'string', 2)],
  ['position', form('position', ['string', 'string'], 'integer')],
  ['locate', locate],
  ['replace', replace],
  ['regexp_replace', replace],
  ['md5', form('md5', ['string'], 'string')],
  ['sha1', form('sha1', ['string'], 'string')],
  ['sha2', sha2],
  ['typeof', typeOf],
  ['tostring', asText],
  ['tonumber', toNumber],
  ['json_valid', form('jsonValid', ['string'], 'boolean')],
  ['json_keys', form('jsonKeys', ['string'], 'array')],
  ['json_extract', jsonExtract],
]
