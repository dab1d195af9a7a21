import { type PolicyKind, parsePolicy } from '../policy/document.ts'
import { type CompiledPolicy, compilePolicy } from '../policy/statement.ts'
import { callersOf } from './callers.ts'
import type { Cover } from './cover.ts'
import { type Access, type Change, type Difference, differenceOf, type Example } from './difference.ts'
import { escalationsIn } from './escalation-actions.ts'
import { sideOfPolicies, sideOfResourcePolicies } from './side.ts'

/** Access that comes or goes: every action of `action` but `exceptActions`, on every resource of `resource` but
 * `exceptResources`. */
export interface AccessRow {
  readonly action: string
  readonly exceptActions: readonly string[]
  readonly resource: string
  readonly exceptResources: readonly string[]
  readonly before: Access
  readonly after: Access
  readonly example: Example
  /** True where there was too much to try it all, and new access is only feared. */
  readonly isGuess: boolean
  /** Those among the actions that let their holder get more. */
  readonly escalation: readonly string[]
  /** Who gains or loses it; none where nobody in particular is meant. */
  readonly principals: readonly string[]
}

/** What a change of policies grants and takes, what lets its holder get more first. `complete` is false where there was
 * more to compare than is compared. */
export interface AccessDifference {
  readonly gains: readonly AccessRow[]
  readonly loses: readonly AccessRow[]
  readonly complete: boolean
}

/** What policies in files allow that others did not, and the other way round.
 * @throws iam.policy.malformed */
export function comparePolicyTexts(
  before: readonly string[],
  after: readonly string[],
  kind: PolicyKind = 'identity',
): AccessDifference {
  const compiled = (texts: readonly string[]) => texts.map((text) => compilePolicy('policy', parsePolicy(text, kind)))
  return comparePolicies(compiled(before), compiled(after), kind)
}

export function comparePolicies(
  before: readonly CompiledPolicy[],
  after: readonly CompiledPolicy[],
  kind: PolicyKind,
): AccessDifference {
  if (kind !== 'resource' && kind !== 'trust') {
    return rowsOf([{ difference: differenceOf(sideOfPolicies(before), sideOfPolicies(after)), principals: [] }])
  }
  return rowsOf(
    callersOf([...before, ...after]).map(({ name, caller }) => ({
      difference: differenceOf(sideOfResourcePolicies(before, caller), sideOfResourcePolicies(after, caller)),
      principals: [name],
    })),
  )
}

/** Differences of several principals as rows; what is the same for many stands once. */
export function rowsOf(
  found: readonly { readonly difference: Difference; readonly principals: readonly string[] }[],
): AccessDifference {
  const merge = (pick: (difference: Difference) => readonly Cover<Change>[]) => {
    const rows = new Map<string, { row: Omit<AccessRow, 'principals'>; principals: Set<string> }>()
    for (const { difference, principals } of found) {
      for (const cover of pick(difference)) {
        const row = rowOf(cover)
        const { example: _, ...said } = row
        const key = JSON.stringify(said)
        const known = rows.get(key) ?? { row, principals: new Set() }
        for (const principal of principals) known.principals.add(principal)
        rows.set(key, known)
      }
    }
    const all = [...rows.values()].map(
      ({ row, principals }): AccessRow => ({ ...row, principals: [...principals].sort() }),
    )
    const order = (row: AccessRow) => JSON.stringify([row.escalation.length === 0, row.action, row.resource])
    return all.sort((a, b) => (order(a) < order(b) ? -1 : 1))
  }
  return {
    gains: merge(({ gains }) => gains),
    loses: merge(({ loses }) => loses),
    complete: found.every(({ difference }) => difference.complete),
  }
}

function rowOf(cover: Cover<Change>): Omit<AccessRow, 'principals'> {
  const { action, exceptActions, resource, exceptResources, found } = cover
  return { action, exceptActions, resource, exceptResources, ...found, escalation: escalationsIn(cover) }
}

/** A row in a line: `siem:rule:put on * if MFA (before: no)`. */
export function accessRowText(row: AccessRow, way: 'gain' | 'loss'): string {
  const but = (texts: readonly string[]) => (texts.length > 0 ? ` but ${texts.join(', ')}` : '')
  const access = (one: Access) => ('if' in one && one.if ? `if ${one.if}` : one.can === 'no' ? 'no' : 'yes')
  const [here, there] = way === 'gain' ? [row.after, row.before] : [row.before, row.after]
  const when = 'if' in here && here.if ? ` if ${here.if}` : ''
  const what = `${row.action}${but(row.exceptActions)} on ${row.resource}${but(row.exceptResources)}${when}`
  return `${what} (${way === 'gain' ? 'before' : 'after'}: ${access(there)})${row.isGuess ? ', perhaps' : ''}`
}
