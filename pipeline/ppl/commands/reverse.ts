import type { ReverseCommand } from '../query.ts'
import { withChanges } from '../relation.ts'
import type { CommandForm } from './command.ts'

export const reverse: CommandForm<ReverseCommand> = {
  parse: () => ({ kind: 'reverse' }),
  print: () => 'reverse',
  plan: (_, relation) =>
    withChanges(relation, {
      order: relation.order.map(({ value, descending }) => ({ value, descending: !descending })),
      perEvent: false,
    }),
}
