import type { Query } from '../ast.ts'
import type { Reader } from '../reader.ts'
import type { Relation } from '../relation.ts'
import type { PlanContext } from '../scope.ts'
import type { AppendCommand } from './append.ts'
import type { BinCommand } from './bin.ts'
import type { DedupCommand } from './dedup.ts'
import type { EvalCommand } from './eval.ts'
import type { EventstatsCommand } from './eventstats.ts'
import type { ExpandCommand } from './expand.ts'
import type { FieldsCommand } from './fields.ts'
import type { FillnullCommand } from './fillnull.ts'
import type { HeadCommand } from './head.ts'
import type { LookupCommand } from './lookup.ts'
import type { ParseCommand } from './parse.ts'
import type { RegexCommand } from './regex.ts'
import type { RenameCommand } from './rename.ts'
import type { ReverseCommand } from './reverse.ts'
import type { RexCommand } from './rex.ts'
import type { SortCommand } from './sort.ts'
import type { StatsCommand } from './stats.ts'
import type { StreamstatsCommand } from './streamstats.ts'
import type { TimechartCommand } from './timechart.ts'
import type { TopCommand } from './top.ts'
import type { TrendlineCommand } from './trendline.ts'
import type { WhereCommand } from './where.ts'

/** A command after `|`, as written. */
export type Command =
  | ExpandCommand
  | StreamstatsCommand
  | TrendlineCommand
  | AppendCommand
  | LookupCommand
  | ParseCommand
  | RexCommand
  | RegexCommand
  | FillnullCommand
  | EventstatsCommand
  | ReverseCommand
  | BinCommand
  | TimechartCommand
  | DedupCommand
  | EvalCommand
  | FieldsCommand
  | HeadCommand
  | RenameCommand
  | SortCommand
  | StatsCommand
  | TopCommand
  | WhereCommand

/** A command of PPL: how it is read, printed, and what it does to rows. Each stands in a file of its own. */
export interface CommandForm<C extends { readonly kind: string }> {
  /** Reads what follows the command's word. */
  parse(reader: Reader, word: string): C
  /** The whole command as text that reads back as the same. */
  print(command: C, printQuery: (query: Query) => string): string
  plan(command: C, relation: Relation, context: PlanContext): Relation
}
