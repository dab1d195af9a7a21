import {
  assert,
  type Clock,
  type Database,
  type Log,
  pageThrough,
  type Result,
  requireMatch,
} from '../platform/index.ts'
import { refusalOf } from './admission.ts'
import { intelError } from './errors.ts'
import { indicatorId } from './indicator-id.ts'
import { formatNetwork, maskIp, parseIp } from './ip.ts'
import {
  INDICATORS_MAX,
  OPINIONS_MAX,
  OPINIONS_PER_WRITE,
  PAGE_ITEMS_MAX,
  SCANNED_PER_PAGE_MAX,
  SIGHTINGS_KEPT_MS,
} from './limits.ts'
import { LiveIndicators } from './live.ts'
import type { LiveTally } from './live-tally.ts'
import type { IntelChange } from './match/indicator-index.ts'
import { anyScheme, guessIndicator, normaliseIndicator } from './normalise.ts'
import { isMatchable } from './patterns/compile-pattern.ts'
import { createSources, type Sources } from './sources/sources.ts'
import { countJudged, createSourceStore } from './sources/store.ts'
import {
  type Change,
  type ChangedPage,
  createIntelStore,
  type IndicatorDraft,
  type Judgement,
  replaceVerdict,
  type Sighting,
  type Tx,
} from './store.ts'
import type { ExactType, Indicator, Observable, Opinion, Place, Tlp } from './types.ts'
import { settle, WEIGHT_DEFAULT, weigh } from './worth.ts'

export interface IndicatorsDeps {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Puts a change before whoever matches events; resolves when the next event is matched with it. */
  readonly publish: (change: IntelChange) => Promise<void>
  /** Learns of indicators that are new, or that a source is surer of than all were before. */
  readonly onStronger?: (place: Place, indicators: readonly Indicator[]) => Promise<void>
}

/** What one source says of one value. */
export interface Statement {
  readonly observable: Observable
  readonly source: string
  readonly confidence: number
  readonly tlp: Tlp
  readonly labels?: readonly string[]
  readonly killChain?: readonly string[]
  readonly description?: string
  readonly stixId?: string
  readonly validFrom: number
  readonly validUntil?: number
  readonly lastSeen: number
  readonly revoked?: boolean
  /** When the source said it: an older statement does not replace a newer one. */
  readonly saidAt: number
  /** Why it is kept and not compared with events. */
  readonly notMatched?: string
}

export interface Told {
  readonly created: number
  readonly updated: number
  readonly unchanged: number
}

/** Until when a STIX object's word is over, and the indicators that it still speaks of. */
export interface Ended {
  readonly saidAt: number
  readonly keeps: ReadonlySet<string>
}

export type SightingKind = 'seen' | 'falsePositive' | 'expired'

/** The indicators of all workspaces, kept and live. A change is before the matchers when its call resolves. */
export interface Indicators {
  /** Whose word they are, and what it is worth. */
  readonly sources: Sources
  /** Puts every stored indicator of an account before the matchers; before the first event is processed. */
  load(account: Place['account']): Promise<void>
  /** Takes what sources say; a source's earlier word on the same value is replaced.
   * @throws intel.indicator.tooMany */
  tell(place: Place, statements: readonly Statement[], options?: { readonly signal?: AbortSignal }): Promise<Told>
  /** @throws intel.indicator.notFound */
  get(place: Place, id: string): Promise<Indicator>
  list(
    place: Place,
    page: { limit: number; cursor?: string; matches?: (indicator: Indicator) => boolean },
  ): Promise<{ items: Indicator[]; nextCursor?: string }>
  /** Those that changed after a place in the order of changes, in that order; patterns only where asked for. */
  listChanged(place: Place, page: ChangedPage): Promise<Indicator[]>
  /** Every indicator that a value would meet in an event: itself, networks around it, domains above it.
   * @throws intel.indicator.refused when the text is no value */
  lookUp(place: Place, text: string): Promise<{ observable: Observable; indicators: Indicator[] }>
  /** Takes an indicator away with all that sources say of it.
   * @throws intel.indicator.notFound, platform.http.changed */
  delete(place: Place, id: string, ifMatch?: string): Promise<void>
  /** Takes back what one source says.   @throws intel.indicator.notFound */
  withdraw(place: Place, id: string, source: string): Promise<void>
  /** Ends what a source said by STIX objects until an instant, of all values but those that it still speaks of.
   * @returns how many indicators changed */
  revokeStix(place: Place, source: string, ended: ReadonlyMap<string, Ended>): Promise<number>
  /** A person's word: it was seen and is bad (decay begins anew), it was wrong (opinions are worth less), it is over.
   * @throws intel.indicator.notFound */
  judge(place: Place, id: string, kind: SightingKind): Promise<Indicator>
  /** Takes the verdict on an alert of an indicator, in place of an earlier one on the same alert; an indicator that is gone
   * is passed over. The same again changes nothing. */
  judgeByAlert(
    place: Place,
    verdict: {
      readonly alert: string
      readonly indicator: string
      readonly verdict: Judgement | undefined
      readonly at: number
    },
  ): Promise<void>
  /** Writes that the indicators of STIX objects were met elsewhere; decay begins anew.   @returns how many were new */
  recordStixSightings(
    place: Place,
    sightings: readonly { readonly of: string; readonly sighting: Omit<Sighting, 'indicator'> }[],
  ): Promise<number>
  /** Writes that indicators were met, each at each entity at most once an hour. Unknown ones are passed over. */
  recordSightings(place: Place, sightings: readonly Sighting[]): Promise<number>
  sightings(place: Place, id: string, limit: number): Promise<Sighting[]>
  /** How many there are, and how many of them are matched, of each workspace. */
  tallies(): Promise<readonly { readonly kept: number; readonly tally: LiveTally }[]>
  prune(): Promise<void>
  stop(): Promise<void>
}

export function createIndicators(deps: IndicatorsDeps): Indicators {
  const { clock } = deps
  const sources = createSources({
    store: createSourceStore(deps.database),
    clock,
    onWeight: (place) => live.rebuild(place),
  })
  const weighed = (place: Place) => (indicator: Indicator) =>
    weigh(indicator, (source) => sources.weightOf(place, source))
  const store = createIntelStore(deps.database)
  const live = new LiveIndicators({ store, clock, log: deps.log, publish: deps.publish, weighed })

  /** Changes indicators and has them matched so, in the order in which they were kept.   @returns them weighed */
  const update = (place: Place, ids: readonly string[], change: Change): Promise<Indicator[]> =>
    live.inTurn(place, async () => {
      const { before, written, deleted } = await store.update(place, ids, clock.now(), change)
      const told = written.map(weighed(place))
      const gone = deleted.map((indicator) => ({ ...indicator, opinions: [] }))
      await live.changed(place, [...told, ...gone], before.map(weighed(place)))
      return told
    })

  const tellSome = async (place: Place, statements: readonly Statement[]): Promise<Told> => {
    const told = { created: 0, updated: 0, unchanged: 0 }
    const stronger: string[] = []
    const byId = new Map<string, Statement[]>()
    for (const statement of statements) {
      const id = indicatorId(statement.observable)
      const of = byId.get(id)
      if (of) of.push(statement)
      else byId.set(id, [statement])
    }
    const written = await update(place, [...byId.keys()], (known, total) => {
      // The transaction may run again.
      Object.assign(told, { created: 0, updated: 0, unchanged: 0 })
      stronger.length = 0
      const drafts: IndicatorDraft[] = []
      for (const [id, of] of byId) {
        const before = known.get(id)
        const draft = joinStatements(id, before, of, clock.now())
        if (!draft) {
          told.unchanged += 1
          continue
        }
        told[before ? 'updated' : 'created'] += 1
        if (strength(draft.opinions) > strength(before?.opinions ?? [])) stronger.push(id)
        drafts.push(draft)
      }
      if (total + told.created > INDICATORS_MAX) {
        throw intelError(
          'intel.indicator.tooMany',
          `a workspace has at most ${INDICATORS_MAX} indicators; delete expired ones first`,
        )
      }
      return drafts
    })
    const news = written.filter(({ id }) => stronger.includes(id))
    if (news.length > 0) await deps.onStronger?.(place, news)
    return told
  }

  const get = async (place: Place, id: string): Promise<Indicator> => {
    const [indicator] = await store.find(place, [id])
    if (!indicator) throw notFound(place, id)
    return weighed(place)(indicator)
  }

  /** Changes one indicator that must be there.   @returns undefined when that took its last opinion */
  const change = async (
    place: Place,
    id: string,
    next: (before: Indicator, tx: Tx) => IndicatorDraft | Promise<IndicatorDraft>,
  ): Promise<Indicator | undefined> => {
    const [written] = await update(place, [id], async (known, _, tx) => {
      const before = known.get(id)
      if (!before) throw notFound(place, id)
      return [await next(before, tx)]
    })
    return written
  }

  /** Has patterns matched that an earlier version could not compare with events. */
  const reconsider = async (place: Place): Promise<void> => {
    for (let after = ''; ; ) {
      const some = await store.listNotMatched(place, { after, limit: PAGE_ITEMS_MAX })
      const ids = some.filter(({ value }) => isMatchable(value)).map(({ id }) => id)
      if (ids.length > 0) {
        await update(place, ids, (known) => [...known.values()].map(({ notMatched: _, ...indicator }) => indicator))
      }
      const last = some.at(-1)
      if (!last || some.length < PAGE_ITEMS_MAX) return
      after = last.id
    }
  }

  return {
    sources,

    async load(account) {
      await sources.load(account)
      for (const workspace of await store.workspaces(account)) {
        await reconsider({ account, workspace })
        await live.build({ account, workspace })
      }
    },

    async tell(place, statements, { signal } = {}) {
      const told = { created: 0, updated: 0, unchanged: 0 }
      for (let from = 0; from < statements.length; from += OPINIONS_PER_WRITE) {
        signal?.throwIfAborted()
        const some = await tellSome(place, statements.slice(from, from + OPINIONS_PER_WRITE))
        told.created += some.created
        told.updated += some.updated
        told.unchanged += some.unchanged
      }
      return told
    },

    get,

    list: (place, page) =>
      pageThrough(page, {
        read: ({ after = '', limit }) => store.list(place, { after, limit }),
        placeOf: ({ id }) => id,
        toItem: weighed(place),
        scannedMax: SCANNED_PER_PAGE_MAX,
      }),

    async listChanged(place, page) {
      return (await store.listChanged(place, page)).map(weighed(place))
    },

    async lookUp(place, text) {
      const observable = requireObservable(guessIndicator(text))
      const indicators = await store.find(place, relatedTo(observable).map(indicatorId))
      return { observable, indicators: indicators.map(weighed(place)) }
    },

    async delete(place, id, ifMatch) {
      await change(place, id, (before) => {
        requireMatch(ifMatch, before.revision)
        return { ...before, opinions: [] }
      })
    },

    async withdraw(place, id, source) {
      await change(place, id, (before) => {
        const opinions = before.opinions.filter((opinion) => opinion.source !== source)
        if (opinions.length === before.opinions.length) {
          throw intelError('intel.indicator.notFound', `source \`${source}\` says nothing of indicator \`${id}\``)
        }
        return { ...before, opinions, updatedAt: clock.now() }
      })
    },

    async revokeStix(place, source, ended) {
      const ids = await store.idsOfStix(place, source, [...ended.keys()])
      const isOver = ({ id }: Indicator, opinion: Opinion) => {
        const end = opinion.source === source ? ended.get(opinion.stixId ?? '') : undefined
        return end !== undefined && !opinion.revoked && opinion.updatedAt <= end.saidAt && !end.keeps.has(id)
      }
      let changed = 0
      for (let from = 0; from < ids.length; from += OPINIONS_PER_WRITE) {
        const written = await update(place, ids.slice(from, from + OPINIONS_PER_WRITE), (known) =>
          [...known.values()].flatMap((before) => {
            if (!before.opinions.some((opinion) => isOver(before, opinion))) return []
            const opinions = before.opinions.map((opinion) => {
              if (!isOver(before, opinion)) return opinion
              const updatedAt = ended.get(opinion.stixId ?? '')?.saidAt ?? opinion.updatedAt
              return { ...opinion, revoked: true, expiresAt: 0, updatedAt }
            })
            return [{ ...before, opinions, updatedAt: clock.now() }]
          }),
        )
        changed += written.length
      }
      return changed
    },

    async judge(place, id, kind) {
      const after = await change(place, id, async (before, tx) => {
        const now = clock.now()
        const opinions = before.opinions.map((opinion) => settle(before, judged(opinion, kind, now)))
        const counts = { right: kind === 'seen' ? 1 : 0, wrong: kind === 'falsePositive' ? 1 : 0 }
        const judgedSources = before.opinions.map(({ source }) => source)
        await countJudged(tx, place, { sources: judgedSources, ...counts, now })
        return { ...before, opinions, ...counted(before, counts), updatedAt: now }
      })
      assert(after, 'a judged indicator keeps its opinions')
      return after
    },

    async judgeByAlert(place, { alert, indicator, verdict, at }) {
      let isNew = false
      await update(place, [indicator], async (known, _, tx) => {
        const before = known.get(indicator)
        if (!before) return []
        const now = clock.now()
        const judgedSources = before.opinions.map(({ source }) => source)
        const given = { alert, indicator, verdict, sources: judgedSources, now }
        const counts = await replaceVerdict(tx, place, given)
        isNew = counts.right > 0
        if (counts.right === 0 && counts.wrong === 0) return []
        const opinions = isNew
          ? before.opinions.map((opinion) => settle(before, judged(opinion, 'seen', Math.min(at, now))))
          : before.opinions
        return [{ ...before, opinions, ...counted(before, counts), updatedAt: now }]
      })
      if (!isNew) return
      const sighting = { id: alert, indicator, entity: `alert/${alert}`, at, observable: '', recordIds: [] }
      await store.addSightings(place, [sighting], { own: true })
    },

    async recordStixSightings(place, sightings) {
      let added = 0
      for (const { of, sighting } of sightings) {
        const ids = await store.idsOfStix(place, undefined, [of])
        added += await store.addSightings(
          place,
          ids.map((indicator) => ({ ...sighting, indicator })),
          { own: false },
        )
        await update(place, ids, (known) =>
          [...known.values()].flatMap((before) => {
            const opinions = before.opinions.map((opinion) =>
              opinion.stixId === of && !opinion.revoked && opinion.lastSeen < sighting.at
                ? settle(before, { ...opinion, lastSeen: sighting.at })
                : opinion,
            )
            const changed = opinions.some((opinion, index) => opinion !== before.opinions[index])
            return changed ? [{ ...before, opinions, updatedAt: clock.now() }] : []
          }),
        )
      }
      return added
    },

    recordSightings: (place, sightings) => store.addSightings(place, sightings, { own: true }),
    sightings: (place, id, limit) => store.sightings(place, id, limit),
    tallies: () =>
      Promise.all(live.tallies().map(async ({ place, tally }) => ({ kept: await store.count(place), tally }))),
    prune: () => store.pruneSightings(clock.now() - SIGHTINGS_KEPT_MS),
    stop: () => live.stop(),
  }
}

/** The indicator with these statements in it, or undefined where they say nothing new. */
function joinStatements(
  id: string,
  before: Indicator | undefined,
  statements: readonly Statement[],
  now: number,
): IndicatorDraft | undefined {
  const opinions = new Map((before?.opinions ?? []).map((opinion) => [opinion.source, opinion]))
  let changed = false
  for (const statement of statements) {
    const known = opinions.get(statement.source)
    if (known && known.updatedAt > statement.saidAt) continue
    const opinion = opinionOf(statement)
    if (known && isSame(known, opinion)) continue
    if (!known && opinions.size >= OPINIONS_MAX) continue
    opinions.set(statement.source, opinion)
    changed = true
  }
  const [first] = statements
  if (!first) return undefined
  const { notMatched: _, ...known } = before ?? { notMatched: undefined }
  const { notMatched } = first
  if (!changed && (!before || before.notMatched === notMatched)) return undefined
  const base = { id, ...first.observable, createdAt: now, ...NEVER_MET, ...known }
  return {
    ...base,
    opinions: [...opinions.values()],
    ...(notMatched === undefined ? {} : { notMatched }),
    updatedAt: now,
  }
}

function opinionOf(statement: Statement): Opinion {
  const { observable, labels = [], killChain = [], description, stixId, validUntil, revoked = false } = statement
  const { source, tlp, validFrom, lastSeen } = statement
  const stated = Math.max(0, Math.min(100, Math.round(statement.confidence)))
  return settle(observable, {
    source,
    stated,
    weight: WEIGHT_DEFAULT,
    confidence: stated,
    tlp,
    labels,
    killChain,
    ...(description === undefined ? {} : { description }),
    ...(stixId === undefined ? {} : { stixId }),
    validFrom,
    ...(validUntil === undefined ? {} : { validUntil }),
    lastSeen,
    revoked,
    updatedAt: statement.saidAt,
  })
}

function isSame(a: Opinion, b: Opinion): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

const sorted = (opinion: Opinion) => Object.entries(opinion).sort(([a], [b]) => (a < b ? -1 : 1))

const NEVER_MET = { sightings: 0, truePositives: 0, falsePositives: 0 } as const

function counted(
  { truePositives, falsePositives }: Indicator,
  { right, wrong }: { readonly right: number; readonly wrong: number },
): Pick<Indicator, 'truePositives' | 'falsePositives'> {
  return {
    truePositives: Math.max(0, truePositives + right),
    falsePositives: Math.max(0, falsePositives + wrong),
  }
}

function judged(opinion: Opinion, kind: SightingKind, now: number): Opinion {
  switch (kind) {
    case 'seen':
      return { ...opinion, lastSeen: Math.max(opinion.lastSeen, now) }
    case 'falsePositive':
      return opinion
    case 'expired':
      return { ...opinion, validUntil: Math.min(opinion.validUntil ?? now, now) }
  }
}

/** How sure the surest source is. */
function strength(opinions: readonly Opinion[]): number {
  return opinions.reduce((most, { confidence, revoked }) => (revoked ? most : Math.max(most, confidence)), 0)
}

/** The values whose indicators an observable meets. */
function relatedTo({ type, value }: Observable): Observable[] {
  switch (type) {
    case 'ip': {
      const words = parseIp(value)
      if (!words) return [{ type, value }]
      const networks = Array.from({ length: words.length * 32 }, (_, prefix) => ({
        type: 'network' as const,
        value: formatNetwork({ words: maskIp(words, prefix), prefix }),
      }))
      return [{ type, value }, ...networks]
    }
    case 'domain': {
      const labels = value.split('.')
      return labels.map((_, index) => ({ type, value: labels.slice(index).join('.') }))
    }
    case 'email':
      return [{ type, value }, ...relatedTo({ type: 'domain', value: value.slice(value.lastIndexOf('@') + 1) })]
    case 'md5':
      // A JA3 fingerprint has the form of an MD5 hash.
      return [
        { type, value },
        { type: 'ja3', value },
      ]
    case 'url': {
      const host = URL.canParse(value) ? new URL(value).hostname.replace(/^\[|\]$/g, '') : ''
      const ofHost = guessIndicator(host)
      return [{ type, value }, { type, value: anyScheme(value) }, ...(ofHost.ok ? relatedTo(ofHost.value) : [])]
    }
    default:
      return [{ type, value }]
  }
}

/** A value as an indicator that may be.   @throws intel.indicator.refused */
export function requireIndicator(type: ExactType | undefined, text: string): Observable {
  const observable = requireObservable(type === undefined ? guessIndicator(text) : normaliseIndicator(type, text))
  const refusal = refusalOf(observable)
  if (refusal !== undefined) throw intelError('intel.indicator.refused', refusal)
  return observable
}

function requireObservable(found: Result<Observable, string>): Observable {
  if (!found.ok) throw intelError('intel.indicator.refused', found.error)
  return found.value
}

function notFound({ workspace }: Place, id: string) {
  return intelError('intel.indicator.notFound', `workspace \`${workspace}\` has no indicator \`${id}\``)
}
