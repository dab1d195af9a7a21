/** What is wrong at one place of a policy document. Lines and columns count from 1, columns in UTF-16 units. */
export interface PolicyProblem {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Stops the JSON reader; `parsePolicy` turns it into a problem with line and column. */
export class PolicySyntaxError extends Error {
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

/** Line and column of an offset. */
export function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  let line = 1
  let lineStart = 0
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  return { line, column: offset - lineStart + 1 }
}
