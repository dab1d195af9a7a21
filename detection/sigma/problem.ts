/** One thing wrong or doubtful in a rule file, by its place in the text (both from 1). An `error` refuses the rule, a
 * `warning` is for lint only. */
export interface Problem {
  readonly level: 'error' | 'warning'
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Collects what is wrong; `at` is an offset into the file's text. */
export interface Reporter {
  error(at: number, message: string): void
  warn(at: number, message: string): void
}

/** `line 4, column 9: …` */
export function printProblem({ line, column, message }: Problem): string {
  return `line ${line}, column ${column}: ${message}`
}
