import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type PipelineFiles, type ReadTreeOptions, readPipelineFiles } from '../detection/offline/index.ts'
import { type Arguments, type Io, type Option, UsageError } from './command.ts'

/** The options of every command that reads rule files. */
export const ruleOptions = {
  placeholders: {
    type: 'string',
    value: 'FILE',
    description: 'YAML map from the name of a placeholder to its values, for rules with `|expand`',
  },
  pipeline: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    description:
      'pySigma pipeline (YAML), or a folder of them, that changes the rules first; may be given several times',
  },
  'no-cache': {
    type: 'boolean',
    description:
      'parse every rule anew; else parsed rules, and what was learned with them, are kept in ~/.cache/rampart',
  },
} as const satisfies Readonly<Record<string, Option>>

export function readTreeOptions(values: Arguments['values'], io: Io): ReadTreeOptions {
  const placeholders = typeof values.placeholders === 'string' ? readPlaceholders(values.placeholders) : undefined
  const cacheFolder = values['no-cache'] === true ? undefined : join(cacheHome(io.env), 'rampart')
  const pipelines = Array.isArray(values.pipeline) ? readPipelines(values.pipeline as readonly string[], io) : undefined
  return {
    ...(placeholders ? { placeholders } : {}),
    ...(pipelines ? { pipelines } : {}),
    ...(cacheFolder === undefined ? {} : { cacheFolder }),
  }
}

function readPipelines(paths: readonly string[], io: Io): PipelineFiles {
  let files: PipelineFiles
  try {
    files = readPipelineFiles(paths)
  } catch (failure) {
    throw new UsageError(`--pipeline: ${(failure as Error).message}`)
  }
  const wrong = files.problems.filter(({ problem }) => problem.level === 'error')
  if (wrong.length > 0) {
    const lines = wrong.map(({ file, problem: { line, column, message } }) => `${file}:${line}:${column}: ${message}`)
    throw new UsageError(`--pipeline: ${lines.join('\n')}`)
  }
  for (const note of files.notes) io.stderr.write(`${note}\n`)
  return files
}

/** @see XDG base directory specification 0.8 */
function cacheHome(env: Io['env']): string {
  return env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(homedir(), '.cache')
}

function readPlaceholders(path: string): ReadonlyMap<string, readonly string[]> {
  let values: unknown
  try {
    values = parse(readFileSync(path, 'utf8'), { schema: 'failsafe', maxAliasCount: 0 })
  } catch (failure) {
    throw new UsageError(`--placeholders ${path}: ${(failure as Error).message.split('\n')[0]}`)
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new UsageError(`--placeholders ${path}: takes a map such as \`known_servers: [srv1, srv2]\``)
  }
  return new Map(
    Object.entries(values).map(([name, given]) => {
      const list: readonly unknown[] = Array.isArray(given) ? given : [given]
      if (!list.every((value) => typeof value === 'string')) {
        throw new UsageError(`--placeholders ${path}: \`${name}\` takes a text or a list of texts`)
      }
      return [name, list as readonly string[]]
    }),
  )
}
