import { ATTACK_VERSION, currentId, parentOf, type Technique, tactics, techniques } from '../attack/attack.ts'
import type { SourceUse } from '../match/rule-matcher.ts'
import { buildRuleSet } from '../rule-set.ts'
import type { RuleLogsource } from '../sigma/logsource.ts'
import type { SigmaDocument } from '../sigma/read.ts'
import { admits } from '../sources/admits.ts'
import { windowsVariants } from '../sources/variant.ts'
import type { RuleHead } from '../types.ts'
import { logsourceOfPublished } from './published-sources.ts'

/** `covered`: rules look for it, and events of at least one's log source come. `no_events`: rules look for it, but none of
 * their log sources delivers. `none`: no rule looks for it. */
export const coverageStates = ['covered', 'no_events', 'none'] as const
export type CoverageState = (typeof coverageStates)[number]

export interface CoveredSubTechnique {
  readonly id: string
  readonly name: string
  readonly state: CoverageState
  /** Rules and correlations whose events come, of all that look for it. */
  readonly rules: number
  readonly delivered: number
}

/** Rules that look for a sub-technique count for its technique, too. */
export interface CoveredTechnique extends CoveredSubTechnique {
  readonly subTechniques: readonly CoveredSubTechnique[]
  /** What would have to deliver, where nothing does. */
  readonly missing: readonly string[]
}

export type CoverageCount = Readonly<Record<CoverageState, number>>

/** A log source that would show what no rule sees now, by MITRE's word. */
export interface WantedSource {
  /** As MITRE calls it: `WinEventLog:Sysmon`. */
  readonly name: string
  /** As rules call it; absent where no log source of rules is its like. */
  readonly logsource?: string
  /** Whether events of it come; absent where that is not known. */
  readonly delivers?: boolean
  /** Techniques and sub-techniques that are not covered and would show in it. */
  readonly techniques: readonly string[]
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
  /** Those that would show the most first, of these those without events. */
  readonly wanted: readonly WantedSource[]
  readonly summary: CoverageCount & {
    readonly techniques: number
    readonly rules: number
    readonly subTechniques: CoverageCount & { readonly total: number }
  }
}

interface Looking {
  readonly head: RuleHead
  /** Of the rules it rests on; it works where each of them has events. */
  readonly logsources: readonly RuleLogsource[]
}

/** Which techniques rules look for, and whether they would see them. Tags of techniques that were revoked count for what
 * took their place.
 * @param sources which kinds of events come; undefined where that is not known */
export function coverageOf(documents: readonly SigmaDocument[], sources: readonly SourceUse[] | undefined): Coverage {
  const looking = lookers(documents)
  const delivers = deliveryOf(sources)
  const byTechnique = new Map<string, Looking[]>()
  for (const one of looking) {
    for (const id of techniquesOf(one)) byTechnique.set(id, [...(byTechnique.get(id) ?? []), one])
  }
  const seen = (technique: Technique) => toSeen(technique, byTechnique.get(technique.id) ?? [], delivers)
  const all = [...techniques.values()]
  const subCells = all.filter(({ id }) => id !== parentOf(id)).map(seen)
  const subsOf = Map.groupBy(subCells, ({ id }) => parentOf(id))
  const cells = all
    .filter(({ id }) => id === parentOf(id))
    .map((technique) => ({
      ...seen(technique),
      subTechniques: subsOf.get(technique.id) ?? [],
      missing: missingOf(byTechnique.get(technique.id) ?? [], delivers),
    }))
  return {
    attack: `ATT&CK Enterprise ${ATTACK_VERSION}`,
    sourcesKnown: sources !== undefined,
    tactics: tactics.map(({ id, name }) => ({
      ...{ id, name },
      techniques: cells.filter((cell) => techniques.get(cell.id)?.tactics.includes(id)),
    })),
    others: [...byTechnique]
      .filter(([id]) => !techniques.has(id))
      .map(([id, rules]) => ({ id, rules: rules.length }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    gaps: gapsOf(looking, delivers),
    wanted: wantedOf([...cells, ...subCells], sources && delivers),
    summary: {
      techniques: cells.length,
      rules: looking.length,
      ...countStates(cells),
      subTechniques: { total: subCells.length, ...countStates(subCells) },
    },
  }
}

/** What a rule looks for, by the ids of now: a sub-technique and its technique. */
function techniquesOf({ head }: Looking): ReadonlySet<string> {
  const ids = head.techniques.map(currentId)
  return new Set([...ids, ...ids.map(parentOf)])
}

function countStates(cells: readonly { readonly state: CoverageState }[]): CoverageCount {
  const count = (state: CoverageState) => cells.filter((cell) => cell.state === state).length
  return { covered: count('covered'), no_events: count('no_events'), none: count('none') }
}

/** Log sources that keep a rule from working, because no events of theirs come; by the rule's id. */
export function missingSources(
  documents: readonly SigmaDocument[],
  sources: readonly SourceUse[],
): ReadonlyMap<string, readonly string[]> {
  const delivers = deliveryOf(sources)
  return new Map(lookers(documents).map((one) => [one.head.id, missingOf([one], delivers)]))
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

type Delivers = (logsource: RuleLogsource) => boolean

function toSeen({ id, name }: Technique, rules: readonly Looking[], delivers: Delivers): CoveredSubTechnique {
  const delivered = rules.filter(({ logsources }) => logsources.every(delivers))
  const state = rules.length === 0 ? 'none' : delivered.length === 0 ? 'no_events' : 'covered'
  return { id, name, state, rules: rules.length, delivered: delivered.length }
}

/** Log sources that keep every one of the rules from working; none where one of them works. */
function missingOf(rules: readonly Looking[], delivers: Delivers): readonly string[] {
  if (rules.some(({ logsources }) => logsources.every(delivers))) return []
  const missing = rules.flatMap(({ logsources }) => logsources.filter((each) => !delivers(each)).map(nameOf))
  return [...new Set(missing)].sort()
}

function wantedOf(cells: readonly CoveredSubTechnique[], delivers: Delivers | undefined): Coverage['wanted'] {
  const byName = new Map<string, string[]>()
  for (const { id, state } of cells) {
    if (state === 'covered') continue
    for (const name of techniques.get(id)?.logSources ?? []) byName.set(name, [...(byName.get(name) ?? []), id])
  }
  return [...byName]
    .map(([name, ids]) => {
      const logsource = logsourceOfPublished(name)
      return {
        name,
        ...(logsource ? { logsource: nameOf(logsource) } : {}),
        ...(logsource && delivers ? { delivers: delivers(logsource) } : {}),
        techniques: ids.sort(),
      }
    })
    .sort(
      (a, b) =>
        b.techniques.length - a.techniques.length ||
        Number(a.delivers ?? true) - Number(b.delivers ?? true) ||
        (a.name < b.name ? -1 : 1),
    )
}

function gapsOf(looking: readonly Looking[], delivers: Delivers): Coverage['gaps'] {
  const gaps = new Map<string, { rules: number; techniques: Set<string> }>()
  for (const { head, logsources } of looking) {
    for (const name of new Set(logsources.filter((logsource) => !delivers(logsource)).map(nameOf))) {
      const gap = gaps.get(name) ?? { rules: 0, techniques: new Set() }
      gaps.set(name, gap)
      gap.rules++
      for (const id of head.techniques) gap.techniques.add(parentOf(currentId(id)))
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

function deliveryOf(sources: readonly SourceUse[] | undefined): Delivers {
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
