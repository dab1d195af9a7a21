import type { AccountId } from '../platform/base/index.ts'
import { detectionError } from './errors.ts'
import { RULES_MAX } from './limits.ts'
import type { RuleChange } from './online/rule-watcher.ts'
import { logsourcesIn } from './sigma/pipelines/logsources.ts'
import type { Pipeline } from './sigma/pipelines/pipeline.ts'
import { type ReadAs, readSigma, type SigmaDocument } from './sigma/read.ts'
import type { RulePlace, StoredRule } from './store.ts'
import { readKeptExclusion } from './tuning/exclusion-text.ts'
import type { ExclusionText, StoredExclusion } from './tuning/store.ts'
import type { Canary, Exclusion, RuleTuning } from './tuning/tuning.ts'

/** What detectors run now, by workspace, and changes of it one after another. */
export interface LiveRules {
  /** What is run, canaries included and disabled rules not. */
  documents(place: RulePlace): ReadonlyMap<string, SigmaDocument>
  exclusions(place: RulePlace, ruleId: string): readonly Exclusion[]
  /** How texts of rules are read in a workspace: through its pipelines. */
  readOptions(place: RulePlace): ReadAs
  /** Sets what later reads go through; what is run stays as it is. */
  setPipeline(place: RulePlace, pipeline: Pipeline | undefined): void
  /** Runs changes of one workspace one after another: they reach the detectors in the order in which they are kept. */
  inTurn<T>(place: RulePlace, work: () => Promise<T>): Promise<T>
  /** Resolves when the next event is matched with it. */
  change(place: RulePlace, change: LiveChange): Promise<void>
  /** Changes the exclusions of a rule; undefined = it goes. */
  changeExclusion(place: RulePlace, ruleId: string, name: string, exclusion: ExclusionText | undefined): Promise<void>
  /** Everything that is stored of an account. */
  load(
    account: AccountId,
    rules: readonly { readonly place: RulePlace; readonly rule: StoredRule }[],
    exclusions: readonly { readonly place: RulePlace; readonly exclusion: StoredExclusion }[],
  ): Promise<void>
  /** @throws detection.rule.tooMany */
  requireRoom(place: RulePlace, put: readonly SigmaDocument[]): void
}

export interface LiveChange {
  readonly put: readonly { readonly document: SigmaDocument; readonly canary?: Canary }[]
  readonly removed?: readonly string[]
}

interface LivePlace {
  readonly documents: Map<string, SigmaDocument>
  readonly canaries: Map<string, Canary>
  pipeline: Pipeline | undefined
  /** By rule and name, as they were put: pipelines may change. Also of rules that are not run now: they come back with
   * them. */
  readonly exclusions: Map<string, Map<string, ExclusionText>>
}

/** @param apply puts a change before the detectors */
export function createLiveRules(apply: (change: RuleChange) => Promise<void>): LiveRules {
  const places = new Map<string, LivePlace>()
  const turns = new Map<string, Promise<unknown>>()

  const placeOf = (place: RulePlace): LivePlace => {
    const key = keyOf(place)
    let live = places.get(key)
    if (!live) {
      live = { documents: new Map(), canaries: new Map(), exclusions: new Map(), pipeline: undefined }
      places.set(key, live)
    }
    return live
  }

  const exclusionsOf = (live: LivePlace, ruleId: string): readonly Exclusion[] => {
    const texts = live.exclusions.get(ruleId)
    if (!texts) return []
    const as = readAs(live)
    return [...texts.values()].flatMap((text) => readKeptExclusion(text, as) ?? [])
  }

  const tuningOf = (live: LivePlace, ruleId: string): RuleTuning => {
    const canary = live.canaries.get(ruleId)
    return { ruleId, exclusions: exclusionsOf(live, ruleId), ...(canary ? { canary } : {}) }
  }

  const change = async (place: RulePlace, { put, removed = [] }: LiveChange): Promise<void> => {
    const live = placeOf(place)
    for (const id of removed) {
      live.documents.delete(id)
      live.canaries.delete(id)
    }
    const tunings: RuleTuning[] = []
    for (const { document, canary } of put) {
      const { id } = document.head
      const wasTuned = live.canaries.delete(id) || live.exclusions.has(id)
      live.documents.set(id, document)
      if (canary) live.canaries.set(id, canary)
      if (canary || wasTuned) tunings.push(tuningOf(live, id))
    }
    await apply({ ...place, put: put.map(({ document }) => document), removed, tunings })
  }

  return {
    documents: (place) => placeOf(place).documents,
    exclusions: (place, ruleId) => exclusionsOf(placeOf(place), ruleId),

    readOptions: (place) => readAs(placeOf(place)),

    setPipeline(place, pipeline) {
      placeOf(place).pipeline = pipeline
    },

    inTurn<T>(place: RulePlace, work: () => Promise<T>): Promise<T> {
      const key = keyOf(place)
      const turn = (turns.get(key) ?? Promise.resolve()).then(work, work)
      const settled = turn.catch(() => undefined)
      turns.set(key, settled)
      void settled.then(() => turns.get(key) === settled && turns.delete(key))
      return turn
    },

    change,

    async changeExclusion(place, ruleId, name, exclusion) {
      const live = placeOf(place)
      const named = live.exclusions.get(ruleId) ?? new Map<string, ExclusionText>()
      if (exclusion) named.set(name, exclusion)
      else named.delete(name)
      if (named.size > 0) live.exclusions.set(ruleId, named)
      else live.exclusions.delete(ruleId)
      if (live.documents.has(ruleId)) {
        await apply({ ...place, put: [], removed: [], tunings: [tuningOf(live, ruleId)] })
      }
    },

    async load(account, rules, exclusions) {
      for (const { place, exclusion } of exclusions) {
        const ofPlace = placeOf(place).exclusions
        const named = ofPlace.get(exclusion.ruleId) ?? new Map<string, ExclusionText>()
        ofPlace.set(exclusion.ruleId, named.set(exclusion.name, exclusion))
      }
      for (const [workspace, ofPlace] of Map.groupBy(rules, ({ place }) => place.workspace)) {
        const { pipeline } = placeOf({ account, workspace })
        const read = pipeline ? { pipeline, logsourcesOf: logsourcesIn(asWritten(ofPlace)) } : {}
        const put = ofPlace.flatMap(({ rule }) =>
          rule.state === 'disabled'
            ? []
            : readSigma(rule.text, { fallbackId: rule.id, ...read }).documents.map((document) => ({
                document,
                ...(rule.canary ? { canary: rule.canary } : {}),
              })),
        )
        await this.inTurn({ account, workspace }, () => change({ account, workspace }, { put }))
      }
    },

    requireRoom(place, put) {
      const ids = new Set([...placeOf(place).documents.keys(), ...put.map(({ head }) => head.id)])
      if (ids.size <= RULES_MAX) return
      throw detectionError(
        'detection.rule.tooMany',
        `a workspace has at most ${RULES_MAX} rules; these would be ${ids.size}`,
      )
    },
  }
}

function asWritten(rules: readonly { readonly rule: StoredRule }[]): readonly SigmaDocument[] {
  return rules.flatMap(({ rule }) => readSigma(rule.text, { fallbackId: rule.id }).documents)
}

function readAs({ pipeline, documents }: LivePlace): ReadAs {
  return pipeline ? { pipeline, logsourcesOf: logsourcesIn([...documents.values()]) } : {}
}

const keyOf = ({ account, workspace }: RulePlace): string => `${account}/${workspace}`
