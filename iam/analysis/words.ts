import { canonicalKey } from '../policy/context-keys.ts'
import type { Alternative, OpenCondition, Residue } from './residue.ts'

/** Values of one condition that are said; a person reads no more. */
const VALUES_SAID_MAX = 5

/** A residue as a person says it: `MFA and 00:00-04:00`. Empty where nothing is left. */
export function residueText({ when, unless }: Residue): string {
  const must = distinct(when.map((group) => any(group.map(alternativeText))))
  const mustNot = distinct(unless.map(alternativeText))
  const said = must.length > 1 ? must.map(bracketed).join(' and ') : (must[0] ?? '')
  if (mustNot.length === 0) return said
  const not = `not (${mustNot.join(' or ')})`
  return said === '' ? not : `${bracketed(said)} and ${not}`
}

function alternativeText({ conditions }: Alternative): string {
  return distinct(conditions.map(conditionText)).join(' and ')
}

function any(texts: readonly string[]): string {
  const said = distinct(texts)
  return said.length === 1
    ? (said[0] ?? '')
    : said.map((text) => (text.includes(' and ') ? `(${text})` : text)).join(' or ')
}

function bracketed(text: string): string {
  return text.includes(' or ') && !text.startsWith('(') ? `(${text})` : text
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

/** One condition; those everybody writes in the words everybody uses. */
function conditionText({ op, key, want }: OpenCondition): string {
  const values = `${want.slice(0, VALUES_SAID_MAX).join(', ')}${want.length > VALUES_SAID_MAX ? ', …' : ''}`
  const canonical = canonicalKey(key)
  if (canonical === 'g:mfapresent' && /^Bool(IfExists)?$/.test(op)) return want.includes('true') ? 'MFA' : 'no MFA'
  if (op === 'TimeBetween') return values
  if (op === 'TimeNotBetween') return `not ${values}`
  if (op === 'IpAddress' && canonical === 'g:sourceip') return `from ${values}`
  if (op === 'NotIpAddress' && canonical === 'g:sourceip') return `not from ${values}`
  if (op === 'Resource' || op === 'NotResource') return `${op === 'Resource' ? 'on' : 'not on'} ${values}`
  return `${op} ${key} ${values}`
}
