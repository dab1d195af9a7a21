import { parseSearch, printSearch } from './commands/search.ts'
import { commandWords, parseCommand, printCommand } from './commands/table.ts'
import { didYouMean, QueryProblem } from './errors.ts'
import type { Expression } from './expression.ts'
import type { QueryLimits } from './limits.ts'
import { parseExpression } from './parse-expression.ts'
import type { Command, Query } from './query.ts'
import { Reader } from './reader.ts'
import { tokenize } from './tokens.ts'

/** A query as written.
 * @throws QueryProblem */
export function parseQuery(text: string, limits: QueryLimits): Query {
  const reader = new Reader(text, tokenize(text, limits), limits, readQuery)
  const query = readQuery(reader)
  expectEnd(reader, '`|` and a command, or the end')
  return query
}

function readQuery(reader: Reader): Query {
  reader.takeSign('|')
  const search = parseSearch(reader)
  const commands: Command[] = []
  while (reader.takeSign('|')) {
    // An empty command does nothing.
    if (reader.isSign('|') || reader.isSign(']') || reader.peek().kind === 'end') continue
    reader.countCommand()
    commands.push(parseNextCommand(reader))
  }
  return { search, commands }
}

/** A query as text that reads back as the same query. */
export function printQuery(query: Query): string {
  return [printSearch(query.search), ...query.commands.map((command) => printCommand(command, printQuery))].join(' | ')
}

/** A condition on its own, as in `?filter=`.
 * @throws QueryProblem */
export function parseCondition(text: string, limits: QueryLimits): Expression {
  const reader = new Reader(text, tokenize(text, limits), limits, readQuery)
  const condition = parseExpression(reader)
  expectEnd(reader, 'an operator or the end')
  return condition
}

function parseNextCommand(reader: Reader): Command {
  const token = reader.peek()
  if (token.kind !== 'word') return reader.fail('a command such as `where`')
  const word = token.value.toLowerCase()
  reader.next()
  const command = parseCommand(reader, word)
  if (command) return command
  throw new QueryProblem(
    'pipeline.query.unknownCommand',
    token,
    `unknown command \`${token.value}\`${didYouMean(word, commandWords)}`,
  )
}

function expectEnd(reader: Reader, what: string): void {
  reader.takeSign(';')
  if (reader.peek().kind !== 'end') reader.fail(what)
}
