import { createHash } from 'node:crypto'
import type { Entities, IncomingFinding } from './types.ts'

/** Stands for a field that the finding has no value of: a bucket of its own. */
const MISSING = '∅'

/** The kinds in which a finding's main entity is looked for: what was attacked before who did it. */
const PRIMARY_KINDS = ['hosts', 'users', 'ips']

/** Findings of one key are one alert: SHA-256 over account, workspace, rule, and either the rule's own key or the
 * values of its `groupBy`; without one, what a correlation grouped by, else the main entity. */
export function dedupKey(finding: IncomingFinding): string {
  const { rule } = finding
  const scope = [finding.account, finding.workspace, rule.id]
  if (rule.dedup?.key !== undefined) return digest(['own', ...scope, rule.dedup.key])
  const names = rule.groupBy ?? Object.keys(finding.group ?? {})
  if (names.length === 0) return digest(['primary', ...scope, ...primaryEntity(finding.entities)])
  const fields = [...new Set(names)].sort().map((name) => [name, ...valuesOf(finding, name)])
  const incomplete = fields.some((field) => field.length === 1)
  if (incomplete && rule.dedup?.missing === 'each') return digest(['each', ...scope, finding.id])
  return digest(['group', ...scope, ...fields.map((field) => (field.length === 1 ? [...field, MISSING] : field))])
}

/** The key of the alert that stands for all the alerts a noisy rule was not allowed to make. */
export function stormKey(finding: IncomingFinding): string {
  return digest(['storm', finding.account, finding.workspace, finding.rule.id])
}

/** The key of an alert that another product made; (product, uid) names it. */
export function foreignKey(alert: {
  readonly account: string
  readonly workspace: string
  readonly product: string
  readonly uid: string
}): string {
  return digest(['foreign', alert.account, alert.workspace, alert.product, alert.uid])
}

function valuesOf(finding: IncomingFinding, name: string): readonly string[] {
  const group = finding.group
  if (group && Object.hasOwn(group, name)) return [group[name] ?? MISSING]
  const entities = finding.entities
  return Object.hasOwn(entities, name) ? [...new Set(entities[name])].sort() : []
}

function primaryEntity(entities: Entities): readonly string[] {
  const others = Object.keys(entities)
    .filter((kind) => !PRIMARY_KINDS.includes(kind))
    .sort()
  for (const kind of [...PRIMARY_KINDS, ...others]) {
    const value = Object.hasOwn(entities, kind) ? entities[kind]?.[0] : undefined
    if (value !== undefined) return [kind, value]
  }
  return [MISSING]
}

/** JSON keeps the borders between the parts: `a,b` and `a`, `b` are different keys. */
function digest(parts: readonly (string | readonly string[])[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
