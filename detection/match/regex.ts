import { RE2JS } from 're2js'
import { err, ok, type Result } from '../../platform/index.ts'
import type { RegexFlags } from './expression.ts'

/** A compiled search, in time linear in the text whatever the pattern. */
export interface Regex {
  test(text: string): boolean
}

/** Compiles a pattern for an unanchored search; the error says why it cannot be run in linear time.
 * @see RE2 syntax, https://github.com/google/re2/wiki/Syntax */
export function compileRegex(source: string, flags: RegexFlags): Result<Regex, string> {
  const bits =
    (flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.multiline ? RE2JS.MULTILINE : 0) |
    (flags.dotAll ? RE2JS.DOTALL : 0)
  try {
    const compiled = RE2JS.compile(source, bits)
    return ok({ test: (text) => compiled.test(text) })
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure)
    const hint = /\(\?[=!<]|\\[1-9]/.test(source)
      ? '; look-around and back-references cannot be run in linear time, so write it without them'
      : ''
    return err(`not a regular expression that can be run here: ${reason}${hint}`)
  }
}
