/** Texts that differ only in case fold to the same text, one UTF-16 unit to one unit.
 * @see Unicode, CaseFolding.txt, statuses C and S (simple folding), which Sigma's comparison without case follows */
export function fold(text: string): string {
  const lower = text.toLowerCase()
  // Everything that lower-casing does not settle lies outside of ASCII, and most texts lie inside.
  return NOT_ASCII.test(text) ? foldUnits(text) : lower
}

/** A character outside of ASCII. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
export const NOT_ASCII = /[^\u0000-\u007f]/

function foldUnits(text: string): string {
  let folded = ''
  for (const char of text) folded += foldChar(char)
  return folded
}

/** What one character folds to; itself where its lower case is longer. */
function foldChar(char: string): string {
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

const SURROGATE = /[\ud800-\udfff]/

/** True for a text with characters beyond the first plane that have a case (Deseret, Adlam, …): their halves cannot be
 * folded one by one. Emoji have none. */
export function foldsInPairs(text: string): boolean {
  return SURROGATE.test(text) && [...text].some(hasPairedCase)
}

/** The stretches of a text between such characters. */
export function splitAtPairs(text: string): readonly string[] {
  const pieces = ['']
  for (const char of text) {
    if (hasPairedCase(char)) pieces.push('')
    else pieces[pieces.length - 1] += char
  }
  return pieces
}

function hasPairedCase(char: string): boolean {
  return char.length > 1 && (char.toUpperCase() !== char || char.toLowerCase() !== char)
}

const foldedUnits = new Uint16Array(0x10000)

/** What a UTF-16 unit above ASCII folds to; half of a surrogate pair is itself. */
export function foldUnit(unit: number): number {
  const known = foldedUnits[unit] as number
  if (known !== 0) return known
  const folded = foldChar(String.fromCharCode(unit)).charCodeAt(0)
  foldedUnits[unit] = folded
  return folded
}

/** Every UTF-16 unit that folds to this (folded) one, itself first; surrogates fold only in pairs and are left out. */
export function unitsFoldingTo(unit: number): readonly number[] {
  if (unit < 0x80) {
    const char = String.fromCharCode(unit)
    const upper = char.toUpperCase()
    const units = upper === char ? [unit] : [unit, upper.charCodeAt(0)]
    // Long s and the Kelvin sign are the only ones from outside.
    if (char === 's') units.push(0x17f)
    if (char === 'k') units.push(0x212a)
    return units
  }
  foldedTo ??= findFolded()
  return [unit, ...(foldedTo.get(unit) ?? [])]
}

let foldedTo: ReadonlyMap<number, readonly number[]> | undefined

function findFolded(): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>()
  for (let unit = 0x80; unit < 0x10000; unit++) {
    if (unit >= 0xd800 && unit < 0xe000) continue
    const folded = foldChar(String.fromCharCode(unit)).charCodeAt(0)
    if (folded === unit) continue
    const units = found.get(folded)
    if (units) units.push(unit)
    else found.set(folded, [unit])
  }
  return found
}
