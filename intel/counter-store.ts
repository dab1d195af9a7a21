import { sql, type Transaction } from 'kysely'
import type { Place } from './types.ts'

export interface CounterTables {
  intel_counter: { account: string; workspace: string; name: string; value: number }
}

/** Reserves `count` numbers that follow all given before, by the clock where it is ahead: microseconds. The counter's row
 * stays locked until the transaction ends, so that numbers become visible in their order.   @returns the first */
export async function takeNumbers(
  tx: Pick<Transaction<CounterTables>, 'insertInto'>,
  counter: Place & { readonly name: string },
  count: number,
  now: number,
): Promise<number> {
  const nowUs = now * 1000
  const { value } = await tx
    .insertInto('intel_counter')
    .values({ ...counter, value: nowUs + count })
    .onConflict((conflict) =>
      conflict.columns(['account', 'workspace', 'name']).doUpdateSet({
        value: sql<number>`case when intel_counter.value > ${nowUs} then intel_counter.value + ${count} else ${nowUs + count} end`,
      }),
    )
    .returning('value')
    .executeTakeFirstOrThrow()
  return value - count + 1
}
