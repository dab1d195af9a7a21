import { type Enforcer, newEnforcer, newModelFromString } from 'casbin'
import { assert } from '../../platform/index.ts'
import type { Naming } from '../policy/principal-match.ts'
import { type CompiledStatement, isMet, type Question } from '../policy/statement.ts'
import type { Evaluator, Verdict } from './evaluator.ts'

/** Rows are (place of the statement in the slice, effect); `applies` runs the compiled statement. Nothing of a policy's
 * text ever enters a matcher, which casbin evaluates as an expression. */
const MODEL = `
[request_definition]
r = question

[policy_definition]
p = place, eft

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = applies(p.place, r.question)
`

interface Slice {
  readonly statements: readonly CompiledStatement[]
  readonly question: Question
  readonly naming: Naming | undefined
  denied: boolean
}

/** casbin deciding over the rows the index selected: it combines the effects, deny overriding allow. One enforcer; a
 * decision is synchronous, so nothing else sees the slice of another. */
export async function createCasbinEvaluator(): Promise<Evaluator> {
  const enforcer: Enforcer = await newEnforcer(newModelFromString(MODEL))
  enforcer.enableAutoSave(false)
  await enforcer.addFunction('applies', (place: string, slice: Slice) => applies(slice, place))
  const assertion = enforcer.getModel().model.get('p')?.get('p')
  assert(assertion, 'the casbin model has policies')
  return {
    verdict(list, question, naming): Verdict {
      const { denies, allows } = list.candidates(question.action)
      const slice: Slice = { statements: [...denies, ...allows], question, naming, denied: false }
      // casbin asks its matcher once with empty fields where there is no row; nothing may come of that.
      if (slice.statements.length === 0) return 'none'
      assertion.policy = slice.statements.map((statement, index) => [
        String(index),
        statement.effect === 'Deny' ? 'deny' : 'allow',
      ])
      try {
        if (enforcer.enforceSync(slice)) return 'allow'
        return slice.denied ? 'deny' : 'none'
      } finally {
        assertion.policy = []
      }
    },
  }
}

function applies(slice: Slice, place: string): boolean {
  const statement = slice.statements[Number(place)]
  if (!statement) return false
  const isDeny = statement.effect === 'Deny'
  const matches = isMet(statement, slice.question, isDeny ? undefined : slice.naming)
  if (matches && isDeny) slice.denied = true
  return matches
}
