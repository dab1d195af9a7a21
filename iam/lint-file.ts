import { RampartError } from '../platform/index.ts'
import { type PolicyKind, parsePolicy } from './policy/document.ts'
import { lintPolicy } from './policy/lint.ts'
import { compilePolicy } from './policy/statement.ts'

/** One thing to say about a policy text. An error keeps it from being used, a lint does not. */
export interface PolicyRemark {
  readonly level: 'error' | 'lint'
  /** A lint's code, or the error's. */
  readonly code: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** What is wrong with a policy text, or else what it says that is rarely meant. Never throws for what the text holds. */
export function checkPolicyText(text: string, kind: PolicyKind = 'identity'): PolicyRemark[] {
  try {
    return lintPolicy(compilePolicy('policy', parsePolicy(text, kind))).map((lint) => ({ level: 'lint', ...lint }))
  } catch (error) {
    if (!(error instanceof RampartError)) throw error
    return error.errors.map(({ path, message }) => {
      const [line = 1, column = 1] = path.split(':').map(Number)
      return { level: 'error', code: error.code, line, column, message }
    })
  }
}
