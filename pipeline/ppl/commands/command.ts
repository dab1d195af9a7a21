import type { Query } from '../query.ts'
import type { Reader } from '../reader.ts'
import type { PlanContext, Relation } from '../relation.ts'

/** A command of PPL: how it is read, printed, and what it does to rows. Each stands in a file of its own. */
export interface CommandForm<C extends { readonly kind: string }> {
  /** Reads what follows the command's word. */
  parse(reader: Reader, word: string): C
  /** The whole command as text that reads back as the same. */
  print(command: C, printQuery: (query: Query) => string): string
  plan(command: C, relation: Relation, context: PlanContext): Relation
}
