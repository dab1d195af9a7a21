import type { SourceUse } from '../match/rule-matcher.ts'
import { buildRuleSet } from '../rule-set.ts'
import type { RuleLogsource } from '../sigma/logsource.ts'
import type { SigmaDocument } from '../sigma/read.ts'
import { admits } from '../sources/admits.ts'
import { windowsVariants } from '../sources/variant.ts'
import type { RuleHead } from '../types.ts'
import { ATTACK_VERSION, tactics, techniques } from './attack.ts'

/** `covered`: rules look for it, and events of at least one's log source come. `no_events`: rules look for it, but none of
 * their log sources delivers. `none`: no rule looks for it. */
export const coverageStates = ['covered', 'no_events', 'none'] as const
export type CoverageState = (typeof coverageStates)[number]

export interface CoveredTechnique {
  readonly id: string
  readonly name: string
  readonly state: CoverageState
  /** Rules and correlations whose events come, of all that look for it. */
  readonly rules: number
  readonly delivered: number
  readonly subTechniques: readonly string[]
  /** What would have to deliver, where nothing does. */
  readonly missing: readonly string[]
}

export interface Coverage {
  readonly attack: string
  /** Where it is not known which events come, every rule counts as if its own did. */
  readonly sourcesKnown: boolean
  readonly tactics: readonly {
    readonly id: string
    readonly name: string
    readonly techniques: readonly CoveredTechnique[]
  }[]
  /** Techniques that rules name and this version of ATT&CK does not have. */
  readonly others: readonly { readonly id: string; readonly rules: number }[]
  /** Log sources that rules look at and that deliver nothing, those that open the most techniques first. */
  readonly gaps: readonly {
    readonly logsource: string
    readonly rules: number
    readonly techniques: readonly string[]
  }[]
  readonly summary: Readonly<Record<CoverageState, number>> & { readonly techniques: number; readonly rules: number }
}

interface Looking {
  readonly head: RuleHead
  /** Of the rules it rests on; it works where each of them has events. */
  readonly logsources: readonly RuleLogsource[]
}

/** Which techniques rules look for, and whether they would see them.
 * @param sources which kinds of events come; undefined where that is not known */
export function coverageOf(documents: readonly SigmaDocument[], sources: readonly SourceUse[] | undefined): Coverage {
  const looking = lookers(documents)
  const delivers = deliveryOf(sources)
  const byTechnique = new Map<string, Looking[]>()
  for (const one of looking) {
    for (const id of new Set(one.head.techniques.map(parentOf))) {
      byTechnique.set(id, [...(byTechnique.get(id) ?? []), one])
    }
  }
  const cells = new Map(
    Object.entries(techniques).map(([id, [name]]) => [id, toCell(id, name, byTechnique.get(id) ?? [], delivers)]),
  )
  const count = (state: CoverageState) => [...cells.values()].filter((cell) => cell.state === state).length
  return {
    attack: ATTACK_VERSION,
    sourcesKnown: sources !== undefined,
    tactics: tactics.map((tactic) => ({
      ...tactic,
      techniques: [...cells.values()].filter(({ id }) => techniques[id]?.slice(1).includes(tactic.id)),
    })),
    others: [...byTechnique]
      .filter(([id]) => !Object.hasOwn(techniques, id))
      .map(([id, rules]) => ({ id, rules: rules.length }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    gaps: gapsOf(looking, delivers),
    summary: {
      techniques: cells.size,
      rules: looking.length,
      covered: count('covered'),
      no_events: count('no_events'),
      none: count('none'),
    },
  }
}

function lookers(documents: readonly SigmaDocument[]): readonly Looking[] {
  const { rules, correlations } = buildRuleSet(documents).ruleSet
  const found = new Map<string, Looking>(
    rules.map(({ head, logsource }) => [head.id, { head, logsources: [logsource] }]),
  )
  // Each comes after those it builds on.
  for (const { correlation, ruleIds } of correlations) {
    const logsources = ruleIds.flatMap((id) => found.get(id)?.logsources ?? [])
    found.set(correlation.head.id, { head: correlation.head, logsources })
  }
  return [...found.values()]
}

const parentOf = (technique: string): string => technique.slice(0, 5)

function toCell(
  id: string,
  name: string,
  rules: readonly Looking[],
  delivers: (logsource: RuleLogsource) => boolean,
): CoveredTechnique {
  const delivered = rules.filter(({ logsources }) => logsources.every(delivers))
  const state = rules.length === 0 ? 'none' : delivered.length === 0 ? 'no_events' : 'covered'
  const subTechniques = rules.flatMap(({ head }) => head.techniques).filter((each) => each.startsWith(`${id}.`))
  const missing = rules.flatMap(({ logsources }) => logsources.filter((logsource) => !delivers(logsource)).map(nameOf))
  return {
    ...{ id, name, state, rules: rules.length, delivered: delivered.length },
    subTechniques: [...new Set(subTechniques)].sort(),
    missing: state === 'no_events' ? [...new Set(missing)].sort() : [],
  }
}

function gapsOf(looking: readonly Looking[], delivers: (logsource: RuleLogsource) => boolean): Coverage['gaps'] {
  const gaps = new Map<string, { rules: number; techniques: Set<string> }>()
  for (const { head, logsources } of looking) {
    for (const name of new Set(logsources.filter((logsource) => !delivers(logsource)).map(nameOf))) {
      const gap = gaps.get(name) ?? { rules: 0, techniques: new Set() }
      gaps.set(name, gap)
      gap.rules++
      for (const technique of head.techniques) gap.techniques.add(parentOf(technique))
    }
  }
  return [...gaps]
    .map(([logsource, gap]) => ({ logsource, rules: gap.rules, techniques: [...gap.techniques].sort() }))
    .sort((a, b) => b.techniques.length - a.techniques.length || (a.logsource < b.logsource ? -1 : 1))
}

/** `windows/process_creation`, `linux//sshd`. */
function nameOf({ product, category, service }: RuleLogsource): string {
  const words = [product ?? '', category ?? '', service ?? '']
  while (words.length > 1 && words.at(-1) === '') words.pop()
  return words.join('/') || 'any'
}

function deliveryOf(sources: readonly SourceUse[] | undefined): (logsource: RuleLogsource) => boolean {
  if (!sources) return () => true
  const known = new Map<string, boolean>()
  return (logsource) => {
    const key = nameOf(logsource)
    const answer = known.get(key) ?? sources.some((source) => isOf(logsource, source))
    known.set(key, answer)
    return answer
  }
}

/** Whether events of that kind are what a rule's log source stands for. Events of which nothing is known are not: that a
 * rule is matched with them all the same does not make them its source. */
function isOf(asked: RuleLogsource, { logsource, windows }: SourceUse): boolean {
  if (!windows) return Object.values(logsource).some((word) => word !== undefined) && admits(asked, logsource)
  return windowsVariants(asked).some(
    ({ channels, eventIds }) =>
      (!channels || (windows.channel !== undefined && channels.includes(windows.channel))) &&
      (!eventIds || (windows.eventId !== undefined && eventIds.includes(Number(windows.eventId)))),
  )
}
