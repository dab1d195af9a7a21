import { hash } from 'node:crypto'
import { KEY_CHARS_MAX } from '../limits.ts'

/** The text itself, or a digest of what is too long to be held: outsiders choose how long names are. */
export const shortKey = (text: string): string => (text.length <= KEY_CHARS_MAX ? text : hash('sha256', text))
