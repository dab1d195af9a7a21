import type { DayTally, RuleTally } from '../online/shard-tally.ts'

type Figures = Pick<DayTally, 'rules' | 'sources'>

const NOTHING: RuleTally = { matches: 0, heldBack: 0, excluded: {} }

/** What is to be added to the sums so that they hold the new figures of a shard and day and no longer the old ones. Counts
 * are negative where a replay is not as far yet as what was told before a crash. */
export function growthOf(now: Figures, before: Figures = { rules: {}, sources: [] }): Figures {
  const rules: Record<string, RuleTally> = {}
  for (const id of new Set([...Object.keys(now.rules), ...Object.keys(before.rules)])) {
    rules[id] = ruleGrowth(now.rules[id] ?? NOTHING, before.rules[id] ?? NOTHING)
  }
  const counted = new Map<string, { source: DayTally['sources'][number]; events: number }>()
  const count = (source: DayTally['sources'][number], sign: 1 | -1): void => {
    const { events, ...kind } = source
    const key = JSON.stringify(kind)
    counted.set(key, { source, events: (counted.get(key)?.events ?? 0) + sign * events })
  }
  for (const source of now.sources) count(source, 1)
  for (const source of before.sources) count(source, -1)
  return {
    rules,
    sources: [...counted.values()]
      .filter(({ events }) => events !== 0)
      .map(({ source, events }) => ({ ...source, events })),
  }
}

function ruleGrowth(now: RuleTally, before: RuleTally): RuleTally {
  const names = new Set([...Object.keys(now.excluded), ...Object.keys(before.excluded)])
  return {
    matches: now.matches - before.matches,
    heldBack: now.heldBack - before.heldBack,
    excluded: Object.fromEntries(
      [...names].map((name) => {
        const [hits, had] = [now.excluded[name], before.excluded[name]]
        return [
          name,
          { count: (hits?.count ?? 0) - (had?.count ?? 0), lastAt: Math.max(hits?.lastAt ?? 0, had?.lastAt ?? 0) },
        ]
      }),
    ),
  }
}
