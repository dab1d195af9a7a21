import { RE2JS } from 're2js'
import { err, ok, type Result } from '../../../platform/base/index.ts'
import { REGEX_CHARS_MAX } from '../../limits.ts'

/** A regular expression of a pipeline, run in linear time. Pipelines are written for Python's `re`. */
export interface SearchRegex {
  readonly groupNames: readonly string[]
  /** The named groups of a match that begins where the text does (Python's `match`); undefined where there is none. */
  beginsAt(text: string): ReadonlyMap<string, string | undefined> | undefined
  /** Every match, in order, and what stands for it: `\1`, `\g<1>` and `\g<name>` mean groups (Python's `sub`). */
  replacements(text: string, template: string): readonly Replacement[]
  /** A group that the template names and the expression has not. */
  lacks(template: string): string | undefined
}

/** A match, from an index up to another, and the text that takes its place. */
export interface Replacement {
  readonly from: number
  readonly to: number
  readonly by: string
}

/** @returns why it cannot be run */
export function compileSearch(source: string): Result<SearchRegex, string> {
  if (source.length > REGEX_CHARS_MAX) {
    return err(`a regular expression has at most ${REGEX_CHARS_MAX} characters; this has ${source.length}`)
  }
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(source)
  } catch (failure) {
    return err(`not a regular expression that can be run here: ${failure instanceof Error ? failure.message : failure}`)
  }
  const groupNames = Object.keys(compiled.namedGroups())
  return ok({
    groupNames,
    beginsAt(text) {
      const matcher = compiled.matcher(text)
      if (!matcher.lookingAt()) return undefined
      return new Map(groupNames.map((name) => [name, matcher.group(name) ?? undefined]))
    },
    replacements(text, template) {
      const matcher = compiled.matcher(text)
      const found: Replacement[] = []
      while (matcher.find()) {
        const by = fill(template, (group) => matcher.group(group) ?? '')
        found.push({ from: matcher.start(), to: matcher.end(), by })
      }
      return found
    },
    lacks(template) {
      for (const [, named, number] of template.matchAll(GROUPS)) {
        const reference = named ?? number ?? ''
        if (/^\d+$/.test(reference) ? Number(reference) > compiled.groupCount() : !groupNames.includes(reference)) {
          return reference
        }
      }
      return undefined
    },
  })
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', f: '\f', v: '\v', '\\': '\\' }

const GROUPS = /\\(?:g<([^>]+)>|(\d{1,2}))/g

function fill(template: string, group: (reference: number | string) => string): string {
  return template.replace(
    /\\(?:g<([^>]+)>|(\d{1,2})|(.))/gs,
    (whole, named?: string, number?: string, char?: string) => {
      if (named !== undefined) return group(/^\d+$/.test(named) ? Number(named) : named)
      if (number !== undefined) return group(Number(number))
      return escapes[char ?? ''] ?? whole
    },
  )
}
