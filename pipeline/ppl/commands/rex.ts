import { QueryProblem } from '../errors.ts'
import { groupReferences } from '../functions/texts.ts'
import type { Typed } from '../plan.ts'
import type { RexCommand } from '../query.ts'
import type { Reader } from '../reader.ts'
import { type Regex, readRegex } from '../regex.ts'
import { extended, fieldValue, type PlanContext, type Relation } from '../relation.ts'
import { quoteName, quoteString } from '../tokens.ts'
import { call, cast, text, whole } from '../typed.ts'
import type { CommandForm } from './command.ts'
import { parseFieldName } from './field-list.ts'

const manyMatches = 10

export const rex: CommandForm<RexCommand> = {
  parse: (reader) => {
    reader.expectWord('field')
    reader.expectSign('=')
    const field = parseFieldName(reader)
    const before = parseOptions(reader)
    const pattern = reader.expectString('a pattern')
    const options = { ...before, ...parseOptions(reader) }
    return {
      kind: 'rex',
      field,
      mode: options.mode ?? 'extract',
      maxMatch: options.maxMatch ?? 1,
      offsetField: options.offsetField,
      pattern: pattern.value,
      patternSpan: pattern,
    }
  },
  print: ({ field, mode, maxMatch, offsetField, pattern }) => {
    const parts = [`rex field=${quoteName(field.name)}`]
    if (mode === 'sed') parts.push('mode=sed')
    if (maxMatch !== 1) parts.push(`max_match=${maxMatch}`)
    if (offsetField !== undefined) parts.push(`offset_field=${quoteName(offsetField)}`)
    return [...parts, quoteString(pattern)].join(' ')
  },
  plan: (command, relation, context) => {
    const subject = cast(fieldValue(relation, command.field.name, command.field.span, context), 'string')
    if (command.mode === 'sed') {
      return extended(relation, [{ name: command.field.name, value: edited(subject, command, context) }], context)
    }
    const regex = readRegex(command.pattern, command.patternSpan, context.limits)
    if (regex.groups.length === 0) {
      throw new QueryProblem(
        'pipeline.query.badRegex',
        command.patternSpan,
        'this pattern has no named group; write (?<name>…)',
      )
    }
    return extract(command, regex, subject, relation, context)
  },
}

function parseOptions(reader: Reader) {
  const options: { mode?: 'extract' | 'sed'; maxMatch?: number; offsetField?: string } = {}
  while (reader.isSign('=', 1)) {
    const option = ['max_match', 'mode', 'offset_field'].find((word) => reader.isWord(word))
    if (option === undefined) reader.fail('`max_match`, `mode`, `offset_field` or a pattern in quotes')
    reader.next()
    reader.next()
    if (option === 'max_match') options.maxMatch = reader.expectWhole('a number of matches')
    else if (option === 'offset_field') options.offsetField = parseFieldName(reader).name
    else if (reader.takeWord('sed')) options.mode = 'sed'
    else if (reader.takeWord('extract')) options.mode = 'extract'
    else reader.fail('`extract` or `sed`')
  }
  return options
}

function extract(
  command: RexCommand,
  regex: Regex,
  subject: Typed,
  relation: Relation,
  context: PlanContext,
): Relation {
  const pattern = text(regex.source)
  const many = command.maxMatch !== 1
  const count = command.maxMatch === 0 ? manyMatches : command.maxMatch
  const added = regex.groups.map(({ name, index }) => ({
    name,
    value: many
      ? call('regexAll', [subject, pattern, whole(index), whole(count)], 'array')
      : call('regexGroup', [subject, pattern, whole(index)], 'string'),
  }))
  if (command.offsetField !== undefined) added.push({ name: command.offsetField, value: offsets(subject, regex) })
  return extended(relation, added, context)
}

/** Where each group stands in the text, from 0: `name=first-last&…`. */
function offsets(subject: Typed, regex: Regex): Typed {
  const before = call('regexGroup', [subject, text(`(?s)^(.*?)(?:${regex.source})`), whole(1)], 'string')
  const match = call('regexGroup', [subject, text(regex.source), whole(0)], 'string')
  const parts = regex.groups.flatMap(({ name, index }, i) => {
    const group = call('regexGroup', [subject, text(regex.source), whole(index)], 'string')
    const from = call('subtract', [call('position', [group, match], 'long'), whole(1)], 'long')
    const first = call('add', [call('length', [before], 'long'), from], 'long')
    const last = call('subtract', [call('add', [first, call('length', [group], 'long')], 'long'), whole(1)], 'long')
    return [text(`${i === 0 ? '' : '&'}${name}=`), cast(first, 'string'), text('-'), cast(last, 'string')]
  })
  return call('concat', parts, 'string')
}

/** `s/pattern/replacement/g` and `y/abc/xyz/`, with any sign in place of `/`.   @see POSIX, sed */
function edited(subject: Typed, { pattern: script, patternSpan: span }: RexCommand, context: PlanContext): Typed {
  const [, what, separator = '/'] = /^([sy])([^\w\s\\])/.exec(script) ?? []
  const parts = what === undefined ? [] : splitAt(script.slice(2), separator)
  const [from, to, flags] = parts
  if (parts.length !== 3 || from === undefined || to === undefined || flags === undefined) {
    throw new QueryProblem('pipeline.query.badRegex', span, "this is no edit; write it like 's/pattern/replacement/g'")
  }
  if (what === 'y') {
    if ([...from].length !== [...to].length || flags !== '') {
      throw new QueryProblem('pipeline.query.badRegex', span, 'both sides of `y` must have as many characters')
    }
    return call('translate', [subject, text(from), text(to)], 'string')
  }
  if (flags !== '' && flags !== 'g') {
    throw new QueryProblem('pipeline.query.badRegex', span, 'of flags, only `g` is known')
  }
  const regex = readRegex(from, span, context.limits)
  const replacement = text(groupReferences(to, regex.groupCount))
  const primitive = flags === 'g' ? 'regexReplace' : 'regexReplaceFirst'
  return call(primitive, [subject, text(regex.source), replacement], 'string')
}

function splitAt(script: string, separator: string): string[] {
  const parts = ['']
  for (let at = 0; at < script.length; at++) {
    const char = script[at] ?? ''
    if (char === '\\' && at + 1 < script.length) {
      const next = script[++at] ?? ''
      parts[parts.length - 1] += next === separator ? next : `\\${next}`
    } else if (char === separator) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts
}
