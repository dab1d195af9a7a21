import { nearest } from '../base/nearest.ts'
import { type ConfigKey, configKeys } from './schema.ts'
import type { Given, Problem, Reading } from './source.ts'

const PREFIX = 'RAMPART_'
/** Read by the tests, not by the service. */
const NOT_CONFIGURATION: readonly string[] = ['RAMPART_REQUIRE_DATA', 'RAMPART_REQUIRE_ENGINES']

/** What the environment says. A variable of ours that is unknown is a warning only: the machine may set it for another
 * version. An empty variable says nothing. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Reading & {
  readonly warnings: readonly Problem[]
} {
  const given = new Map<string, Given>()
  const problems: Problem[] = []
  const warnings: Problem[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || NOT_CONFIGURATION.includes(name)) continue
    const key = configKeys.find((candidate) => candidate.env === name)
    if (!key) warnings.push({ where: name, message: unknownVariable(name) })
    else if (text) {
      const value = valueFromText(key, text)
      if (value.ok) given.set(key.path, { value: value.value, source: { kind: 'environment', where: name } })
      else problems.push({ where: name, message: value.error })
    }
  }
  return { given, problems, warnings }
}

function unknownVariable(name: string): string {
  const near = nearest(
    name,
    configKeys.map((key) => key.env),
  )
  return `unknown variable${near === undefined ? '' : `; did you mean \`${near}\`?`} (ignored)`
}

/** The value that `text` stands for: a number for a number, a list from JSON or separated by commas. Text that is
 * neither stays text, for the check to refuse it. */
export function valueFromText(
  key: ConfigKey,
  text: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string } {
  if (key.schema.type === 'integer') return { ok: true, value: /^-?[0-9]{1,15}$/.test(text) ? Number(text) : text }
  if (key.schema.type !== 'array') return { ok: true, value: text }
  if (!text.trimStart().startsWith('[')) return { ok: true, value: splitList(text) }
  try {
    return { ok: true, value: JSON.parse(text) as unknown }
  } catch {
    return { ok: false, error: `\`${key.path}\` starts like a JSON list and is not one` }
  }
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
