import type { Coverage, CoveredSubTechnique, CoveredTechnique } from './coverage.ts'

const COLUMN = 168
const GAP = 6
const CELL = 38
const CELL_GAP = 3
const HEAD = 54
const TOP = 92
const MARGIN = 20
/** Marks of sub-techniques: the room between them, and how many there is always room for. */
const MARK_GAP = 2
const MARKS_MIN = 10
const MARK_FILLS = { covered: '#14532d', no_events: '#c2670c', none: '#ffffff' } as const
/** About the width of a character of a technique's name. */
const CHAR = 5.8

interface Paint {
  readonly fill: string
  readonly text: string
}

const paints = {
  none: { fill: '#eef1f4', text: '#7b8794' },
  noEvents: { fill: '#ffe2ad', text: '#7a4a00' },
  one: { fill: '#cdebd6', text: '#14532d' },
  some: { fill: '#86cfa0', text: '#0b3d20' },
  many: { fill: '#2f9158', text: '#ffffff' },
} as const satisfies Record<string, Paint>

const SOME = 2
const MANY = 5

/** The coverage as a picture: a column a tactic, a cell a technique, the colour by how many rules would see it. */
export function coverageSvg(coverage: Coverage): string {
  const { tactics, summary, attack, sourcesKnown } = coverage
  const rows = Math.max(...tactics.map(({ techniques }) => techniques.length))
  const width = 2 * MARGIN + tactics.length * (COLUMN + GAP) - GAP
  const height = TOP + HEAD + rows * (CELL + CELL_GAP) + MARGIN
  const share = Math.round((100 * summary.covered) / summary.techniques)
  const told = [
    `${summary.covered} of ${summary.techniques} techniques covered (${share} %) by ${summary.rules} rules`,
    `${summary.subTechniques.covered} of ${summary.subTechniques.total} sub-techniques`,
    sourcesKnown ? `${summary.no_events} have rules and no events` : 'log sources not looked at',
    attack,
  ].join('  ·  ')
  const columns = tactics.map(({ name, techniques }, index) => {
    const x = MARGIN + index * (COLUMN + GAP)
    const covered = techniques.filter(({ state }) => state === 'covered').length
    const head = [
      rect({ x, y: TOP, width: COLUMN, height: HEAD - 8, fill: '#1f2d3d' }),
      text({ x: x + 9, y: TOP + 19, fill: '#ffffff', size: 12, weight: 600 }, name),
      text({ x: x + 9, y: TOP + 36, fill: '#b8c4d0', size: 10.5 }, `${covered} of ${techniques.length}`),
    ]
    return [
      ...head,
      ...techniques.map((technique, row) =>
        cell(technique, { x, y: TOP + HEAD + row * (CELL + CELL_GAP), sourcesKnown }),
      ),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">`,
    '<title>ATT&amp;CK coverage</title>',
    rect({ x: 0, y: 0, width, height, fill: '#ffffff' }),
    text({ x: MARGIN, y: 36, fill: '#1f2d3d', size: 20, weight: 600 }, 'ATT&CK coverage'),
    text({ x: MARGIN, y: 58, fill: '#52606d', size: 12 }, told),
    ...legend(width, sourcesKnown),
    ...columns.flat(),
    '</svg>',
    '',
  ].join('\n')
}

function cell(
  technique: CoveredTechnique,
  { x, y, sourcesKnown }: { readonly x: number; readonly y: number; readonly sourcesKnown: boolean },
): string {
  const told = (of: CoveredSubTechnique) => wordsOf(of, sourcesKnown)
  const { id, name, rules, subTechniques, missing } = technique
  const { fill, text: ink } = paintOf(technique)
  const label = cutToFit(name, (COLUMN - 12) / CHAR)
  const tip = [
    `${id} ${name}: ${told(technique)}`,
    ...subTechniques.map((sub) => `${sub.id.slice(id.length)} ${sub.name}: ${told(sub)}`),
    ...(missing.length === 0 ? [] : [`missing: ${missing.join(', ')}`]),
  ].join('\n')
  const count =
    rules === 0 ? '' : text({ x: x + COLUMN - 7, y: y + 13, fill: ink, size: 9.5, anchor: 'end' }, `${rules}`)
  const parts = [
    `<title>${escapeXml(tip)}</title>`,
    rect({ x, y, width: COLUMN, height: CELL, fill }),
    text({ x: x + 7, y: y + 13, fill: ink, size: 9.5, weight: 600 }, id),
    count,
    text({ x: x + 7, y: y + 26, fill: ink, size: 10 }, label),
    ...subMarks(subTechniques, x, y),
  ]
  return `<g>${parts.join('')}</g>`
}

function wordsOf({ state, rules, delivered }: CoveredSubTechnique, sourcesKnown: boolean): string {
  if (state === 'none') return 'no rule'
  return sourcesKnown ? `${delivered} of ${rules} rules have events` : `${rules} rules`
}

/** A mark for each sub-technique along the foot of its technique's cell: filled where it is covered. */
function subMarks(subs: readonly CoveredSubTechnique[], x: number, y: number): readonly string[] {
  const step = (COLUMN - 14 + MARK_GAP) / Math.max(subs.length, MARKS_MIN)
  return subs.map((sub, index) => {
    const fill = MARK_FILLS[sub.state]
    const left = Math.round((x + 7 + index * step) * 10) / 10
    const width = Math.round((step - MARK_GAP) * 10) / 10
    return `<rect x="${left}" y="${y + CELL - 6}" width="${width}" height="3.5" fill="${fill}" stroke="#52606d" stroke-width="0.5"/>`
  })
}

function paintOf({ state, delivered }: CoveredSubTechnique): Paint {
  if (state === 'none') return paints.none
  if (state === 'no_events') return paints.noEvents
  return delivered >= MANY ? paints.many : delivered >= SOME ? paints.some : paints.one
}

function legend(width: number, sourcesKnown: boolean): readonly string[] {
  const entries: readonly [Paint, string][] = [
    [paints.none, 'no rule'],
    ...(sourcesKnown ? [[paints.noEvents, 'rules, no events'] as [Paint, string]] : []),
    [paints.one, '1 rule'],
    [paints.some, `${SOME}–${MANY - 1}`],
    [paints.many, `${MANY} and more`],
  ]
  const step = 118
  const left = width - MARGIN - entries.length * step
  return entries.flatMap(([{ fill }, label], index) => [
    rect({ x: left + index * step, y: 26, width: 14, height: 14, fill }),
    text({ x: left + index * step + 20, y: 37, fill: '#52606d', size: 11 }, label),
  ])
}

function rect(of: { x: number; y: number; width: number; height: number; fill: string }): string {
  return `<rect x="${of.x}" y="${of.y}" width="${of.width}" height="${of.height}" rx="3" fill="${of.fill}"/>`
}

function text(
  of: { x: number; y: number; fill: string; size: number; weight?: number; anchor?: string },
  content: string,
): string {
  const weight = of.weight === undefined ? '' : ` font-weight="${of.weight}"`
  const anchor = of.anchor === undefined ? '' : ` text-anchor="${of.anchor}"`
  return `<text x="${of.x}" y="${of.y}" fill="${of.fill}" font-size="${of.size}"${weight}${anchor}>${escapeXml(content)}</text>`
}

function cutToFit(label: string, chars: number): string {
  return label.length <= chars ? label : `${label.slice(0, Math.floor(chars) - 1).trimEnd()}…`
}

/** What stands in a picture may come from a rule. */
function escapeXml(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '')
}
