import { actionSpecs } from './actions/catalogue.ts'
import { rehearse, type TestOutcome } from './engine/rehearse.ts'
import type { Playbook } from './language/document.ts'
import { type LintResult, lint } from './language/lint.ts'

/** Everything that is wrong with a playbook's text, as far as no service is needed to know it. Never throws. */
export function lintPlaybook(text: string): LintResult {
  return lint(text, actionSpecs)
}

/** Runs the tests that stand in a playbook. Nothing leaves the process. */
export function testPlaybook(playbook: Playbook): Promise<readonly TestOutcome[]> {
  return rehearse(playbook, actionSpecs)
}
