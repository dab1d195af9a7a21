import { resolve } from 'node:path'
import type { RampartError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { checkValues } from './check-values.ts'
import { configError } from './errors.ts'
import { readEnvironment, valueFromText } from './read-environment.ts'
import { readConfigFile, unknownKey } from './read-file.ts'
import { type Config, type ConfigKey, configKeys } from './schema.ts'
import type { Given, Problem, Reading, Source } from './source.ts'

export interface LoadOptions {
  /** A YAML file. */
  readonly file?: string
  /** Absent: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Values from the command line by key path (`http.port`); text is read as in the environment. */
  readonly overrides?: Readonly<Record<string, unknown>>
}

export interface LoadedConfig {
  readonly config: Config
  /** For the operator, at start: what was ignored or has no effect. */
  readonly warnings: readonly string[]
  /** Each key with its value as given or its default, and where that came from. Holds secrets: `describeConfig` hides
   * them. */
  readonly settings: readonly Setting[]
}

export interface Setting {
  readonly key: ConfigKey
  readonly value: unknown
  readonly source: Source
}

/** Parts that later versions bring. Their ports are off, whatever is said; told where somebody said something. */
const PORTS_NOT_BUILT: readonly string[] = ['syslog.tls_port', 'fluent.port', 'beats.port', 'otlp.port']
/** Engines that later versions bring. Refused where set: going on with the embedded engine would put data where nobody
 * looks for it. */
const ENGINES_NOT_BUILT: readonly string[] = ['log.url', 'store.url', 'hsm']

/** The configuration of this process: options before environment before file before defaults.
 * @throws platform.config.unreadable for a file that is not there or too large
 * @throws platform.config.invalid with every problem found, each with its place */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const file: Reading = options.file === undefined ? { given: new Map(), problems: [] } : readConfigFile(options.file)
  const environment = readEnvironment(options.env ?? process.env)
  const overrides = readOverrides(options.overrides ?? {})
  const given = new Map([...file.given, ...environment.given, ...overrides.given])
  const problems = [
    ...file.problems,
    ...environment.problems,
    ...overrides.problems,
    ...checkValues(given),
    ...enginesNotBuilt(given),
  ]
  if (problems.length > 0) throw invalid(problems)
  const settings = configKeys.map((key): Setting => {
    const entry = given.get(key.path)
    return { key, value: entry?.value ?? key.schema.default, source: entry?.source ?? { kind: 'default', where: '' } }
  })
  const warnings = [...environment.warnings, ...portsNotBuilt(given)]
  return { config: build(settings), warnings: warnings.map(worded), settings }
}

function readOverrides(overrides: Readonly<Record<string, unknown>>): Reading {
  const given = new Map<string, Given>()
  const problems: Problem[] = []
  for (const [path, value] of Object.entries(overrides)) {
    const key = configKeys.find((candidate) => candidate.path === path)
    const where = `--${path.replaceAll(/[._]/g, '-')}`
    if (!key) {
      problems.push({ where, message: unknownKey(path) })
      continue
    }
    const read = typeof value === 'string' ? valueFromText(key, value) : { ok: true as const, value }
    if (read.ok) given.set(path, { value: read.value, source: { kind: 'option', where } })
    else problems.push({ where, message: read.error })
  }
  return { given, problems }
}

function enginesNotBuilt(given: ReadonlyMap<string, Given>): Problem[] {
  return ENGINES_NOT_BUILT.flatMap((path) => {
    const entry = given.get(path)
    if (!entry || (Array.isArray(entry.value) && entry.value.length === 0)) return []
    return [
      { where: entry.source.where, message: `\`${path}\` is not built in this version; remove it to run embedded` },
    ]
  })
}

function portsNotBuilt(given: ReadonlyMap<string, Given>): Problem[] {
  return PORTS_NOT_BUILT.flatMap((path) => {
    const entry = given.get(path)
    if (!entry || entry.value === -1) return []
    return [
      { where: entry.source.where, message: `\`${path}\`: this part is not built in this version; nothing listens` },
    ]
  })
}

function invalid(problems: readonly Problem[]): RampartError {
  return configError('platform.config.invalid', 'the configuration is not valid', {
    errors: problems.map(({ where, message }) => ({ path: where, message })),
  })
}

function worded(problem: Problem): string {
  return problem.where === '' ? problem.message : `${problem.where}: ${problem.message}`
}

/** The nested object that `Config` describes. The values were checked key by key against the schema it comes from. */
function build(settings: readonly Setting[]): Config {
  const config: Record<string, unknown> = {}
  for (const { key, value } of settings) {
    const segments = key.path.split('.').map(camel)
    const last = segments.pop() ?? ''
    let section = config
    for (const segment of segments) {
      section[segment] ??= {}
      section = section[segment] as Record<string, unknown>
    }
    const chosen = PORTS_NOT_BUILT.includes(key.path) ? -1 : value
    if (chosen !== undefined) section[last] = finished(key, chosen)
  }
  return config as Config
}

function finished(key: ConfigKey, value: unknown): unknown {
  if (key.schema.secret) return new Secret(value as string)
  if (key.path === 'data_dir') return resolve(value as string)
  return camelDeep(value)
}

function camelDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelDeep)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [camel(name), camelDeep(member)]))
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
