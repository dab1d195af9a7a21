import {
  type AccountId,
  type Clock,
  type Database,
  type FieldError,
  formatCursor,
  parseCursor,
  requireMatch,
} from '../platform/index.ts'
import { detectionError } from './errors.ts'
import { RULE_FILE_BYTES_MAX, RULES_MAX } from './limits.ts'
import type { RuleChange } from './online/rule-watcher.ts'
import { buildRuleSet } from './rule-set.ts'
import type { Problem } from './sigma/problem.ts'
import { printProblem } from './sigma/problem.ts'
import { type AcceptedDocument, readSigma, type SigmaDocument } from './sigma/read.ts'
import { createRuleStore, type RulePlace, type StoredRule } from './store.ts'
import { readTarGz } from './tar.ts'

export interface RulesDeps {
  readonly database: Database
  readonly clock: Clock
  /** Puts a change before the detectors; resolves when the next event is matched with it. */
  readonly apply: (change: RuleChange) => Promise<void>
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
export interface Rules {
  /** Puts every stored rule of an account before the detectors; before the first event is processed. */
  load(account: AccountId): Promise<void>
  /** Checks a rule, keeps it, and resolves when it is live.
   * @throws detection.rule.refused (422, with every line that is wrong), detection.rule.otherId, detection.rule.tooLarge,
   * detection.rule.tooMany, platform.http.changed */
  put(
    place: RulePlace,
    id: string,
    text: string,
    ifMatch?: string,
  ): Promise<{ rule: StoredRule; warnings: readonly Problem[] }>
  /** @throws detection.rule.notFound */
  get(place: RulePlace, id: string): Promise<StoredRule>
  list(
    place: RulePlace,
    page: { limit: number; cursor?: string; matches?: (rule: StoredRule) => boolean },
  ): Promise<{ items: StoredRule[]; nextCursor?: string }>
  /** @throws detection.rule.notFound, platform.http.changed, detection.rule.inUse when a correlation builds on it */
  delete(place: RulePlace, id: string, ifMatch?: string): Promise<void>
  /** Takes all rule files of a .tar.gz that can be used, together; the others are told.
   * @throws detection.import.unreadable, detection.import.tooLarge, detection.rule.tooMany */
  import(place: RulePlace, archive: Buffer): Promise<ImportResult>
}

/** Builds the catalogue of rules. One process may change the rules of a workspace at a time: changes reach the detectors in
 * the order in which they were kept. */
export function createRules(deps: RulesDeps): Rules {
  const store = createRuleStore(deps.database)
  /** What is live, by workspace and id. */
  const live = new Map<string, Map<string, SigmaDocument>>()
  const turns = new Map<string, Promise<unknown>>()

  const documentsOf = (place: RulePlace): Map<string, SigmaDocument> => {
    const key = keyOf(place)
    let documents = live.get(key)
    if (!documents) {
      documents = new Map()
      live.set(key, documents)
    }
    return documents
  }

  /** Runs changes of one workspace one after another. */
  const inTurn = <T>(place: RulePlace, work: () => Promise<T>): Promise<T> => {
    const key = keyOf(place)
    const turn = (turns.get(key) ?? Promise.resolve()).then(work, work)
    const settled = turn.catch(() => undefined)
    turns.set(key, settled)
    void settled.then(() => turns.get(key) === settled && turns.delete(key))
    return turn
  }

  const makeLive = async (
    place: RulePlace,
    put: readonly SigmaDocument[],
    removed: readonly string[],
  ): Promise<void> => {
    const documents = documentsOf(place)
    for (const id of removed) documents.delete(id)
    for (const document of put) documents.set(document.head.id, document)
    await deps.apply({ ...place, put, removed })
  }

  const require = async (place: RulePlace, id: string): Promise<StoredRule> => {
    const rule = await store.find(place, id)
    if (!rule) throw detectionError('detection.rule.notFound', `workspace \`${place.workspace}\` has no rule \`${id}\``)
    return rule
  }

  const requireRoom = (place: RulePlace, put: readonly SigmaDocument[]): void => {
    const ids = new Set([...documentsOf(place).keys(), ...put.map(({ head }) => head.id)])
    if (ids.size > RULES_MAX) {
      throw detectionError(
        'detection.rule.tooMany',
        `a workspace has at most ${RULES_MAX} rules; these would be ${ids.size}`,
      )
    }
  }

  return {
    async load(account) {
      const byPlace = new Map<string, { place: RulePlace; put: SigmaDocument[] }>()
      for (const { place, rule } of await store.listAll(account)) {
        const entry = byPlace.get(place.workspace) ?? { place, put: [] }
        byPlace.set(place.workspace, entry)
        entry.put.push(...readSigma(rule.text, { fallbackId: rule.id }).documents)
      }
      for (const { place, put } of byPlace.values()) await inTurn(place, () => makeLive(place, put, []))
    },

    put(place, id, text, ifMatch) {
      const { document, warnings } = readOne(text, id)
      return inTurn(place, async () => {
        const before = await store.find(place, id)
        requireMatch(ifMatch, before?.revision ?? 0)
        requireFitting(document, documentsOf(place))
        requireRoom(place, [document])
        await store.put(place, [rowOf({ document, text })], deps.clock.now())
        await makeLive(place, [document], [])
        return { rule: await require(place, id), warnings }
      })
    },

    get: require,

    async list(place, { limit, cursor, matches }) {
      const items: StoredRule[] = []
      let after = parseCursor(cursor)
      for (;;) {
        const rows = await store.list(place, { limit: limit + 1, ...(after === undefined ? {} : { after }) })
        for (const row of rows) {
          if (items.length === limit) return { items, nextCursor: formatCursor(after ?? '') }
          after = row.id
          if (!matches || matches(row)) items.push(row)
        }
        if (rows.length <= limit) return { items }
      }
    },

    delete(place, id, ifMatch) {
      return inTurn(place, async () => {
        const before = await require(place, id)
        requireMatch(ifMatch, before.revision)
        requireUnused(id, documentsOf(place))
        await store.delete(place, id)
        await makeLive(place, [], [id])
      })
    },

    async import(place, archive) {
      const accepted: AcceptedDocument[] = []
      const fileOf = new Map<SigmaDocument, string>()
      const refused: ImportRefusal[] = []
      for (const { path, bytes } of await readTarGz(archive, /\.ya?ml$/i)) {
        const fallbackId = path.replace(/^.*\//, '').replace(/\.ya?ml$/i, '')
        const file = readSigma(bytes.toString('utf8'), { fallbackId })
        accepted.push(...file.accepted)
        for (const document of file.documents) fileOf.set(document, path)
        for (const { id, title, problems } of file.refused) {
          refused.push({ file: path, id, title, reasons: problems.map(printProblem) })
        }
      }
      return inTurn(place, async () => {
        const known = [...documentsOf(place).values()]
        const ids = new Set(accepted.map(({ document }) => document.head.id))
        const others = known.filter(({ head }) => !ids.has(head.id))
        const { misfits } = buildRuleSet([...others, ...accepted.map(({ document }) => document)])
        const unfit = new Set(misfits.map(({ document }) => document))
        for (const { document, reason } of misfits) {
          const { id, title } = document.head
          if (fileOf.has(document)) refused.push({ file: fileOf.get(document) ?? '', id, title, reasons: [reason] })
        }
        const fit = accepted.filter(({ document }) => !unfit.has(document))
        requireRoom(
          place,
          fit.map(({ document }) => document),
        )
        if (fit.length > 0) {
          await store.put(place, fit.map(rowOf), deps.clock.now())
          await makeLive(
            place,
            fit.map(({ document }) => document),
            [],
          )
        }
        return { imported: fit.length, refused }
      })
    },
  }
}

const keyOf = ({ account, workspace }: RulePlace): string => `${account}/${workspace}`

function rowOf({ document, text }: Pick<AcceptedDocument, 'document' | 'text'>) {
  const { id, title, severity } = document.head
  return { id, kind: document.kind, title, severity, text }
}

function readOne(text: string, id: string): { document: SigmaDocument; warnings: readonly Problem[] } {
  const bytes = Buffer.byteLength(text)
  if (bytes > RULE_FILE_BYTES_MAX) {
    throw detectionError('detection.rule.tooLarge', `the rule has ${bytes} bytes; ${RULE_FILE_BYTES_MAX} are allowed`)
  }
  const { documents, refused, warnings } = readSigma(text, { fallbackId: id })
  const problems = refused.flatMap((document) => document.problems).filter(({ level }) => level === 'error')
  const [document] = documents
  if (problems.length > 0 || !document) {
    const errors = problems.map(fieldError)
    throw detectionError('detection.rule.refused', errors[0]?.message ?? 'the body holds no rule; send Sigma as YAML', {
      errors,
    })
  }
  if (documents.length > 1) {
    throw detectionError(
      'detection.rule.refused',
      `the body holds ${documents.length} documents; put one at a time, or import a folder`,
    )
  }
  if (document.head.id !== id) {
    throw detectionError(
      'detection.rule.otherId',
      `the rule's id is \`${document.head.id}\` and its path says \`${id}\`; make them equal`,
    )
  }
  return { document, warnings }
}

function fieldError({ line, column, message }: Problem): FieldError {
  return { path: `line ${line}, column ${column}`, message }
}

/** @throws detection.rule.refused when it cannot be used beside the others, or they no longer beside it */
function requireFitting(document: SigmaDocument, others: ReadonlyMap<string, SigmaDocument>): void {
  const documents = new Map(others).set(document.head.id, document)
  const { misfits } = buildRuleSet([...documents.values()])
  const broken = misfits.find((misfit) => misfit.document === document) ?? misfits[0]
  if (!broken) return
  const message =
    broken.document === document
      ? broken.reason
      : `with it, ${broken.document.head.id} could not be used: ${broken.reason}`
  throw detectionError('detection.rule.refused', message)
}

/** @throws detection.rule.inUse */
function requireUnused(id: string, documents: ReadonlyMap<string, SigmaDocument>): void {
  const { ruleSet } = buildRuleSet([...documents.values()])
  const users = ruleSet.correlations
    .filter(({ ruleIds }) => ruleIds.includes(id))
    .map(({ correlation }) => correlation.head.id)
  if (users.length === 0) return
  throw detectionError(
    'detection.rule.inUse',
    `the correlation ${users.join(', ')} builds on \`${id}\`; delete that one first`,
  )
}
