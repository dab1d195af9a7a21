import type { AccountId } from '../../platform/index.ts'
import { passingAction } from '../policy/action-set.ts'
import { type CompiledPolicy, type CompiledStatement, labelOf, placesOf } from '../policy/statement.ts'
import { isCovered } from './covers.ts'
import { escalationsIn } from './escalation-actions.ts'
import type { Finding } from './findings.ts'

/** Statements of one holder that are compared with each other across its policies. */
const ACROSS_MAX = 500

const known = new WeakMap<CompiledPolicy, readonly Finding[]>()

/** What one policy shows by itself. A policy does not change, so it is looked at once.
 * @param account whose it is, as far as that is known */
export function findingsOf(policy: CompiledPolicy, account?: AccountId): readonly Finding[] {
  const before = known.get(policy)
  if (before) return before
  const found = [...within(policy), ...policy.statements.flatMap((statement) => [...wide(policy, statement, account)])]
  known.set(policy, found)
  return found
}

/** What policies of one holder say of each other. */
export function findingsAcross(policies: readonly CompiledPolicy[], holder: string): Finding[] {
  const count = policies.reduce((sum, { statements }) => sum + statements.length, 0)
  if (count > ACROSS_MAX) return []
  return policies.flatMap((policy) =>
    policies.flatMap((other) =>
      other === policy ? [] : [...compare(policy, other, (label) => `${label}, which ${holder} holds too`)],
    ),
  )
}

function within(policy: CompiledPolicy): Finding[] {
  return [...compare(policy, policy, (label) => label)]
}

function* compare(policy: CompiledPolicy, other: CompiledPolicy, say: (label: string) => string): Generator<Finding> {
  for (const statement of policy.statements) {
    for (const cover of other.statements) {
      if (cover === statement || !mayCover(statement, cover)) continue
      const isDead = statement.effect === 'Allow' && cover.effect === 'Deny'
      if (statement.effect !== cover.effect && !isDead) continue
      if (!isCovered(statement, cover)) continue
      // Of two that say the same, the later one is redundant.
      const isTwin = !isDead && isCovered(cover, statement)
      if (isTwin && (other === policy ? cover.index > statement.index : other.id > policy.id)) continue
      yield {
        code: isDead ? 'allow-dead' : 'statement-redundant',
        severity: isDead ? 'medium' : 'low',
        ...at(policy, statement),
        message: isDead
          ? `never allows anything: ${say(labelOf(cover))} denies all of it`
          : `says nothing that ${say(labelOf(cover))} does not say`,
        advice: isDead ? 'remove it, or narrow the Deny if it was meant to allow' : 'remove it',
      }
      break
    }
  }
}

function mayCover({ actions }: CompiledStatement, { actions: outer }: CompiledStatement): boolean {
  return outer.services === undefined || (actions.services?.every((one) => outer.services?.includes(one)) ?? false)
}

const everywhere = ({ resources }: CompiledStatement) =>
  resources === undefined || (!resources.negated && resources.texts.includes('*'))

/** Operations that only look. */
const READS = /:(get|list|describe|search|read|evaluate|whocan|whatcan|lint)[^:]*$/

function* wide(policy: CompiledPolicy, statement: CompiledStatement, own: AccountId | undefined): Generator<Finding> {
  const { effect, actions, conditions, principals } = statement
  if (effect !== 'Allow') return
  const place = at(policy, statement)
  if (policy.kind === 'identity' && everywhere(statement) && conditions.length === 0) {
    const all = actions.negated || actions.texts.includes('*')
    const broad = actions.texts.filter((text) => text.includes('*') && !READS.test(text.toLowerCase()))
    if (all) {
      yield {
        code: 'everything-allowed',
        severity: 'high',
        ...place,
        message: actions.negated ? 'allows every action but a few, on everything' : 'allows every action on everything',
        advice: 'name the actions and resources that are needed',
      }
    } else if (broad.length > 0) {
      const escalation = broad.flatMap((action) => escalationsIn({ action, exceptActions: [] }))
      yield {
        code: 'write-wildcard',
        severity: escalation.length > 0 ? 'high' : 'medium',
        ...place,
        message: `allows ${broad.join(', ')} on every resource${escalation.length > 0 ? `, ${escalation.slice(0, 3).join(', ')} among them` : ''}`,
        advice: 'name the operations that are needed, and the resources',
      }
    }
  }
  if (!principals) return
  const [negated, ...names] = principals.texts
  if (conditions.length === 0 && (negated === 'true' || names.some((name) => name === '* *' || name.endsWith(' *')))) {
    yield {
      code: 'principal-everyone',
      severity: 'high',
      ...place,
      message:
        negated === 'true' ? 'Allow with NotPrincipal lets everybody else in' : 'lets everybody in, of any account',
      advice: 'name accounts or principals, or add a condition such as g:PrincipalOrgId',
    }
  }
  if (policy.kind !== 'trust') return
  const foreign = names.filter((name) => {
    const account = /(?:^(?:IAM|AWS) |::)([0-9]{12})(?::|$)/.exec(name)?.[1]
    return account !== undefined && own !== undefined && account !== own
  })
  const asksId = conditions.some(({ canonicalKey }) => canonicalKey === 'sts:externalid')
  if (foreign.length === 0 || asksId || !ASSUMES.some((action) => actions.has(action))) return
  yield {
    code: 'trust-without-external-id',
    severity: 'medium',
    ...place,
    message: `trusts ${foreign.map((name) => name.slice(name.indexOf(' ') + 1)).join(', ')} without asking for an external id`,
    advice: 'where the other account serves many customers, demand sts:ExternalId',
  }
}

const ASSUMES = [passingAction('sts:role:assume')]

function at(policy: CompiledPolicy, statement: CompiledStatement) {
  const { line, column } = placesOf(policy, statement.index).start
  return { subject: policy.id, statement: labelOf(statement), line, column }
}
