import { printable } from '../../platform/index.ts'
import { PROBLEMS_MAX } from '../limits.ts'

/** What a playbook is refused for.   @see playbooks/README.md, problems */
export const problemCodes = {
  P001: 'YAML syntax',
  P002: 'unknown, unsupported or duplicate key, anchor, alias, tag, size',
  P003: 'duplicate id, no kind or two kinds of step',
  P004: '`needs` names no sibling',
  P005: 'cycle',
  P006: '`steps.x` unknown or not surely finished before',
  P007: 'possibly absent output read without a guard',
  P008: 'unreachable step',
  P009: 'unknown action',
  P011: 'trigger that can start itself, without throttle',
  P013: 'wrong type or missing value',
  P014: 'expression does not parse or type-check',
  P015: 'forbidden expression, pattern not RE2',
  P017: 'literal that looks like a secret',
  P018: '`permissions` and actions differ, `run_as` unknown',
  P021: 'approval nobody can answer',
  P022: 'waits that exceed the timeout',
} as const
export type ProblemCode = keyof typeof problemCodes

/** Something wrong in a playbook's text. Line and column count from 1. */
export interface Problem {
  readonly code: ProblemCode
  readonly severity: 'error' | 'warning'
  /** JSON pointer into the document. */
  readonly path: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** `file:line:col: error P006: …`, safe for a terminal whatever the playbook holds. */
export function formatProblem(file: string, problem: Problem): string {
  const { line, column, severity, code, message } = problem
  return printable(`${file}:${line}:${column}: ${severity} ${code}: ${message}`)
}

/** A place in the text. */
export interface Place {
  readonly path: string
  readonly offset: number
}

/** Collects problems; never throws. */
export class Problems {
  readonly #found: (Place & { code: ProblemCode; severity: 'error' | 'warning'; message: string })[] = []
  readonly #lineStarts: readonly number[]
  #dropped = 0

  constructor(text: string) {
    const starts = [0]
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#lineStarts = starts
  }

  error(code: ProblemCode, place: Place, message: string): void {
    this.#add(code, 'error', place, message)
  }

  warn(code: ProblemCode, place: Place, message: string): void {
    this.#add(code, 'warning', place, message)
  }

  get hasErrors(): boolean {
    return this.#found.some((problem) => problem.severity === 'error')
  }

  /** In the order of the text. */
  list(): readonly Problem[] {
    const sorted = this.#found.toSorted((a, b) => a.offset - b.offset)
    const listed = sorted.map(({ code, severity, path, offset, message }) => ({
      code,
      severity,
      path,
      ...this.#position(offset),
      message,
    }))
    const last = listed.at(-1)
    if (this.#dropped > 0 && last) listed.push({ ...last, message: `and ${this.#dropped} more problems` })
    return listed
  }

  #add(code: ProblemCode, severity: 'error' | 'warning', { path, offset }: Place, message: string): void {
    if (this.#found.length >= PROBLEMS_MAX) this.#dropped += 1
    else this.#found.push({ code, severity, path, offset, message })
  }

  #position(offset: number): { line: number; column: number } {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 }
  }
}
