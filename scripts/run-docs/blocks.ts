/** A fenced block of a page that is to be run. */
export interface Block {
  readonly kind: 'run' | 'service'
  /** Where its fence stands, from 1. */
  readonly line: number
  readonly text: string
  /** What it promises to print. */
  readonly output?: string
}

/** The blocks of a page that are marked for running, in order. Throws for a mark that means nothing. */
export function findBlocks(markdown: string): Block[] {
  const blocks: Block[] = []
  const lines = markdown.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const fence = /^```(\S+)(?: +(\S.*?))? *$/.exec(lines[index] ?? '')
    if (!fence) continue
    const end = lines.indexOf('```', index + 1)
    if (end === -1) throw new Error(`line ${index + 1}: the block has no end`)
    const [, language, mark] = fence
    const text = lines.slice(index + 1, end).join('\n')
    const before = blocks.at(-1)
    if (language === 'sh' && (mark === 'run' || mark === 'service')) blocks.push({ kind: mark, line: index + 1, text })
    else if (language === 'text' && mark === 'output' && before?.kind === 'run') {
      blocks[blocks.length - 1] = { ...before, output: text }
    } else if (mark !== undefined && (language === 'sh' || language === 'text')) {
      throw new Error(
        `line ${index + 1}: \`${language} ${mark}\` means nothing; there are sh run, sh service, text output`,
      )
    }
    index = end
  }
  return blocks
}

/** What of a block's promise was not printed. */
export function promiseProblem(block: Block, printed: string): string | undefined {
  const lines = printed.split('\n')
  let from = 0
  for (const promised of (block.output ?? '').split('\n').filter((line) => line.trim() !== '')) {
    const at = lines.findIndex((line, index) => index >= from && fits(line.trimEnd(), promised.trimEnd()))
    if (at === -1) return `did not print \`${promised}\``
    from = at + 1
  }
  return undefined
}

/** True where `line` is `promised`, each `…` of which stands for anything. */
function fits(line: string, promised: string): boolean {
  const [head = '', ...rest] = promised.split('…')
  if (rest.length === 0) return line === promised
  if (!line.startsWith(head)) return false
  const tail = rest.pop() ?? ''
  let at = head.length
  for (const part of rest) {
    const found = line.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return line.length - tail.length >= at && line.endsWith(tail)
}
