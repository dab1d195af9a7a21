import { printable } from '../platform/base/index.ts'

/** Letters of one cell, where the terminal's width does not say less. */
const CELL_CHARS_MAX = 200
const GAP = '  '

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

/** A table for people, as wide as it needs or as the terminal is. What stands in it may come from an attacker: it cannot
 * move the cursor or forge a line. */
export function renderTable({ columns, rows }: Table, terminalColumns: number | undefined): string {
  const cells = [columns.map(cellOf), ...rows.map((row) => columns.map((_, index) => cellOf(row[index])))]
  const wanted = columns.map((_, index) => Math.max(...cells.map((row) => (row[index] ?? '').length)))
  const widths = terminalColumns === undefined ? wanted : squeeze(wanted, terminalColumns)
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => shorten(cell, widths[index] ?? 0).padEnd(widths[index] ?? 0))
      .join(GAP)
      .trimEnd()
  const [head = [], ...body] = cells
  return [line(head), widths.map((width) => '-'.repeat(width)).join(GAP), ...body.map(line)]
    .map((row) => `${row}\n`)
    .join('')
}

function cellOf(value: unknown): string {
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
  return shorten(printable(text), CELL_CHARS_MAX)
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** Takes from the widest columns until the line fits; none gets narrower than its share. */
function squeeze(wanted: readonly number[], terminalColumns: number): number[] {
  const room = terminalColumns - GAP.length * (wanted.length - 1)
  const share = Math.max(4, Math.floor(room / wanted.length))
  const narrow = wanted.filter((width) => width <= share)
  const left = room - narrow.reduce((sum, width) => sum + width, 0)
  const wide = Math.max(share, Math.floor(left / Math.max(1, wanted.length - narrow.length)))
  return wanted.map((width) => Math.min(width, width <= share ? share : wide))
}
