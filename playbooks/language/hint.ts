import { nearest } from '../../platform/index.ts'

/** `; did you mean \`x\`?`, or nothing. */
export function hint(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates)
  return found === undefined ? '' : `; did you mean \`${found}\`?`
}
