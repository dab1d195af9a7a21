import type { Io } from '../command.ts'

const colours: Readonly<Record<string, string>> = {
  critical: '\x1b[97;41m',
  high: '\x1b[91m',
  medium: '\x1b[93m',
  low: '\x1b[96m',
  informational: '\x1b[90m',
  dim: '\x1b[90m',
  bold: '\x1b[1m',
  good: '\x1b[92m',
  bad: '\x1b[91m',
}
const RESET = '\x1b[0m'

/** The demo's terminal: lines that stay, and on a real terminal one line below them that keeps changing. */
export interface Screen {
  line(text: string): void
  /** Replaces the changing line; says nothing where the output is not a terminal. */
  status(text: string): void
  paint(style: string, text: string): string
}

export function createScreen(io: Io): Screen {
  const live = io.stdout.isTTY === true
  const colour = live && io.env.NO_COLOR === undefined
  let shown = false
  const clear = () => {
    if (shown) io.stdout.write('\r\x1b[2K')
    shown = false
  }
  return {
    line(text) {
      clear()
      io.stdout.write(`${text}\n`)
    },
    status(text) {
      if (!live) return
      clear()
      io.stdout.write(text.slice(0, (io.stdout.columns ?? 100) - 1))
      shown = true
    },
    paint: (style, text) => (colour && colours[style] ? `${colours[style]}${text}${RESET}` : text),
  }
}
