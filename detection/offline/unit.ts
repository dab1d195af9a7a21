import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import { eventTime } from '../../platform/index.ts'
import { lookUp, makeField } from '../match/field.ts'
import type { RuleMatcher } from '../match/rule-matcher.ts'
import type { RuleSet } from '../rule-set.ts'
import { BLOCK_BYTES, type LineScreen } from '../screen/line-screen.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import type { Explain, Reason } from './explain.ts'
import type { InputFile } from './input-file.ts'
import { type FileRange, readLines } from './lines.ts'

const NEWLINE = Buffer.from('\n')

/** A piece of work: a file, or a part of one. */
export interface Unit {
  readonly number: number
  /** Its file's place in the list of files. */
  readonly file: number
  readonly range?: FileRange
}

/** An event that correlations look at. */
export interface CorrelatedEvent {
  readonly line: number
  readonly time: number
  /** Numbers of the rules it matches. */
  readonly rules: readonly number[]
  readonly values: Readonly<Record<string, JsonValue>>
}

export interface UnitResult {
  readonly number: number
  readonly lines: number
  readonly events: number
  readonly notJson: number
  readonly tooLong: number
  readonly bytes: number
  /** Line (from the unit's first) and rule number of each match, alternating. */
  readonly matches: readonly number[]
  /** Why each match is one, in their order; none unless asked for. */
  readonly reasons: readonly (readonly Reason[])[]
  readonly correlated: readonly CorrelatedEvent[]
  /** Matched events that say no time and so cannot be correlated. */
  readonly withoutTime: number
  readonly failure?: string
}

/** For the number of each correlated rule, the fields its correlations look at. */
export type CorrelatedFields = ReadonlyMap<number, ReadonlySet<string>>

export function correlatedFields({ rules, correlations }: RuleSet): CorrelatedFields {
  const numberOf = new Map(rules.map(({ head }, number) => [head.id, number]))
  const fields = new Map<number, Set<string>>()
  const add = (id: string, names: readonly string[], seen: readonly string[]): void => {
    const number = numberOf.get(id)
    if (number !== undefined) {
      const set = fields.get(number) ?? new Set()
      for (const name of names) set.add(name)
      fields.set(number, set)
      return
    }
    const inner = correlations.find(({ correlation }) => correlation.head.id === id)
    if (inner && !seen.includes(id)) for (const ruleId of inner.ruleIds) add(ruleId, names, [...seen, id])
  }
  for (const { ruleIds, groupFields, valueFields } of correlations) {
    for (const [place, id] of ruleIds.entries()) {
      add(id, [...(groupFields[place] ?? []), ...(valueFields[place] ?? [])], [])
    }
  }
  return fields
}

/** Matches all events of a unit. Each line is an object, or one with `Records` as CloudTrail delivers them. Does not throw:
 * a file that cannot be read is a `failure`. */
export async function replayUnit(
  unit: Unit,
  file: InputFile,
  matcher: RuleMatcher,
  screen: LineScreen,
  fieldsOf: CorrelatedFields,
  onBytes: (bytes: number) => void,
  explain?: Explain,
): Promise<UnitResult> {
  let lines = 0
  let events = 0
  let notJson = 0
  let tooLong = 0
  let bytes = 0
  let withoutTime = 0
  const matches: number[] = []
  const reasons: (readonly Reason[])[] = []
  const correlated: CorrelatedEvent[] = []

  const correlate = (event: JsonObject, line: number, rules: readonly number[]): void => {
    const watched = rules.filter((rule) => fieldsOf.has(rule))
    if (watched.length === 0) return
    const { root } = shapeEvent(event, {})
    const time = eventTime(root)
    if (time === undefined) {
      withoutTime++
      return
    }
    const values: Record<string, JsonValue> = Object.create(null)
    for (const rule of watched) {
      for (const name of fieldsOf.get(rule) ?? []) {
        const value = lookUp(root, makeField(name))
        if (value !== undefined) values[name] = value
      }
    }
    correlated.push({ line, time, rules: watched, values })
  }

  const matched = (event: JsonObject, line: number, rules: readonly number[]): void => {
    for (let i = 0; i < rules.length; i++) matches.push(line, rules[i] as number)
    if (explain) for (const rule of rules) reasons.push(explain(rule, event))
    if (rules.length > 0 && fieldsOf.size > 0) correlate(event, line, rules)
  }

  const visit = (event: JsonObject, line: number): void => {
    events++
    matched(event, line, matcher.match(event, {}))
  }

  const visitLine = (buffer: Buffer, line: number): void => {
    const parsed = parseLine(buffer)
    if (parsed === undefined) notJson++
    else if (parsed !== null) {
      const records = parsed.Records
      if (!Array.isArray(records)) visit(parsed, line)
      else for (const record of records as readonly JsonValue[]) if (isObject(record)) visit(record, line)
    }
  }

  const block = (whole: Buffer): void => {
    const first = lines
    const seen = screen.visit(whole, {
      matched: (event, line, rules) => matched(event, first + line, rules),
      odd: (line, at) => visitLine(line, first + at),
    })
    lines += seen.lines
    events += seen.events
    bytes += whole.length
  }

  let failure: string | undefined
  try {
    await readLines(file, unit.range, {
      space: screen.space,
      block,
      line(buffer) {
        if (buffer.length < BLOCK_BYTES) return block(Buffer.concat([buffer, NEWLINE]))
        bytes += buffer.length + 1
        visitLine(buffer, lines++)
      },
      tooLong() {
        lines++
        tooLong++
      },
      progress: onBytes,
    })
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  }
  return {
    number: unit.number,
    lines,
    events,
    notJson,
    tooLong,
    bytes,
    matches,
    reasons,
    correlated,
    withoutTime,
    ...(failure === undefined ? {} : { failure }),
  }
}

/** The object on a line; null for an empty line, undefined for what is no JSON object. */
function parseLine(buffer: Buffer): JsonObject | null | undefined {
  const text = buffer.toString('utf8')
  try {
    const value = JSON.parse(text) as JsonValue
    return isObject(value) ? value : undefined
  } catch {
    return text.trim() === '' ? null : undefined
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
