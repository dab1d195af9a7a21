import { type Clock, uuidv7 } from '../platform/index.ts'
import { changesOf } from './alert-changes.ts'
import { isHarmless } from './alert-state.ts'
import { dedupKey, stormKey } from './dedup-key.ts'
import { ALERTS_PER_RULE_AND_HOUR_MAX, TITLE_CHARS_MAX } from './limits.ts'
import { joinFinding, joinLabels, openAlert, takesFinding } from './merge.ts'
import { contributionsOf, type RiskContribution, silentContributions, withRisk } from './risk/contributions.ts'
import { keepRisk, RISK_RULE_ID, riskyEntities } from './risk/keep-risk.ts'
import type { AlertPlace, AlertTransaction } from './store.ts'
import { keepText } from './text.ts'
import type { Alert, AlertChange, AlertMove, IncomingFinding } from './types.ts'

export const HOUR_MS = 3_600_000
/** Marks the summary alert of a rule that wanted too many. */
const NOISY_RULE_TAG = 'rampart.noisy_rule'

/** An alert before and after this batch. */
interface Episode {
  readonly before: Alert | undefined
  after: Alert
  readonly findings: IncomingFinding[]
  readonly moves: readonly AlertMove[]
  /** However long ago its last occurrence is. */
  readonly takesAll: boolean
}

export interface Merged {
  readonly changes: readonly AlertChange[]
  /** Rules that wanted more alerts than they may make. */
  readonly noisyRules: ReadonlySet<string>
  /** Findings that were not taken before, and those of them that the storm guard held back. */
  readonly freshCount: number
  readonly heldBackCount: number
}

/** Makes alerts of findings within one transaction. A finding that was taken before changes nothing.
 * INVARIANT (one collecting alert): of a key at most one alert takes findings; the unique index on `dedup_slot` holds
 * it, and a transaction that loses the race starts again and finds the winner's alert. */
export async function mergeFindings(
  tx: AlertTransaction,
  findings: readonly IncomingFinding[],
  clock: Clock,
): Promise<Merged> {
  const changes: AlertChange[] = []
  const noisyRules = new Set<string>()
  let freshCount = 0
  let heldBackCount = 0
  for (const [place, ofPlace] of byPlace(findings)) {
    const fresh = await freshOnly(tx, place, ofPlace, clock)
    if (fresh.length === 0) continue
    const merge = new PlaceMerge(tx, place, clock)
    await merge.addGuarded(fresh.filter(({ rule }) => !rule.risk?.only))
    await merge.addSummaries()
    changes.push(...(await merge.write()))
    const silent = fresh.filter(({ rule }) => rule.risk?.only)
    const contributions = [...merge.contributions(), ...(await silentContributions(tx, place, silent))]
    changes.push(...(await raiseRisk(tx, place, contributions, clock)))
    for (const finding of merge.heldBack) noisyRules.add(finding.rule.id)
    freshCount += fresh.length
    heldBackCount += merge.heldBack.length
  }
  await tx.addChanges(changes, clock.now())
  return { changes, noisyRules, freshCount, heldBackCount }
}

/** Adds to the risk of entities, and makes alerts of those that became too risky: in the transaction of what they come
 * from, so once. */
export async function raiseRisk(
  tx: AlertTransaction,
  place: AlertPlace,
  contributions: readonly RiskContribution[],
  clock: Clock,
): Promise<AlertChange[]> {
  const raised = await keepRisk(tx.risk, place, contributions, clock.now())
  if (raised.length === 0) return []
  const merge = new PlaceMerge(tx, place, clock)
  await merge.addGuarded(raised)
  await merge.addSummaries()
  return merge.write()
}

async function freshOnly(
  tx: AlertTransaction,
  place: AlertPlace,
  findings: readonly IncomingFinding[],
  clock: Clock,
): Promise<IncomingFinding[]> {
  const byId = new Map(findings.map((finding) => [finding.id, finding]))
  const fresh = await tx.claimFindings(place.account, [...byId.keys()], clock.now())
  return [...byId.values()].filter((finding) => fresh.has(finding.id)).sort(compareFindings)
}

/** The findings of one workspace on their way into alerts. */
class PlaceMerge {
  /** Findings that would have made alerts which their rule may not make any more. */
  readonly heldBack: IncomingFinding[] = []
  readonly #tx: AlertTransaction
  readonly #place: AlertPlace
  readonly #clock: Clock
  readonly #episodes: Episode[] = []

  constructor(tx: AlertTransaction, place: AlertPlace, clock: Clock) {
    this.#tx = tx
    this.#place = place
    this.#clock = clock
  }

  async addGuarded(findings: readonly IncomingFinding[]): Promise<void> {
    const opened = await this.#fold(groupBy(findings, dedupKey))
    for (const [ruleId, wanted] of groupBy(opened, (episode) => episode.after.ruleId)) {
      const hour = Math.floor(this.#clock.now() / HOUR_MS)
      const before = (await this.#tx.countWanted(this.#place, ruleId, hour, wanted.length)) - wanted.length
      const allowed = Math.max(0, ALERTS_PER_RULE_AND_HOUR_MAX - before)
      this.#episodes.push(...wanted.slice(0, allowed))
      for (const episode of wanted.slice(allowed)) this.heldBack.push(...episode.findings)
    }
  }

  /** One summary alert a rule, which nothing holds back. */
  async addSummaries(): Promise<void> {
    const opened = await this.#fold(groupBy([...this.heldBack].sort(compareFindings), stormKey))
    for (const episode of opened) {
      const { title, tags } = episode.after
      episode.after = {
        ...episode.after,
        title: keepText(`Too many alerts of one rule: ${title}`, TITLE_CHARS_MAX),
        tags: joinLabels([NOISY_RULE_TAG], tags),
      }
      this.#episodes.push(episode)
    }
  }

  /** Writes what came of it. Old alerts give up their slots before new ones take them. */
  async write(): Promise<AlertChange[]> {
    const changes: AlertChange[] = []
    const inserted: Alert[] = []
    await this.#score()
    for (const { before, after, findings, moves } of this.#episodes) {
      const touched = findings.length > 0
      const alert = touched ? { ...after, revision: after.revision + 1 } : after
      if (before) await this.#tx.updateAlert(alert)
      else inserted.push(alert)
      await this.#tx.addMoves(alert, moves)
      if (touched) changes.push(...changesOf(before, alert, this.#clock))
    }
    await this.#tx.insertAlerts(inserted)
    return changes
  }

  /** What the alerts that took findings add to the risk of the entities of these; after `write`. */
  contributions(): RiskContribution[] {
    return this.#episodes.flatMap(({ after, findings }) =>
      findings.length === 0 ? [] : contributionsOf(after, findings),
    )
  }

  async #score(): Promise<void> {
    const scored = this.#episodes.filter(({ after, findings }) => findings.length > 0 && after.ruleId !== RISK_RULE_ID)
    const entities = scored.flatMap(({ after }) => riskyEntities(after.entities))
    const known = await this.#tx.risk.criticalities(this.#place, entities)
    for (const episode of scored) episode.after = withRisk(episode.after, episode.findings, known)
  }

  /** Lets findings join the alerts that are there, those of a key in order of time; where the last occurrence is too
   * long ago another alert begins. @returns the alerts that began */
  async #fold(buckets: ReadonlyMap<string, readonly IncomingFinding[]>): Promise<Episode[]> {
    const collecting = await this.#tx.collectingAlerts(this.#place, [...buckets.keys()])
    const opened: Episode[] = []
    for (const [key, findings] of buckets) {
      const known = collecting.get(key)
      const first = known ? episodeOf(known) : await this.#episodeAfterClosing(key, findings)
      const episodes = first ? [first] : []
      for (const finding of findings) {
        const current = episodes.at(-1)
        if (current && (current.takesAll || takesFinding(current.after, finding))) {
          joinEpisode(current, finding)
          continue
        }
        if (current) current.after = { ...current.after, collecting: false }
        const after = openAlert(finding, { id: uuidv7(this.#clock), dedupKey: key })
        episodes.push({ before: undefined, after, findings: [finding], moves: [], takesAll: false })
      }
      for (const episode of episodes) (episode.before ? this.#episodes : opened).push(episode)
    }
    return opened
  }

  /** The alert of this key that was closed so short a time ago that its rule wants it again: counted on while it was
   * closed as harmless, else open again. */
  async #episodeAfterClosing(key: string, findings: readonly IncomingFinding[]): Promise<Episode | undefined> {
    const reopenForMs = findings[0]?.rule.dedup?.reopenForMs ?? 0
    if (reopenForMs <= 0) return undefined
    const closed = await this.#tx.lastClosed(this.#place, key)
    if (closed?.closedAt === undefined || this.#clock.now() - closed.closedAt > reopenForMs) return undefined
    if (isHarmless(closed.verdict)) {
      const seenAgain = closed.seenAgain + findings.length
      return { ...episodeOf(closed), after: { ...closed, seenAgain }, takesAll: true }
    }
    const { verdict: _verdict, closedAt: _closedAt, ...kept } = closed
    const move: AlertMove = {
      id: uuidv7(this.#clock),
      at: this.#clock.now(),
      who: 'platform',
      member: 'state',
      from: closed.state,
      to: 'new',
      reason: `seen again within ${reopenForMs / 1000} s of closing`,
      requestId: '',
    }
    // The time since its last occurrence does not matter here: the rule said how long it may come back.
    const lastSeen = Math.max(closed.lastSeen, findings[0]?.time ?? 0)
    const after: Alert = { ...kept, state: 'new', collecting: true, lastSeen }
    return { ...episodeOf(closed), after, moves: [move] }
  }
}

function episodeOf(alert: Alert): Episode {
  return { before: alert, after: alert, findings: [], moves: [], takesAll: false }
}

function joinEpisode(episode: Episode, finding: IncomingFinding): void {
  episode.after = joinFinding(episode.after, finding)
  episode.findings.push(finding)
}

function compareFindings(a: IncomingFinding, b: IncomingFinding): number {
  return a.time - b.time || (a.id < b.id ? -1 : 1)
}

function byPlace(findings: readonly IncomingFinding[]): [AlertPlace, IncomingFinding[]][] {
  const groups = groupBy(findings, (finding) => `${finding.account}/${finding.workspace}`)
  // Sorted, so that transactions go through the workspaces in the same order.
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, group]) => (group[0] ? [[group[0], group]] : []))
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}
