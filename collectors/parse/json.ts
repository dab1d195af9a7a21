import type { JsonValue } from '../../pipeline/index.ts'
import { err, ok, type Result } from '../../platform/base/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import type { Draft } from '../ocsf/event.ts'
import type { ParseProblem } from './problems.ts'

/** Where `__proto__` members go: assigning that name on an ordinary object would replace its prototype. */
const PROTO_MEMBER = '[__proto__]'

export type JsonProblem = Extract<ParseProblem, 'json.malformed' | 'json.tooDeep' | 'json.tooManyMembers'>

/** What the one walk over a parsed value found. */
interface Survey {
  members: number
  tooDeep: boolean
  /** A member name or number that must be read again with care. */
  needsCare: boolean
}

function survey(value: unknown, depth: number, found: Survey, wellFormed: boolean): void {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'number') {
      // 1e999 reads as Infinity, and a whole number above 2^53 has lost digits.
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) found.needsCare = true
    } else if (!wellFormed && typeof value === 'string' && !value.isWellFormed()) found.needsCare = true
    return
  }
  if (depth >= PARSE_LIMITS.depthMax) {
    found.tooDeep = true
    return
  }
  if (Array.isArray(value)) {
    found.members += value.length
    if (found.members > PARSE_LIMITS.membersMax) return
    for (const element of value) survey(element, depth + 1, found, wellFormed)
    return
  }
  const names = Object.keys(value)
  found.members += names.length
  if (found.members > PARSE_LIMITS.membersMax) return
  for (const name of names) {
    if (name === '__proto__' || (!wellFormed && !name.isWellFormed())) found.needsCare = true
    survey((value as Record<string, unknown>)[name], depth + 1, found, wellFormed)
    if (found.tooDeep || found.members > PARSE_LIMITS.membersMax) return
  }
}

type SourceReviver = (
  this: Record<string, unknown>,
  name: string,
  value: unknown,
  context: { readonly source?: string },
) => unknown

/** JSON.parse with the third argument of its reviver, which TypeScript does not know yet.
 * @see ECMA-262, JSON.parse source text access */
const parseWithSource = JSON.parse as (text: string, reviver: SourceReviver) => unknown

/** Reads again what plain JSON.parse would change: long whole numbers become text with all their digits, lone
 * surrogates become U+FFFD, `__proto__` becomes a name without power. */
function readWithCare(text: string): unknown {
  return parseWithSource(text, function (name, value, context) {
    let kept = value
    if (typeof value === 'number' && context.source !== undefined) {
      const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
      if (!exact) kept = context.source
    } else if (typeof value === 'string') kept = value.toWellFormed()
    const isElement = Array.isArray(this)
    if (!isElement && (name === '__proto__' || !name.isWellFormed())) {
      this[name === '__proto__' ? PROTO_MEMBER : name.toWellFormed()] = kept
      return undefined
    }
    return kept
  })
}

/** A JSON text's value, within the bounds of depth and members; never throws. */
export function tryParseJson(text: string): Result<JsonValue, JsonProblem> {
  try {
    // V8 reads JSON without recursion: the depth bound protects what comes after.
    const value: unknown = JSON.parse(text)
    const found: Survey = { members: 0, tooDeep: false, needsCare: false }
    survey(value, 0, found, !text.includes('\\u'))
    if (found.tooDeep) return err('json.tooDeep')
    if (found.members > PARSE_LIMITS.membersMax) return err('json.tooManyMembers')
    return ok((found.needsCare ? readWithCare(text) : value) as JsonValue)
  } catch {
    return err('json.malformed')
  }
}

export function isObject(value: JsonValue | undefined): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
