import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Pipeline, PipelineFile } from '../sigma/pipelines/pipeline.ts'
import { joinPipelines, readPipeline } from '../sigma/pipelines/read-pipeline.ts'
import type { Problem } from '../sigma/problem.ts'
import { listFiles } from './input-file.ts'

export interface PipelineFiles {
  /** Undefined where a file is wrong, or none is given. */
  readonly pipeline: Pipeline | undefined
  /** Their contents: another content gives other rules. */
  readonly texts: readonly string[]
  readonly problems: readonly { readonly file: string; readonly problem: Problem }[]
  /** What a file says that means nothing here. */
  readonly notes: readonly string[]
}

/** Reads pipelines, from files and from folders of them, as one.   @throws what reading the files throws */
export function readPipelineFiles(paths: readonly string[]): PipelineFiles {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory() ? listFiles(path, /\.ya?ml$/i).map((below) => join(path, below)) : [path],
  )
  const texts = files.map((file) => readFileSync(file, 'utf8'))
  const read = files.map((file, index) => ({ file, ...readPipeline(texts[index] ?? '', file) }))
  const problems = read.flatMap(({ file, problems: all }) => all.map((problem) => ({ file, problem })))
  const pipelines = read.flatMap(({ pipeline }): readonly PipelineFile[] => (pipeline ? [pipeline] : []))
  return {
    pipeline: pipelines.length === files.length ? joinPipelines(pipelines) : undefined,
    texts,
    problems,
    notes: read.flatMap(({ file, pipeline }) => (pipeline?.notApplicable ?? []).map((note) => `${file}: ${note}`)),
  }
}
