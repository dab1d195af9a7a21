import type { Clock, FieldError } from '../platform/base/index.ts'
import { detectionError } from './errors.ts'
import { SYNC_PROBLEMS_MAX } from './limits.ts'
import type { LiveRules } from './live-rules.ts'
import type { FiledDocument } from './offline/rule-tree.ts'
import { runRuleTests } from './offline/run-rule-tests.ts'
import { buildRuleSet } from './rule-set.ts'
import { idOfFile } from './sigma/head.ts'
import { printProblem } from './sigma/problem.ts'
import { type ReadAs, readSigma, type SigmaDocument } from './sigma/read.ts'
import type { createRuleStore, RulePlace, RuleRow, RuleState, StoredRule, SyncSource } from './store.ts'
import { readTarGz } from './tar.ts'

/** A folder of rules that a workspace follows. */
export interface SyncRequest {
  /** Names the folder: rules that came from it are its own, and it touches no other. */
  readonly source: string
  /** The commit that the folder is at. */
  readonly commit?: string
  /** A .tar.gz of it. */
  readonly archive: Buffer
  /** Only tell what would change. */
  readonly dryRun: boolean
  /** How rules that are new here are run. */
  readonly newState: RuleState
  /** Take over rules that were put by hand and have the ids of the folder's. */
  readonly adopt: boolean
  readonly author: string
}

export interface SyncedRule {
  readonly id: string
  readonly title: string
  readonly file: string
}

/** What a sync changes, or would. */
export interface SyncPlan {
  readonly source: string
  readonly commit?: string
  readonly previousCommit?: string
  readonly added: readonly SyncedRule[]
  readonly changed: readonly SyncedRule[]
  readonly removed: readonly Omit<SyncedRule, 'file'>[]
  readonly unchanged: number
  readonly tests: number
  readonly applied: boolean
}

export interface Sync {
  /** Makes the rules of a workspace that belong to a folder equal to the folder, as one set: all of it or nothing. Again
   * with the same folder it changes nothing.
   * @throws detection.sync.refused (422) when a file cannot be used or a test fails, detection.sync.notOwned (409) when a
   * rule of that id is not the folder's, detection.rule.tooMany, detection.import.unreadable, detection.import.tooLarge */
  sync(place: RulePlace, request: SyncRequest): Promise<SyncPlan>
  listSyncSources(place: RulePlace): Promise<SyncSource[]>
}

interface FolderRule extends FiledDocument {
  /** The document without the workspace's pipelines. */
  readonly written: SigmaDocument
  readonly text: string
}

export interface SyncDeps {
  readonly store: ReturnType<typeof createRuleStore>
  readonly live: LiveRules
  readonly clock: Clock
}

export function createSync({ store, live, clock }: SyncDeps): Sync {
  return {
    async sync(place, request) {
      const folder = await readFolder(request.archive, live.readOptions(place))
      return live.inTurn(place, async () => {
        const stored = await store.listPlace(place)
        const known = new Map(stored.map((rule) => [rule.id, rule]))
        requireOwned(folder, known, request)
        const ids = new Set(folder.map(({ document }) => document.head.id))
        const removed = stored.filter(({ id, source }) => source === request.source && !ids.has(id))
        const tests = requireUsable(folder, othersOf(place, live, ids, removed))
        const added = folder.filter(({ document }) => !known.has(document.head.id))
        const changed = folder.filter((rule) => {
          const before = known.get(rule.document.head.id)
          return before && (before.text !== rule.text || before.source !== request.source)
        })
        const previous = (await store.listSyncSources(place)).find(({ source }) => source === request.source)
        const plan: SyncPlan = {
          source: request.source,
          ...(request.commit === undefined ? {} : { commit: request.commit }),
          ...(previous?.commit === undefined ? {} : { previousCommit: previous.commit }),
          added: added.map(toSynced),
          changed: changed.map(toSynced),
          removed: removed.map(({ id, title }) => ({ id, title })),
          unchanged: folder.length - added.length - changed.length,
          tests,
          applied: !request.dryRun,
        }
        if (!request.dryRun) {
          await apply({ store, live }, place, request, {
            put: [...added, ...changed],
            removed,
            known,
            now: clock.now(),
          })
        }
        return plan
      })
    },

    listSyncSources: (place) => store.listSyncSources(place),
  }
}

const toSynced = ({ document, file }: FolderRule): SyncedRule => ({
  id: document.head.id,
  title: document.head.title,
  file,
})

async function apply(
  { store, live }: Pick<SyncDeps, 'store' | 'live'>,
  place: RulePlace,
  { source, commit, newState, author }: SyncRequest,
  changes: {
    readonly put: readonly FolderRule[]
    readonly removed: readonly StoredRule[]
    readonly known: ReadonlyMap<string, StoredRule>
    readonly now: number
  },
): Promise<void> {
  const { put, removed, known, now } = changes
  live.requireRoom(
    place,
    put.map(({ document }) => document),
  )
  const origin = { source, ...(commit === undefined ? {} : { commit }) }
  const rows = put.map(({ document, text }): { document: SigmaDocument; row: RuleRow } => {
    const { id, title, severity } = document.head
    const before = known.get(id)
    const state = before?.state ?? newState
    const canary = state === 'canary' ? { canary: before?.canary ?? {} } : {}
    return { document, row: { ...{ id, title, severity, text, state }, kind: document.kind, ...canary, ...origin } }
  })
  const synced = { source, author, at: now, ...(commit === undefined ? {} : { commit }) }
  await store.write(
    place,
    { put: rows.map(({ row }) => row), deleted: removed, synced },
    { change: 'sync', author, now },
  )
  if (rows.length === 0 && removed.length === 0) return
  await live.change(place, {
    put: rows.flatMap(({ document, row }) =>
      row.state === 'disabled' ? [] : [{ document, ...(row.canary ? { canary: row.canary } : {}) }],
    ),
    removed: removed.map(({ id }) => id),
  })
}

/** @throws detection.sync.refused when any file holds something that is wrong */
async function readFolder(archive: Buffer, as: ReadAs): Promise<readonly FolderRule[]> {
  const folder: FolderRule[] = []
  const problems: FieldError[] = []
  for (const { path, bytes } of await readTarGz(archive, /\.ya?ml$/i)) {
    const fallbackId = idOfFile(path)
    const { accepted, refused } = readSigma(bytes.toString('utf8'), { fallbackId, ...as })
    const written = as.pipeline ? readSigma(bytes.toString('utf8'), { fallbackId }).documents : []
    for (const rule of accepted) {
      const own = written.find(({ head }) => head.id === rule.document.head.id) ?? rule.document
      folder.push({ file: path, written: own, ...rule })
    }
    for (const refusal of refused) {
      for (const problem of refusal.problems) problems.push({ path, message: printProblem(problem) })
    }
  }
  requireNone(problems, 'cannot be read')
  return folder
}

/** What is run beside the folder's rules. */
function othersOf(
  place: RulePlace,
  live: LiveRules,
  ids: ReadonlySet<string>,
  removed: readonly StoredRule[],
): readonly SigmaDocument[] {
  const gone = new Set(removed.map(({ id }) => id))
  return [...live.documents(place).values()].filter(({ head }) => !ids.has(head.id) && !gone.has(head.id))
}

/** Judges the folder beside what else is run.
 * @returns how many tests passed   @throws detection.sync.refused */
function requireUsable(folder: readonly FolderRule[], others: readonly SigmaDocument[]): number {
  const { misfits } = buildRuleSet([...others, ...folder.map(({ document }) => document)])
  const fileOf = new Map(folder.map(({ document, file }) => [document, file]))
  requireNone(
    misfits.map(({ document, reason }) => ({
      path: fileOf.get(document) ?? document.head.id,
      message: `${document.head.id}: ${reason}`,
    })),
    'cannot be used beside the others',
  )
  // Samples have the names that the rule's author knows, not those of the workspace's pipelines.
  const written = buildRuleSet([...others, ...folder.map((rule) => rule.written)])
  const { passed, failed } = runRuleTests({
    ruleSet: written.ruleSet,
    documents: folder.map((rule) => ({ ...rule, document: rule.written })),
  })
  requireNone(
    failed.map(({ file, rule, test, expected }) => ({ path: file, message: `${rule}: ${test}: expected ${expected}` })),
    'fail their tests',
  )
  return passed
}

function requireNone(problems: readonly FieldError[], what: string): void {
  if (problems.length === 0) return
  throw detectionError(
    'detection.sync.refused',
    `rules of the folder ${what}; nothing was changed. ${problems[0]?.path}: ${problems[0]?.message}`,
    { errors: problems.slice(0, SYNC_PROBLEMS_MAX) },
  )
}

/** @throws detection.sync.notOwned */
function requireOwned(
  folder: readonly FolderRule[],
  known: ReadonlyMap<string, StoredRule>,
  { source, adopt }: SyncRequest,
): void {
  const foreign = folder.flatMap(({ document, file }) => {
    const rule = known.get(document.head.id)
    if (!rule || rule.source === source || (adopt && rule.source === undefined)) return []
    const owner = rule.source === undefined ? 'was put by hand' : `belongs to \`${rule.source}\``
    return [{ path: file, message: `\`${rule.id}\` ${owner}` }]
  })
  if (foreign.length === 0) return
  throw detectionError(
    'detection.sync.notOwned',
    `${foreign[0]?.message}; a sync touches only what it brought. Delete that rule first, or take rules over that were put by hand (adopt)`,
    { errors: foreign.slice(0, SYNC_PROBLEMS_MAX) },
  )
}
