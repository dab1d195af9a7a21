import { planSearch } from './commands/search.ts'
import { planCommand } from './commands/table.ts'
import { withPlaces } from './errors.ts'
import { type QueryLimits, queryLimits } from './limits.ts'
import { parseQuery } from './parse.ts'
import type { CheckedQuery, SourceCatalogue } from './plan.ts'
import type { Query } from './query.ts'
import { type PlanContext, type Relation, shownFields } from './relation.ts'

function planQuery(query: Query, context: PlanContext): Relation {
  const events = planSearch(query.search, context)
  return query.commands.reduce((before, command) => planCommand(command, before, context), events)
}

/** Reads and checks a query: every name found, every type fitting, in engine-neutral steps.
 * @throws pipeline.query.* (422 with line and column; 404 for an unknown pipe) */
export function checkQuery(
  text: string,
  options: { readonly catalogue: SourceCatalogue; readonly now: number; readonly limits?: QueryLimits },
): CheckedQuery {
  const limits = options.limits ?? queryLimits
  let lastId = 0
  const context: PlanContext = {
    catalogue: options.catalogue,
    now: options.now,
    limits,
    text,
    nextId: () => ++lastId,
    scans: [],
    planQuery: (query) => planQuery(query, context),
  }
  return withPlaces(text, () => {
    const query = parseQuery(text, limits)
    const relation = planQuery(query, context)
    const shown = shownFields(relation, context)
    return {
      plan: relation.plan,
      order: relation.order,
      output: [...shown].map(([name, column]) => ({ name, column })),
      perEvent: relation.perEvent,
      scans: context.scans,
    }
  })
}
