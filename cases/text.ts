/** Text as every database takes it: no NUL, no half of a character, no longer than said. */
export function keepText(text: string, charsMax: number): string {
  const clean = text.toWellFormed().replaceAll('\u0000', '\ufffd')
  if (clean.length <= charsMax) return clean
  const head = clean.slice(0, charsMax - 1)
  return `${head.isWellFormed() ? head : head.slice(0, -1)}…`
}
