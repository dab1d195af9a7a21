import type { HeadCommand } from '../query.ts'
import { withChanges } from '../relation.ts'
import type { CommandForm } from './command.ts'

const countDefault = 10

export const head: CommandForm<HeadCommand> = {
  parse: (reader) => {
    if (reader.isWord('limit') && reader.isSign('=', 1)) {
      reader.next()
      reader.next()
    }
    const count = reader.peek().kind === 'number' ? reader.expectWhole('a number of rows') : countDefault
    const skip = reader.takeWord('from') ? reader.expectWhole('a number of rows to skip') : 0
    return { kind: 'head', count, skip }
  },
  print: ({ count, skip }) => `head ${count}${skip === 0 ? '' : ` from ${skip}`}`,
  plan: ({ count, skip }, relation) =>
    withChanges(relation, {
      plan: { op: 'limit', input: relation.plan, order: relation.order, count, skip },
      perEvent: false,
    }),
}
