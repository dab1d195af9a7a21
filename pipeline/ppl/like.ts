/** A pattern of `like`: `%` stands for any text, `_` for a character, `\` before one of these for itself. */
export type LikePart = { readonly text: string } | '%' | '_'

export function readLike(pattern: string): LikePart[] {
  const parts: LikePart[] = []
  let text = ''
  const flush = () => {
    if (text !== '') parts.push({ text })
    text = ''
  }
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? ''
    const next = pattern[at + 1]
    if (char === '\\' && (next === '%' || next === '_' || next === '\\')) {
      text += next
      at++
    } else if (char === '%' || char === '_') {
      flush()
      if (char !== '%' || parts.at(-1) !== '%') parts.push(char)
    } else text += char
  }
  flush()
  return parts
}

interface Wanted {
  readonly any?: '%' | '_'
  readonly char?: string
}

/** Whether all of `text` fits the pattern; time at most the product of the lengths. */
export function matchesLike(text: string, parts: readonly LikePart[]): boolean {
  const chars = [...text]
  const pattern = parts.flatMap<Wanted>((part) =>
    typeof part === 'string' ? [{ any: part }] : [...part.text].map((char) => ({ char })),
  )
  let at = 0
  let wanted = 0
  let star = -1
  let starAt = 0
  while (at < chars.length) {
    const part = pattern[wanted]
    if (part?.any === '%') {
      star = wanted++
      starAt = at
    } else if (part && (part.any === '_' || part.char === chars[at])) {
      wanted++
      at++
    } else if (star >= 0) {
      wanted = star + 1
      at = ++starAt
    } else return false
  }
  while (wanted < pattern.length) {
    if (pattern[wanted++]?.any !== '%') return false
  }
  return true
}

/** A text with `*` and `?` as wildcards, and `\` before one of these for itself, as a pattern of `like`. */
export function likeOfWildcards(text: string): string {
  let pattern = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    const next = text[at + 1]
    if (char === '\\' && (next === '*' || next === '?' || next === '\\')) {
      pattern += next === '\\' ? '\\\\' : next
      at++
    } else if (char === '*') pattern += '%'
    else if (char === '?') pattern += '_'
    else pattern += /[%_\\]/.test(char) ? `\\${char}` : char
  }
  return pattern
}

export function hasWildcard(text: string): boolean {
  return /(?<!\\)(?:\\\\)*[*?]/.test(text)
}
