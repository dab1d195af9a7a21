import { createHash } from 'node:crypto'
import type { Playbook } from './document.ts'

/** The revision of a playbook: SHA-256, in hexadecimal, of its canonical form. Comments and layout do not count. */
export function revisionOf(playbook: Playbook): string {
  return createHash('sha256').update(canonicalJson(playbook)).digest('hex')
}

/** JSON with the members of every object sorted and no space. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
