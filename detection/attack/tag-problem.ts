import { nearest } from '../../platform/base/index.ts'
import { ATTACK_VERSION, findFormer, formerTactics, tactics, techniques } from './attack.ts'

/** What is wrong with a tag of a rule, in words; undefined for one that is right, or none of ATT&CK's techniques and
 * tactics. */
export function tagProblem(tag: string): string | undefined {
  const technique = techniqueOf(tag)
  if (technique !== undefined) return techniqueProblem(tag, technique)
  const tactic = tacticOf(tag)
  return tactic === undefined ? undefined : tacticProblem(tag, tactic)
}

/** What is wrong with a tactic beside the techniques of the same rule, in words; undefined where one of them has it, and where
 * there are none that could. */
export function misfitOfTactic(tag: string, tags: readonly string[]): string | undefined {
  const tactic = tacticOf(tag)
  if (tactic === undefined || !tactics.some(({ id }) => id === tactic)) return undefined
  const named = tags.flatMap((other) => techniques.get(techniqueOf(other) ?? '') ?? [])
  if (named.length === 0 || named.some((technique) => technique.tactics.includes(tactic))) return undefined
  const theirs = [...new Set(named.flatMap((technique) => technique.tactics))]
  return `none of the rule's techniques has the tactic \`${tag}\`; theirs are ${theirs.map((id) => `\`attack.${id}\``).join(', ')}`
}

const techniqueOf = (tag: string): string | undefined => /^attack\.(t\d+(?:\.\d+)?)$/i.exec(tag)?.[1]?.toUpperCase()

const tacticOf = (tag: string): string | undefined =>
  /^attack\.([a-z][a-z_-]+)$/i.exec(tag)?.[1]?.toLowerCase().replaceAll('_', '-')

function techniqueProblem(tag: string, id: string): string | undefined {
  if (techniques.has(id)) return undefined
  const former = findFormer(id)
  if (!former) return `\`${tag}\` is no technique of ATT&CK ${ATTACK_VERSION}`
  const { name, successor } = former
  if (successor === undefined)
    return `\`${tag}\` (${name}) is deprecated in ATT&CK ${ATTACK_VERSION}, and nothing took its place`
  const next = techniques.get(successor)?.name ?? ''
  return `\`${tag}\` (${name}) is revoked in ATT&CK ${ATTACK_VERSION}; use \`attack.${successor.toLowerCase()}\` (${next})`
}

function tacticProblem(tag: string, id: string): string | undefined {
  const ids = tactics.map((tactic) => tactic.id)
  if (ids.includes(id)) return undefined
  const successors = Object.hasOwn(formerTactics, id) ? formerTactics[id] : undefined
  if (successors) {
    const choice = successors.map((each) => `\`attack.${each}\``).join(' or ')
    return `\`${tag}\` is no tactic of ATT&CK ${ATTACK_VERSION} any more; use ${choice}`
  }
  const meant = nearest(id, ids)
  return `\`${tag}\` is no tactic of ATT&CK ${ATTACK_VERSION}${meant ? `; did you mean \`attack.${meant}\`?` : ''}`
}
