import { type AccountId, type Clock, type Database, pageThrough, requireMatch } from '../platform/index.ts'
import { detectionError } from './errors.ts'
import { LISTED_SCAN_MAX } from './limits.ts'
import { createLiveRules, type LiveRules } from './live-rules.ts'
import type { RuleChange } from './online/rule-watcher.ts'
import { createPipelines, joinStored, type Pipelines } from './pipelines/pipelines.ts'
import { createPipelineStore } from './pipelines/store.ts'
import { buildRuleSet } from './rule-set.ts'
import { readOneDocument, requireFitting, requireUnused } from './rule-text.ts'
import { idOfFile } from './sigma/head.ts'
import type { Problem } from './sigma/problem.ts'
import { printProblem } from './sigma/problem.ts'
import { type AcceptedDocument, type ReadAs, readSigma, type SigmaDocument } from './sigma/read.ts'
import {
  createRuleStore,
  type RulePlace,
  type RuleRevision,
  type RuleRow,
  type RuleState,
  type StoredRule,
} from './store.ts'
import { createSync, type Sync } from './sync.ts'
import { readTarGz } from './tar.ts'
import { createExclusions, type Exclusions } from './tuning/exclusions.ts'
import { createExclusionStore } from './tuning/store.ts'
import type { Canary, Exclusion } from './tuning/tuning.ts'

export interface RulesDeps {
  readonly database: Database
  readonly clock: Clock
  /** Puts a change before the detectors; resolves when the next event is matched with it. */
  readonly apply: (change: RuleChange) => Promise<void>
}

/** Who changes something, and the entity tags under which it is meant. */
export interface RuleEdit {
  readonly author: string
  readonly ifMatch?: string | undefined
}

/** How a rule is to be run. */
export interface RuleRun {
  readonly state: RuleState
  readonly canary?: Canary
}

/** A rule of an import that was left out, and why. */
export interface ImportRefusal {
  readonly file: string
  readonly id: string
  readonly title: string
  readonly reasons: readonly string[]
}

export interface ImportResult {
  readonly imported: number
  readonly refused: readonly ImportRefusal[]
}

/** The rules of all workspaces, kept and live. */
export interface Rules extends Sync, Exclusions, Pipelines {
  /** Puts every stored rule of an account before the detectors; before the first event is processed. */
  load(account: AccountId): Promise<void>
  /** Checks a rule, keeps it, and resolves when it is live. It is run as its last form was, a new one as `run` says.
   * @throws detection.rule.refused (422, with every line that is wrong), detection.rule.otherId, detection.rule.tooLarge,
   * detection.rule.tooMany, platform.http.changed */
  put(
    place: RulePlace,
    id: string,
    text: string,
    edit: RuleEdit & { readonly run?: RuleRun },
  ): Promise<{ rule: StoredRule; warnings: readonly Problem[] }>
  /** Enables, tries out or disables a rule.
   * @throws detection.rule.notFound, platform.http.changed, detection.rule.inUse, detection.rule.refused */
  run(place: RulePlace, id: string, run: RuleRun, edit: RuleEdit): Promise<StoredRule>
  /** Newest first; of a deleted rule, too.   @throws detection.rule.notFound when there never was one */
  listRevisions(
    place: RulePlace,
    id: string,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ items: RuleRevision[]; nextCursor?: string }>
  /** Puts a form that the rule had before, as a new revision.
   * @throws detection.rule.notFound, detection.rule.refused, platform.http.changed */
  rollBack(place: RulePlace, id: string, revision: number, edit: RuleEdit): Promise<StoredRule>
  /** @throws detection.rule.notFound */
  get(place: RulePlace, id: string): Promise<StoredRule>
  list(
    place: RulePlace,
    page: { limit: number; cursor?: string; matches?: (rule: StoredRule) => boolean },
  ): Promise<{ items: StoredRule[]; nextCursor?: string }>
  /** @throws detection.rule.notFound, platform.http.changed, detection.rule.inUse when a correlation builds on it */
  delete(place: RulePlace, id: string, edit: RuleEdit): Promise<void>
  /** Takes all rule files of a .tar.gz that can be used, together; the others are told.
   * @throws detection.import.unreadable, detection.import.tooLarge, detection.rule.tooMany */
  import(place: RulePlace, archive: Buffer, edit: Pick<RuleEdit, 'author'>): Promise<ImportResult>
  /** Every rule of a workspace, in order of id. */
  listStored(place: RulePlace): Promise<readonly StoredRule[]>
  /** How texts are read in a workspace: through its pipelines. */
  readOptions(place: RulePlace): ReadAs
  /** What is run now in a workspace, and what is left out of one of its rules. */
  liveDocuments(place: RulePlace): readonly SigmaDocument[]
  liveExclusions(place: RulePlace, ruleId: string): readonly Exclusion[]
}

/** Builds the catalogue of rules. One process may change the rules of a workspace at a time: changes reach the detectors in
 * the order in which they were kept. */
export function createRules(deps: RulesDeps): Rules {
  const store = createRuleStore(deps.database)
  const exclusionStore = createExclusionStore(deps.database)
  const pipelineStore = createPipelineStore(deps.database)
  const live = createLiveRules(deps.apply)

  const require = async (place: RulePlace, id: string): Promise<StoredRule> => {
    const rule = await store.find(place, id)
    if (!rule) throw ruleNotFound(place, id)
    return rule
  }

  /** Keeps a checked document and runs it as its row says. */
  const keep = async (
    place: RulePlace,
    document: SigmaDocument,
    row: RuleRow,
    write: { readonly change: 'put' | 'state' | 'rollback'; readonly author: string },
  ): Promise<StoredRule> => {
    const { id } = document.head
    const isRun = row.state !== 'disabled'
    if (isRun) {
      requireFitting(document, live.documents(place))
      live.requireRoom(place, [document])
    } else if (live.documents(place).has(id)) requireUnused(id, live.documents(place))
    await store.write(place, { put: [row] }, { ...write, now: deps.clock.now() })
    if (isRun) await live.change(place, { put: [liveOf(document, row)] })
    else await live.change(place, { put: [], removed: [id] })
    return require(place, id)
  }

  return {
    ...createExclusions({ store: exclusionStore, live, clock: deps.clock, requireRule: require }),
    ...createSync({ store, live, clock: deps.clock }),
    ...createPipelines({
      store: pipelineStore,
      live,
      clock: deps.clock,
      listRules: (place) => store.listPlace(place),
    }),

    async load(account) {
      const pipelines = await pipelineStore.listAll(account)
      for (const [workspace, ofPlace] of Map.groupBy(pipelines, ({ place }) => place.workspace)) {
        live.setPipeline({ account, workspace }, joinStored(ofPlace.map(({ pipeline }) => pipeline)))
      }
      await live.load(account, await store.listAll(account), await exclusionStore.listAll(account))
    },

    put(place, id, text, { author, ifMatch, run }) {
      return live.inTurn(place, async () => {
        const { document, warnings } = readOneDocument(text, id, live.readOptions(place))
        requireOwnId(document, id)
        const before = await store.find(place, id)
        requireMatch(ifMatch, before?.revision ?? 0)
        const runs = run ?? before ?? { state: 'enabled' }
        const row = { ...rowOf(document, text), ...runOf(runs), ...(before?.source ? { source: before.source } : {}) }
        return { rule: await keep(place, document, row, { change: 'put', author }), warnings }
      })
    },

    run(place, id, run, { author, ifMatch }) {
      return live.inTurn(place, async () => {
        const before = await require(place, id)
        requireMatch(ifMatch, before.revision)
        const { document } = readOneDocument(before.text, id, live.readOptions(place))
        const { canary: _, ...kept } = before
        return keep(place, document, { ...kept, ...runOf(run) }, { change: 'state', author })
      })
    },

    async listRevisions(place, id, page) {
      const listed = await pageThrough<RuleRevision, RuleRevision>(page, {
        read: ({ after, limit }) =>
          store.listRevisions(place, id, { limit, ...(after === undefined ? {} : { before: Number(after) || 0 }) }),
        placeOf: ({ revision }) => String(revision),
        toItem: (revision) => revision,
      })
      if (listed.items.length === 0 && page.cursor === undefined) throw ruleNotFound(place, id)
      return listed
    },

    rollBack(place, id, revision, { author, ifMatch }) {
      return live.inTurn(place, async () => {
        const [before, wanted] = [await store.find(place, id), await store.findRevision(place, id, revision)]
        if (!wanted) throw detectionError('detection.rule.notFound', `rule \`${id}\` has no revision ${revision}`)
        requireMatch(ifMatch, before?.revision ?? 0)
        const { document } = readOneDocument(wanted.text, id, live.readOptions(place))
        requireOwnId(document, id)
        const { source, commit } = wanted
        const row = {
          ...rowOf(document, wanted.text),
          ...runOf(before ?? { state: 'enabled' }),
          ...(source === undefined ? {} : { source }),
          ...(commit === undefined ? {} : { commit }),
        }
        return keep(place, document, row, { change: 'rollback', author })
      })
    },

    get: require,

    list: (place, page) =>
      pageThrough(page, {
        read: ({ after, limit }) => store.list(place, { limit, ...(after === undefined ? {} : { after }) }),
        placeOf: ({ id }) => id,
        toItem: (rule) => rule,
        scannedMax: LISTED_SCAN_MAX,
      }),

    delete(place, id, { author, ifMatch }) {
      return live.inTurn(place, async () => {
        const before = await require(place, id)
        requireMatch(ifMatch, before.revision)
        requireUnused(id, live.documents(place))
        await store.write(place, { put: [], deleted: [before] }, { change: 'delete', author, now: deps.clock.now() })
        await live.change(place, { put: [], removed: [id] })
      })
    },

    async import(place, archive, { author }) {
      const accepted: AcceptedDocument[] = []
      const fileOf = new Map<SigmaDocument, string>()
      const refused: ImportRefusal[] = []
      const files = await readTarGz(archive, /\.ya?ml$/i)
      const as = live.readOptions(place)
      for (const { path, bytes } of files) {
        const fallbackId = idOfFile(path)
        const file = readSigma(bytes.toString('utf8'), { fallbackId, ...as })
        accepted.push(...file.accepted)
        for (const document of file.documents) fileOf.set(document, path)
        for (const { id, title, problems } of file.refused) {
          refused.push({ file: path, id, title, reasons: problems.map(printProblem) })
        }
      }
      return live.inTurn(place, async () => {
        const known = [...live.documents(place).values()]
        const ids = new Set(accepted.map(({ document }) => document.head.id))
        const others = known.filter(({ head }) => !ids.has(head.id))
        const { misfits } = buildRuleSet([...others, ...accepted.map(({ document }) => document)])
        const unfit = new Set(misfits.map(({ document }) => document))
        for (const { document, reason } of misfits) {
          const { id, title } = document.head
          if (fileOf.has(document)) refused.push({ file: fileOf.get(document) ?? '', id, title, reasons: [reason] })
        }
        const fit = accepted.filter(({ document }) => !unfit.has(document))
        live.requireRoom(
          place,
          fit.map(({ document }) => document),
        )
        await putKept({ store, live }, place, fit, { change: 'import', author, now: deps.clock.now() })
        return { imported: fit.length, refused }
      })
    },

    listStored: (place) => store.listPlace(place),

    readOptions: (place) => live.readOptions(place),
    liveDocuments: (place) => [...live.documents(place).values()],
    liveExclusions: (place, ruleId) => live.exclusions(place, ruleId),
  }
}

/** Puts rules together, each run as its last form was. */
async function putKept(
  { store, live }: { readonly store: ReturnType<typeof createRuleStore>; readonly live: LiveRules },
  place: RulePlace,
  fit: readonly AcceptedDocument[],
  write: { readonly change: 'import'; readonly author: string; readonly now: number },
): Promise<void> {
  if (fit.length === 0) return
  const before = new Map((await store.listPlace(place)).map((rule) => [rule.id, rule]))
  const rows = fit.map(({ document, text }) => {
    const known = before.get(document.head.id)
    const origin = known?.source ? { source: known.source } : {}
    return { document, row: { ...rowOf(document, text), ...runOf(known ?? { state: 'enabled' }), ...origin } }
  })
  await store.write(place, { put: rows.map(({ row }) => row) }, write)
  await live.change(place, {
    put: rows.filter(({ row }) => row.state !== 'disabled').map(({ document, row }) => liveOf(document, row)),
  })
}

function rowOf(document: SigmaDocument, text: string) {
  const { id, title, severity } = document.head
  return { id, kind: document.kind, title, severity, text }
}

function runOf({ state, canary }: RuleRun): RuleRun {
  return state === 'canary' ? { state, canary: canary ?? {} } : { state }
}

function liveOf(document: SigmaDocument, { canary }: Pick<RuleRow, 'canary'>) {
  return { document, ...(canary ? { canary } : {}) }
}

function ruleNotFound(place: RulePlace, id: string) {
  return detectionError('detection.rule.notFound', `workspace \`${place.workspace}\` has no rule \`${id}\``)
}

/** @throws detection.rule.otherId */
function requireOwnId({ head }: SigmaDocument, id: string): void {
  if (head.id === id) return
  throw detectionError(
    'detection.rule.otherId',
    `the rule's id is \`${head.id}\` and its path says \`${id}\`; make them equal`,
  )
}
