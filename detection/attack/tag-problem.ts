import { nearest } from '../../platform/base/index.ts'
import { ATTACK_VERSION, findFormer, formerTactics, tactics, techniques } from './attack.ts'

/** What is wrong with a tag of a rule, in words; undefined for one that is right, or none of ATT&CK's techniques and
 * tactics. */
export function tagProblem(tag: string): string | undefined {
  const technique = /^attack\.(t\d+(?:\.\d+)?)$/i.exec(tag)?.[1]?.toUpperCase()
  if (technique !== undefined) return techniqueProblem(tag, technique)
  const tactic = /^attack\.([a-z][a-z_-]+)$/i.exec(tag)?.[1]?.toLowerCase().replaceAll('_', '-')
  return tactic === undefined ? undefined : tacticProblem(tag, tactic)
}

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
