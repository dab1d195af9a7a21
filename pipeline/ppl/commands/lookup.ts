import { compareForms } from '../functions/compare.ts'
import type { Plan, Typed } from '../plan.ts'
import type { LookupCommand, LookupPair } from '../query.ts'
import type { Reader } from '../reader.ts'
import {
  columnValue,
  extended,
  fieldValue,
  newColumn,
  type PlanContext,
  type Relation,
  scopeOf,
  shownFields,
  withChanges,
} from '../relation.ts'
import { quoteName } from '../tokens.ts'
import { all, call, cast, nothing, whole } from '../typed.ts'
import { commonType } from '../types.ts'
import type { CommandForm } from './command.ts'
import { parseFieldName } from './field-list.ts'
import { openSource, parseSource } from './search.ts'

/** Fields of every event, which say nothing about what is looked up. */
const ownFields: ReadonlySet<string> = new Set(['time', '@timestamp', 'raw_data', 'parse_error'])

export const lookup: CommandForm<LookupCommand> = {
  parse: (reader) => {
    const [pipe] = parseSource(reader)
    if (!pipe) return reader.fail('the name of a pipe')
    const keys = parsePairs(reader)
    const strategy = ['replace', 'append', 'output'].find((word) => reader.takeWord(word))
    const outputs = strategy === undefined ? [] : parsePairs(reader)
    return { kind: 'lookup', pipe, keys, fills: strategy === 'append', outputs }
  },
  print: ({ pipe, keys, fills, outputs }) => {
    const wanted = outputs.length === 0 ? '' : ` ${fills ? 'append' : 'replace'} ${outputs.map(printPair).join(', ')}`
    return `lookup ${quoteName(pipe.name)} ${keys.map(printPair).join(', ')}${wanted}`
  },
  plan: (command, relation, context) => {
    const table = openSource([command.pipe], { allTimes: true }, context)
    const outputs = command.outputs.length > 0 ? command.outputs : allOf(table, command.keys, context)
    const looked = outputs.map((pair) => ({ ...pair, value: fieldValue(table, pair.inTable, pair.span, context) }))
    const keys = command.keys.map((pair) => {
      const left = fieldValue(relation, pair.inRows, pair.span, context)
      const right = fieldValue(table, pair.inTable, pair.span, context)
      const place = {
        name: 'lookup',
        span: pair.span,
        spans: [pair.span, pair.span],
        scope: scopeOf(relation, context),
      }
      const same = compareForms.eq.resolve([left, right], place)
      const [l = left, r = right] = same.kind === 'call' ? same.args : []
      return { left: l, right: r }
    })
    const right = latestOf(
      table,
      keys.map((key) => key.right),
      context,
    )
    const plan: Plan = { op: 'join', kind: 'left', left: relation.plan, right, keys, condition: undefined }
    const joined = withChanges(relation, { plan, perEvent: false })
    const added = looked.map(({ inRows, value, span }) => {
      if (!command.fills) return { name: inRows, value }
      const before =
        relation.fields.has(inRows) || relation.source ? fieldValue(relation, inRows, span, context) : nothing
      const type = commonType(before.type, value.type)
      return { name: inRows, value: call('coalesce', [cast(before, type), cast(value, type)], type) }
    })
    return extended(joined, added, context)
  },
}

function parsePairs(reader: Reader): LookupPair[] {
  const pairs = []
  do {
    const { name, span } = parseFieldName(reader)
    const inRows = reader.takeWord('as') ? parseFieldName(reader).name : name
    pairs.push({ inTable: name, inRows, span })
  } while (reader.takeSign(','))
  return pairs
}

function printPair({ inTable, inRows }: LookupPair): string {
  return inTable === inRows ? quoteName(inTable) : `${quoteName(inTable)} as ${quoteName(inRows)}`
}

function allOf(table: Relation, keys: readonly LookupPair[], context: PlanContext): LookupPair[] {
  const taken = new Set(keys.map(({ inTable }) => inTable))
  return [...shownFields(table, context).keys()]
    .filter((name) => !taken.has(name) && !ownFields.has(name) && !name.startsWith('_'))
    .map((name) => ({ inTable: name, inRows: name, span: keys[0]?.span ?? { start: 0, end: 0 } }))
}

/** The last record of each combination of keys. */
function latestOf(table: Relation, keys: readonly Typed[], context: PlanContext): Plan {
  const present = all(keys.map((key) => call('not', [call('isNull', [key], 'boolean')], 'boolean')))
  const number = newColumn(context, 'long')
  const order = table.order.map(({ value, descending }) => ({ value, descending: !descending }))
  const numbered: Plan = {
    op: 'number',
    input: { op: 'filter', input: table.plan, condition: present },
    ties: false,
    column: number,
    partition: keys,
    order,
  }
  return { op: 'filter', input: numbered, condition: call('eq', [columnValue(number), whole(1)], 'boolean') }
}
