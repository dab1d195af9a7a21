import { type Clock, requireMatch } from '../../platform/index.ts'
import { detectionError } from '../errors.ts'
import { PIPELINES_MAX, RULE_FILE_BYTES_MAX } from '../limits.ts'
import type { LiveChange, LiveRules } from '../live-rules.ts'
import { buildRuleSet } from '../rule-set.ts'
import { fieldError } from '../rule-text.ts'
import { logsourcesIn } from '../sigma/pipelines/logsources.ts'
import type { Pipeline, PipelineFile } from '../sigma/pipelines/pipeline.ts'
import { joinPipelines, readPipeline } from '../sigma/pipelines/read-pipeline.ts'
import { printProblem } from '../sigma/problem.ts'
import { readSigma } from '../sigma/read.ts'
import type { RulePlace, StoredRule } from '../store.ts'
import type { createPipelineStore, StoredPipeline } from './store.ts'

/** A rule that pipelines make unusable: it is kept, and not run. */
export interface UnusableRule {
  readonly id: string
  readonly reasons: readonly string[]
}

/** What a change of pipelines did. */
export interface PipelineChange {
  readonly unusable: readonly UnusableRule[]
}

/** The pipelines of workspaces: each changes every rule of its workspace before it is compiled. */
export interface Pipelines {
  /** Checks a pipeline, keeps it, and resolves when every rule is run as it says.
   * @throws detection.pipeline.refused (422, with every line that is wrong), detection.pipeline.tooLarge,
   * detection.pipeline.tooMany, platform.http.changed */
  putPipeline(
    place: RulePlace,
    name: string,
    text: string,
    ifMatch?: string,
  ): Promise<PipelineChange & { readonly pipeline: StoredPipeline; readonly notApplicable: readonly string[] }>
  /** @throws detection.pipeline.notFound */
  getPipeline(place: RulePlace, name: string): Promise<StoredPipeline>
  /** In order of name. */
  listPipelines(place: RulePlace): Promise<readonly StoredPipeline[]>
  /** @throws detection.pipeline.notFound, platform.http.changed */
  deletePipeline(place: RulePlace, name: string, ifMatch?: string): Promise<PipelineChange>
}

export interface PipelinesDeps {
  readonly store: ReturnType<typeof createPipelineStore>
  readonly live: LiveRules
  readonly clock: Clock
  readonly listRules: (place: RulePlace) => Promise<readonly StoredRule[]>
}

export function createPipelines({ store, live, clock, listRules }: PipelinesDeps): Pipelines {
  const require = async (place: RulePlace, name: string): Promise<StoredPipeline> => {
    const pipeline = await store.find(place, name)
    if (pipeline) return pipeline
    throw detectionError('detection.pipeline.notFound', `workspace \`${place.workspace}\` has no pipeline \`${name}\``)
  }

  /** Runs every rule of the workspace as the pipelines now say. */
  const runThrough = async (place: RulePlace, pipeline: Pipeline | undefined): Promise<PipelineChange> => {
    const { change, unusable } = readAll(await listRules(place), pipeline)
    live.setPipeline(place, pipeline)
    await live.change(place, change)
    return { unusable }
  }

  return {
    putPipeline(place, name, text, ifMatch) {
      const read = requirePipeline(text, name)
      return live.inTurn(place, async () => {
        const known = await store.list(place)
        requireMatch(ifMatch, known.find((pipeline) => pipeline.name === name)?.revision ?? 0)
        const others = known.filter((pipeline) => pipeline.name !== name)
        if (others.length >= PIPELINES_MAX) {
          throw detectionError('detection.pipeline.tooMany', `a workspace has at most ${PIPELINES_MAX} pipelines`)
        }
        await store.put(place, { name, text }, clock.now())
        const change = await runThrough(place, joinStored([...others, { name, text }]))
        return { ...change, pipeline: await require(place, name), notApplicable: read.notApplicable }
      })
    },

    getPipeline: require,
    listPipelines: (place) => store.list(place),

    deletePipeline(place, name, ifMatch) {
      return live.inTurn(place, async () => {
        requireMatch(ifMatch, (await require(place, name)).revision)
        await store.delete(place, name)
        return runThrough(place, joinStored(await store.list(place)))
      })
    },
  }
}

/** Stored pipelines as one: by priority, then by name. */
export function joinStored(pipelines: readonly Pick<StoredPipeline, 'name' | 'text'>[]): Pipeline | undefined {
  const files = [...pipelines]
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map(({ name, text }) => readPipeline(text, name).pipeline)
  return joinPipelines(files.filter((file) => file !== undefined))
}

/** @throws detection.pipeline.refused, detection.pipeline.tooLarge */
function requirePipeline(text: string, name: string): PipelineFile {
  const bytes = Buffer.byteLength(text)
  if (bytes > RULE_FILE_BYTES_MAX) {
    const message = `the pipeline has ${bytes} bytes; ${RULE_FILE_BYTES_MAX} are allowed`
    throw detectionError('detection.pipeline.tooLarge', message)
  }
  const { pipeline, problems } = readPipeline(text, name)
  if (pipeline) return pipeline
  const errors = problems.filter(({ level }) => level === 'error').map(fieldError)
  throw detectionError('detection.pipeline.refused', errors[0]?.message ?? 'the body holds no pipeline', { errors })
}

/** All rules of a workspace that are run, read anew. */
function readAll(
  rules: readonly StoredRule[],
  pipeline: Pipeline | undefined,
): { readonly change: LiveChange; readonly unusable: readonly UnusableRule[] } {
  const run = rules.filter(({ state }) => state !== 'disabled')
  const asWritten = run.flatMap(({ id, text }) => readSigma(text, { fallbackId: id }).documents)
  const options = { pipeline, logsourcesOf: logsourcesIn(asWritten) }
  const unusable: UnusableRule[] = []
  const read = run.flatMap(({ id, text, canary }) => {
    const { documents, refused } = readSigma(text, { fallbackId: id, ...options })
    if (refused.length > 0)
      unusable.push({ id, reasons: refused.flatMap(({ problems }) => problems.map(printProblem)) })
    return documents.map((document) => ({ document, ...(canary ? { canary } : {}) }))
  })
  const { misfits } = buildRuleSet(read.map(({ document }) => document))
  for (const { document, reason } of misfits) unusable.push({ id: document.head.id, reasons: [reason] })
  const gone = new Set(unusable.map(({ id }) => id))
  return {
    change: { put: read.filter(({ document }) => !gone.has(document.head.id)), removed: [...gone] },
    unusable,
  }
}
