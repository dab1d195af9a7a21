import { RE2JS } from 're2js'
import { err, ok, type Result } from '../../platform/base/index.ts'
import type { RegexFlags } from './expression.ts'

/** A compiled search, in time linear in the text whatever the pattern. */
export interface Regex {
  test(text: string): boolean
}

/** A search for so many characters in a row, which asks for nothing but length. */
const STRETCH = /^(?:\.|\(\.\))\{(\d{1,4})(?:,(\d{0,4}))?\}$/
/** What RE2 repeats at most. */
const REPEATS_MAX = 1_000

/** Compiles a pattern for an unanchored search; the error says why it cannot be run in linear time.
 * @see RE2 syntax, https://github.com/google/re2/wiki/Syntax */
export function compileRegex(source: string, flags: RegexFlags): Result<Regex, string> {
  const bits =
    (flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.multiline ? RE2JS.MULTILINE : 0) |
    (flags.dotAll ? RE2JS.DOTALL : 0)
  const stretch = compileStretch(source, flags)
  if (stretch) return ok(stretch)
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

/** Length is counted: the automaton of `.{1000,}` would have a state for each pair of places. Undefined for any other. */
function compileStretch(source: string, { dotAll }: RegexFlags): Regex | undefined {
  const [, least = '', most = least] = STRETCH.exec(source) ?? []
  const wanted = Number(least)
  if (least === '' || wanted > REPEATS_MAX || (most !== '' && (Number(most) > REPEATS_MAX || Number(most) < wanted)))
    return undefined
  return { test: (text) => text.length >= wanted && hasStretch(text, wanted, dotAll) }
}

/** Whether so many characters stand in a row, without an end of line between them unless `dotAll`. */
function hasStretch(text: string, wanted: number, dotAll: boolean): boolean {
  let length = 0
  for (const char of text) {
    if (length >= wanted) return true
    length = char === '\n' && !dotAll ? 0 : length + 1
  }
  return length >= wanted
}
