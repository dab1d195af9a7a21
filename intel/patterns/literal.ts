/** The longest text that every text of a LIKE holds. */
export function literalOfLike(pattern: string): string {
  return longest(pattern.split(/[%_]/))
}

/** A text that everything a regular expression finds holds, '' where none is sure. Alternatives, groups, flags and classes
 * are not looked into. */
export function literalOfRegex(source: string): string {
  if (/[|]|\(\?/.test(source)) return ''
  const runs: string[] = []
  let run = ''
  let depth = 0
  const end = () => {
    runs.push(run)
    run = ''
  }
  for (let at = 0; at < source.length; at++) {
    const char = source[at] ?? ''
    const next = source[at + 1] ?? ''
    if (char === '\\') {
      at++
      // Escaped signs are themselves; escaped letters and digits are classes and the like, `\Q` and `\x` among them.
      if (/[QxpPEuN0-9]/.test(next)) return ''
      if (/[A-Za-z]/.test(next)) end()
      else if (depth === 0) run = takeUnlessRepeated(run, next, source[at + 1], end)
    } else if (char === '[') {
      const close = source.indexOf(']', at + 1)
      // A bracket that stands first is one of the class.
      if (close <= at + 1 || source.slice(at, close) === '[^') return ''
      if (/\[:|\\/.test(source.slice(at, close))) return ''
      at = close
      end()
    } else if (char === '(' || char === ')') {
      depth += char === '(' ? 1 : -1
      end()
    } else if (/[.^$*+?{}]/.test(char)) {
      if (char === '{') {
        const close = source.indexOf('}', at)
        if (close === -1) return ''
        at = close
      }
      end()
    } else if (depth === 0) run = takeUnlessRepeated(run, char, next, end)
  }
  end()
  return longest(runs)
}

/** A character that may be away, or come again, is not part of the run. */
function takeUnlessRepeated(run: string, char: string, next: string | undefined, end: () => void): string {
  if (next === undefined || !/[*+?{]/.test(next)) return run + char
  end()
  return ''
}

function longest(texts: readonly string[]): string {
  return texts.reduce((best, text) => (text.length > best.length ? text : best), '')
}
