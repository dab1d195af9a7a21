import { defineErrors, nearest, type RampartError } from '../../platform/index.ts'

/** What can be wrong with a query. */
const queryErrors = defineErrors({
  'pipeline.query.tooLarge': { status: 422, title: 'The query is too large' },
  'pipeline.query.syntax': { status: 422, title: 'The query cannot be read' },
  'pipeline.query.unknownCommand': { status: 422, title: 'Unknown command' },
  'pipeline.query.unknownFunction': { status: 422, title: 'Unknown function' },
  'pipeline.query.unknownField': { status: 422, title: 'Unknown field' },
  'pipeline.query.unknownPipe': { status: 404, title: 'Unknown pipe' },
  'pipeline.query.wrongType': { status: 422, title: 'The types do not fit' },
  'pipeline.query.badValue': { status: 422, title: 'The value does not fit' },
  'pipeline.query.badRegex': { status: 422, title: 'The regular expression cannot be used' },
})

export type QueryErrorCode = Parameters<typeof queryErrors>[0]

/** A stretch of a query's text: offsets, `end` exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A problem somewhere in a query, before anybody knows the whole text. */
export class QueryProblem extends Error {
  readonly code: QueryErrorCode
  readonly span: Span

  constructor(code: QueryErrorCode, span: Span, message: string) {
    super(message)
    this.code = code
    this.span = span
  }
}

/** Runs `work` on a query's text and says of its problems in which line and column they stand. */
export function withPlaces<T>(text: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof QueryProblem) throw placed(text, error)
    throw error
  }
}

/** The error of a problem: line and column from 1, columns counted in characters as an editor shows them. */
function placed(text: string, problem: QueryProblem): RampartError {
  const before = text.slice(0, problem.span.start)
  const line = before.split('\n').length
  const column = [...before.slice(before.lastIndexOf('\n') + 1)].length + 1
  const place = `line ${line}, column ${column}`
  return queryErrors(problem.code, `${problem.message} (${place})`, {
    errors: [{ path: place, message: problem.message }],
    extra: { line, column },
    cause: problem,
  })
}

/** `; did you mean …?` for the end of a message, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearest(name, known)
  return near === undefined ? '' : `; did you mean \`${near}\`?`
}
