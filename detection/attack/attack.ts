import { readFileSync } from 'node:fs'

/** MITRE ATT&CK, Enterprise, as published: tactics in the order of an intrusion, techniques and sub-techniques with what
 * shows them, and what took the place of those that are no more. `scripts/attack-data.ts` makes the data file.
 * @see https://attack.mitre.org (names and ids are MITRE's, under attack-data.LICENSE.txt) */
export interface Tactic {
  /** As in tags, `credential-access`. */
  readonly id: string
  /** `TA0006`. */
  readonly key: string
  readonly name: string
}

export interface Technique {
  /** `T1003`, of a sub-technique `T1003.001`. */
  readonly id: string
  readonly name: string
  /** Ids of tactics. */
  readonly tactics: readonly string[]
  readonly platforms: readonly string[]
  /** Names of data components whose events show it. */
  readonly components: readonly string[]
  /** Names of log sources that hold such events, as MITRE calls them: `WinEventLog:Sysmon`. */
  readonly logSources: readonly string[]
}

interface AttackData {
  readonly version: string
  readonly tactics: readonly Tactic[]
  readonly platforms: readonly string[]
  readonly components: readonly string[]
  readonly logSources: readonly string[]
  /** Name; then places in the lists above. */
  readonly techniques: Readonly<
    Record<string, readonly [string, readonly number[], readonly number[], readonly number[], readonly number[]]>
  >
  /** Revoked or deprecated: name, and what took its place. */
  readonly former: Readonly<Record<string, readonly [name: string, successor?: string]>>
}

const data = JSON.parse(readFileSync(new URL('./attack-data.json', import.meta.url), 'utf8')) as AttackData

export const ATTACK_VERSION = data.version

export const tactics: readonly Tactic[] = data.tactics

/** Tactics of earlier versions, and those that took their place: what was Defense Evasion is two tactics since version 19. */
export const formerTactics: Readonly<Record<string, readonly string[]>> = {
  'defense-evasion': ['stealth', 'defense-impairment'],
}

/** By id, techniques before their sub-techniques. */
export const techniques: ReadonlyMap<string, Technique> = new Map(
  Object.entries(data.techniques).map(([id, [name, ofTactics, platforms, components, logSources]]) => [
    id,
    {
      ...{ id, name },
      tactics: pick(
        ofTactics,
        data.tactics.map((tactic) => tactic.id),
      ),
      platforms: pick(platforms, data.platforms),
      components: pick(components, data.components),
      logSources: pick(logSources, data.logSources),
    },
  ]),
)

/** What an id meant in an earlier version. */
export function findFormer(id: string): { readonly name: string; readonly successor?: string } | undefined {
  const former = Object.hasOwn(data.former, id) ? data.former[id] : undefined
  if (!former) return undefined
  const [name, successor] = former
  return successor === undefined ? { name } : { name, successor }
}

/** The id that this version has for it; as it was where there is none. */
export const currentId = (id: string): string => findFormer(id)?.successor ?? id

/** `T1003` for `T1003.001`, and for itself. */
export const parentOf = (id: string): string => id.slice(0, 5)

function pick(places: readonly number[], list: readonly string[]): readonly string[] {
  return places.flatMap((place) => list[place] ?? [])
}
