/** Texts that differ only in case fold to the same text, one UTF-16 unit to one unit.
 * @see Unicode, CaseFolding.txt, statuses C and S (simple folding), which Sigma's comparison without case follows */
export function fold(text: string): string {
  const lower = text.toLowerCase()
  // Everything that lower-casing does not settle lies outside of ASCII, and most texts lie inside.
  return NOT_ASCII.test(text) ? foldUnits(text) : lower
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const NOT_ASCII = /[^\u0000-\u007f]/

function foldUnits(text: string): string {
  let folded = ''
  for (const char of text) folded += foldChar(char)
  return folded
}

/** What one character folds to; itself where its lower case is longer. */
export function foldChar(char: string): string {
  const code = char.codePointAt(0) ?? 0
  if (code < 0x80) return char.toLowerCase()
  // Dotted and dotless i fold only in Turkish.
  if (code === 0x130 || code === 0x131) return char
  const upper = char.toUpperCase()
  const lower = (isOneChar(upper) ? upper : char).toLowerCase()
  return isOneChar(lower) && lower.length === char.length ? lower : char
}

function isOneChar(text: string): boolean {
  return text.length === 1 || (text.length === 2 && (text.codePointAt(0) ?? 0) > 0xffff)
}
