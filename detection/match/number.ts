import { fold } from './fold.ts'

const NUMBER = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?\s*$/i
const DIGITS_MAX = 64

/** The number that a text says in decimal; undefined where it says none. */
export function numberOf(text: string): number | undefined {
  if (text.length > DIGITS_MAX || text.charCodeAt(0) > CODE_OF_9) return undefined
  return NUMBER.test(text) ? Number(text) : undefined
}

const CODE_OF_9 = 57

/** What values are looked up by: those that are equal as numbers, or as texts without case, have the same key. */
export function keyOfText(text: string): string {
  const number = numberOf(text)
  return number === undefined ? fold(text) : String(number)
}
