import type { Command, Query } from '../query.ts'
import type { Reader } from '../reader.ts'
import type { PlanContext, Relation } from '../relation.ts'
import { append } from './append.ts'
import { bin } from './bin.ts'
import type { CommandForm } from './command.ts'
import { dedup } from './dedup.ts'
import { evaluate } from './eval.ts'
import { eventstats } from './eventstats.ts'
import { expand } from './expand.ts'
import { fields } from './fields.ts'
import { fillnull } from './fillnull.ts'
import { head } from './head.ts'
import { lookup } from './lookup.ts'
import { parse } from './parse.ts'
import { regex } from './regex.ts'
import { rename } from './rename.ts'
import { reverse } from './reverse.ts'
import { rex } from './rex.ts'
import { sort } from './sort.ts'
import { stats } from './stats.ts'
import { streamstats } from './streamstats.ts'
import { timechart } from './timechart.ts'
import { top } from './top.ts'
import { trendline } from './trendline.ts'
import { where } from './where.ts'

const forms: { readonly [K in Command['kind']]: CommandForm<Extract<Command, { kind: K }>> } = {
  expand,
  streamstats,
  trendline,
  append,
  lookup,
  parse,
  rex,
  regex,
  fillnull,
  eventstats,
  reverse,
  bin,
  timechart,
  dedup,
  eval: evaluate,
  fields,
  head,
  rename,
  sort,
  stats,
  top,
  where,
}

/** The words that begin a command, each with the command it begins. */
const words: ReadonlyMap<string, Command['kind']> = new Map<string, Command['kind']>([
  ['expand', 'expand'],
  ['mvexpand', 'expand'],
  ['streamstats', 'streamstats'],
  ['trendline', 'trendline'],
  ['append', 'append'],
  ['lookup', 'lookup'],
  ['parse', 'parse'],
  ['rex', 'rex'],
  ['regex', 'regex'],
  ['fillnull', 'fillnull'],
  ['eventstats', 'eventstats'],
  ['reverse', 'reverse'],
  ['bin', 'bin'],
  ['timechart', 'timechart'],
  ['dedup', 'dedup'],
  ['eval', 'eval'],
  ['fields', 'fields'],
  ['table', 'fields'],
  ['head', 'head'],
  ['rename', 'rename'],
  ['sort', 'sort'],
  ['stats', 'stats'],
  ['top', 'top'],
  ['rare', 'top'],
  ['where', 'where'],
])

export const commandWords: readonly string[] = [...words.keys()]

/** Reads the command that begins with `word`; undefined when none does. */
export function parseCommand(reader: Reader, word: string): Command | undefined {
  const kind = words.get(word)
  return kind === undefined ? undefined : forms[kind].parse(reader, word)
}

export function printCommand(command: Command, printQuery: (query: Query) => string): string {
  return formOf(command).print(command, printQuery)
}

export function planCommand(command: Command, relation: Relation, context: PlanContext): Relation {
  return formOf(command).plan(command, relation, context)
}

// A form takes just the command of its own kind, which is what it is looked up by; TypeScript cannot follow that.
function formOf<C extends Command>(command: C): CommandForm<C> {
  return forms[command.kind] as unknown as CommandForm<C>
}
