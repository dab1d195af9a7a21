import {
  type ASTNode,
  type Environment,
  EvaluationError,
  ParseError,
  TypeError as TypeProblem,
} from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { COMPREHENSION_DEPTH_MAX, EXPRESSION_LENGTH_MAX } from '../limits.ts'
import { type References, referencesOf } from './references.ts'

/** What is wrong in an expression; `offset` counts from its first character. */
export interface ExpressionProblem {
  readonly kind: 'syntax' | 'type' | 'forbidden'
  readonly message: string
  readonly offset: number
}

export type Parsed =
  | { readonly ok: true; readonly references: References; readonly ast: ASTNode }
  | { readonly ok: false; readonly problem: ExpressionProblem }

/** Parses an expression and refuses what would be slow or unsafe to run, before any type is looked at. */
export function parseExpression(text: string, env: Environment): Parsed {
  if (text.length > EXPRESSION_LENGTH_MAX) {
    return failed('forbidden', `the expression is longer than ${EXPRESSION_LENGTH_MAX} characters`, 0)
  }
  let ast: ASTNode
  try {
    ast = env.parse(text).ast
  } catch (error) {
    return failed('syntax', sayError(error), offsetOf(error))
  }
  const references = referencesOf(ast)
  const matches = references.matchesCalls[0]
  if (matches !== undefined) {
    return failed('forbidden', '`.matches` can run for minutes on hostile text; write re(text, "pattern")', matches)
  }
  if (references.comprehensionDepth > COMPREHENSION_DEPTH_MAX) {
    return failed('forbidden', `comprehensions stand more than ${COMPREHENSION_DEPTH_MAX} deep in each other`, 0)
  }
  for (const pattern of references.patterns) {
    const problem = patternProblem(pattern.text)
    if (problem) return failed('forbidden', problem, pattern.start)
  }
  return { ok: true, references, ast }
}

/** Why `pattern` is no regular expression of RE2, or undefined. */
export function patternProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern)
    return undefined
  } catch (error) {
    return `\`${pattern.slice(0, 80)}\` is no RE2 pattern: ${(error as Error).message.slice(0, 160)}`
  }
}

/** The type of an expression in the library's spelling, or what is wrong with it. */
export function typeOf(
  text: string,
  env: Environment,
): { readonly ok: true; readonly type: string } | { readonly ok: false; readonly problem: ExpressionProblem } {
  const result = env.check(text)
  if (result.valid) return { ok: true, type: result.type ?? 'dyn' }
  return failed('type', sayError(result.error), offsetOf(result.error))
}

function failed(kind: ExpressionProblem['kind'], message: string, offset: number) {
  return { ok: false, problem: { kind, message, offset } } as const
}

/** The error's first line, in our words for a type where the library has its own. */
export function sayError(error: unknown): string {
  const text = isExpressionError(error) ? error.summary : error instanceof Error ? error.message : String(error)
  const line = text.split('\n', 1)[0] ?? text
  return line
    .replace(/^No such key: (.*)$/, 'there is no `$1`')
    .replace(/^Unknown variable: (.*)$/, 'there is no variable `$1`')
    .replaceAll('google.protobuf.Timestamp', 'timestamp')
    .replaceAll('google.protobuf.Duration', 'duration')
    .replaceAll(/dyn<([a-z]+)>/g, '$1')
    .slice(0, 300)
}

function offsetOf(error: unknown): number {
  return isExpressionError(error) ? (error.range?.start ?? 0) : 0
}

function isExpressionError(error: unknown): error is ParseError | EvaluationError | TypeProblem {
  return error instanceof ParseError || error instanceof EvaluationError || error instanceof TypeProblem
}
