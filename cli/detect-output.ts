import type { LineMatch, RuleTree } from '../detection/offline/index.ts'
import type { Io } from './command.ts'
import { renderTable } from './table.ts'

export const detectFormats = ['ndjson', 'summary', 'table'] as const
export type DetectFormat = (typeof detectFormats)[number]

/** Where the matches of `rampart detect` go. */
export interface DetectOutput {
  put(matches: readonly LineMatch[]): Promise<void>
  end(): Promise<void>
}

/** @param format `events`: as `ndjson`, with the title and level of each match's rule */
export function createDetectOutput(format: DetectFormat | 'events', { ruleSet }: RuleTree, io: Io): DetectOutput {
  const heads = new Map(
    [...ruleSet.rules, ...ruleSet.correlations.map(({ correlation }) => correlation)].map(({ head }) => [
      head.id,
      head,
    ]),
  )
  switch (format) {
    case 'ndjson':
      return ndjson(io, (match) => match)
    case 'events':
      return ndjson(io, ({ file, line, rule, ...more }) => {
        const { title = rule, severity = 'informational' } = heads.get(rule) ?? {}
        return { file, line, rule, title, level: severity, ...more }
      })
    case 'summary':
      return summary(heads, io)
    case 'table':
      return table(heads, io)
  }
}

type Heads = ReadonlyMap<string, RuleTree['ruleSet']['rules'][number]['head']>

/** Writes, and waits while the reader is slower. */
async function write(io: Io, text: string): Promise<void> {
  if (!io.stdout.write(text)) await new Promise<void>((resolve) => io.stdout.once('drain', () => resolve()))
}

function ndjson(io: Io, tell: (match: LineMatch) => object): DetectOutput {
  return {
    put: (matches) => write(io, matches.map((match) => `${JSON.stringify(tell(match))}\n`).join('')),
    end: async () => undefined,
  }
}

const sarifLevels = { informational: 'note', low: 'note', medium: 'warning', high: 'error', critical: 'error' } as const

/** One SARIF log, written as matches come: its results first, then the rules that have any.
 * @see SARIF 2.1.0, 3.14 (run), 3.19 (toolComponent), 3.27 (result) */
function summary(heads: Heads, io: Io): DetectOutput {
  const seen = new Map<string, number>()
  const indexOf = (rule: string): number => {
    const known = seen.get(rule)
    if (known !== undefined) return known
    seen.set(rule, seen.size)
    return seen.size - 1
  }
  let first = true
  const begin = (): string => {
    if (!first) return ',\n'
    first = false
    return '{"version":"2.1.0","$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[{"results":[\n'
  }
  return {
    async put(matches) {
      let text = ''
      for (const { file, line, rule, group, because } of matches) {
        const head = heads.get(rule)
        const properties = { ...(group ? { group } : {}), ...(because ? { because } : {}) }
        const result = {
          ruleId: rule,
          ruleIndex: indexOf(rule),
          level: sarifLevels[head?.severity ?? 'informational'],
          message: { text: head?.title ?? rule },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: encodeURI(file) },
                // SARIF counts lines from 1.
                region: { startLine: line + 1 },
              },
            },
          ],
          ...(Object.keys(properties).length > 0 ? { properties } : {}),
        }
        text += begin() + JSON.stringify(result)
      }
      await write(io, text)
    },
    async end() {
      const rules = [...seen.keys()].map((id) => {
        const head = heads.get(id)
        const { title = id, description, severity = 'informational', techniques = [], tactics = [] } = head ?? {}
        return {
          id,
          shortDescription: { text: title },
          ...(description === undefined ? {} : { fullDescription: { text: description } }),
          defaultConfiguration: { level: sarifLevels[severity] },
          properties: { severity, tags: [...techniques, ...tactics] },
        }
      })
      const driver = { name: 'rampart', rules }
      const start = first ? begin() : '\n'
      await write(io, `${start}],"tool":{"driver":${JSON.stringify(driver)}}}]}\n`)
    },
  }
}

interface Tally {
  count: number
  readonly files: Set<string>
  readonly first: LineMatch
}

const order = ['critical', 'high', 'medium', 'low', 'informational'] as const

/** A row a rule, the worst first. */
function table(heads: Heads, io: Io): DetectOutput {
  const tallies = new Map<string, Tally>()
  return {
    async put(matches) {
      for (const match of matches) {
        const known = tallies.get(match.rule)
        const tally = known ?? { count: 0, files: new Set(), first: match }
        if (!known) tallies.set(match.rule, tally)
        tally.count++
        tally.files.add(match.file)
      }
    },
    async end() {
      const rows = [...tallies]
        .map(([id, tally]) => ({ id, ...tally, head: heads.get(id) }))
        .sort(
          (left, right) =>
            order.indexOf(left.head?.severity ?? 'informational') -
              order.indexOf(right.head?.severity ?? 'informational') || right.count - left.count,
        )
        .map(({ id, count, files, first, head }) => {
          const [why] = first.because ?? []
          const shown = why && 'asks' in why ? `${why.field} ${why.asks}` : ''
          const place = `${first.file}:${first.line}`
          return [head?.severity ?? '', count, files.size, head?.title ?? id, place, shown]
        })
      const because = [...tallies.values()].some(({ first }) => first.because !== undefined)
      const columns = ['severity', 'matches', 'files', 'rule', 'first at', ...(because ? ['because'] : [])]
      await write(io, renderTable({ columns, rows }, io.stdout.isTTY ? io.stdout.columns : undefined))
    },
  }
}
