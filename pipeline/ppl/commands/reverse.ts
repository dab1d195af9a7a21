import { withChanges } from '../relation.ts'
import type { CommandForm } from './command.ts'

/** `reverse`: the rows in the opposite order. */
export interface ReverseCommand {
  readonly kind: 'reverse'
}

export const reverse: CommandForm<ReverseCommand> = {
  parse: () => ({ kind: 'reverse' }),
  print: () => 'reverse',
  plan: (_, relation) =>
    withChanges(relation, {
      order: relation.order.map(({ value, descending }) => ({ value, descending: !descending })),
      perEvent: false,
    }),
}
