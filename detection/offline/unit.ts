import type { JsonObject, JsonValue, Logsource } from '../../pipeline/index.ts'
import { eventTime } from '../../platform/base/index.ts'
import { HEAD_BYTES } from '../limits.ts'
import { costsOfLines } from '../match/cost-model.ts'
import { lookUp, makeField } from '../match/field.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import type { RuleSet } from '../rule-set.ts'
import { BLOCK_BYTES, type LineScreen } from '../screen/line-screen.ts'
import { shapeEvent } from '../sources/event-shape.ts'
import { createExplainer, type Explain, type Reason } from './explain.ts'
import type { FileRange, Way } from './file-visitor.ts'
import type { InputFile } from './input-file.ts'
import { takeUpScreen } from './kept-screen.ts'
import { visitFile } from './lines.ts'
import type { FileForm, LineReader, LogFiles, TextEvent } from './log-files.ts'
import type { RulesKept } from './rule-tree.ts'

/** A piece of work: a file, or a part of one. */
export interface Unit {
  readonly number: number
  /** Its file's place in the list of files. */
  readonly file: number
  readonly range?: FileRange
  /** What the file is, where this is a part of it. */
  readonly form?: FileForm
}

/** An event that correlations look at. */
export interface CorrelatedEvent {
  readonly line: number
  readonly time: number
  /** Numbers of the rules it matches. */
  readonly rules: readonly number[]
  readonly values: Readonly<Record<string, JsonValue>>
}

/** An event that is told with its matches. */
export interface ShownEvent {
  /** RFC 3339; absent where the event does not say. */
  readonly time?: string
  readonly event: JsonObject
}

export interface UnitResult {
  readonly number: number
  readonly lines: number
  readonly events: number
  readonly notJson: number
  /** Lines of text whose form is not known, which are events of a message each. */
  readonly formless: number
  readonly tooLong: number
  readonly bytes: number
  /** Line (from the unit's first) and rule number of each match, alternating. */
  readonly matches: readonly number[]
  /** Why each match is one, in their order; none unless asked for. */
  readonly reasons: readonly (readonly Reason[])[]
  /** The event of each match, in their order; none unless asked for. */
  readonly shown: readonly ShownEvent[]
  readonly correlated: readonly CorrelatedEvent[]
  /** Matched events that say no time and so cannot be correlated. */
  readonly withoutTime: number
  readonly failure?: string
  /** What the file is that has no lines. */
  readonly skipped?: string
}

/** For the number of each correlated rule, the fields its correlations look at. */
type CorrelatedFields = ReadonlyMap<number, ReadonlySet<string>>

function correlatedFields({ rules, correlations }: RuleSet): CorrelatedFields {
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

/** What units are worked on with. */
export interface UnitTools {
  readonly matcher: RuleMatcher
  readonly screen: LineScreen
  readonly fieldsOf: CorrelatedFields
  readonly logFiles: LogFiles
  readonly explain: Explain | undefined
  readonly showEvents: boolean
  readonly onBytes: (bytes: number) => void
}

/** What all units of a run are looked through for. */
export interface UnitTask {
  readonly ruleSet: RuleSet
  readonly correlations: boolean
  readonly explain: boolean
  /** Whether events are told with their matches. */
  readonly showEvents: boolean
  readonly kept: RulesKept | undefined
}

/** The tools for it, to be used by one thread and for one unit at a time. */
export function makeTools(
  { ruleSet, correlations, explain, showEvents, kept }: UnitTask,
  { logFiles, onBytes }: Pick<UnitTools, 'logFiles' | 'onBytes'>,
): UnitTools {
  const matcher = new RuleMatcher(ruleSet.rules, costsOfLines)
  return {
    ...{ matcher, screen: takeUpScreen(matcher, kept), logFiles, onBytes },
    fieldsOf: correlations ? correlatedFields(ruleSet) : new Map(),
    explain: explain ? createExplainer(ruleSet.rules) : undefined,
    showEvents,
  }
}

/** An event, and what is known of it beside its own members: of JSON, nothing. */
interface UnitEvent {
  readonly original: JsonObject
  readonly logsource?: Logsource
  readonly ocsf?: JsonObject
  readonly time?: number | undefined
}

/** Matches all events of a unit: objects on lines of JSON, or those in their `Records` as CloudTrail delivers them; lines of
 * text; rows of a table; the records of a document. Does not throw: a file that cannot be read is a `failure`. */
export async function replayUnit(unit: Unit, file: InputFile, tools: UnitTools): Promise<UnitResult> {
  const { matcher, screen, fieldsOf, logFiles, explain, showEvents } = tools
  const counts = { lines: 0, events: 0, notJson: 0, formless: 0, tooLong: 0, bytes: 0, withoutTime: 0 }
  const matches: number[] = []
  const reasons: (readonly Reason[])[] = []
  const shown: ShownEvent[] = []
  const correlated: CorrelatedEvent[] = []
  let form: FileForm = unit.form ?? { kind: 'lines' }
  let reader: LineReader | undefined

  const correlate = (event: UnitEvent, line: number, rules: readonly number[]) => {
    const watched = rules.filter((rule) => fieldsOf.has(rule))
    if (watched.length === 0) return
    const { root, time } = readEvent(event)
    const { ocsf } = event
    if (time === undefined) {
      counts.withoutTime++
      return
    }
    const values: Record<string, JsonValue> = Object.create(null)
    for (const rule of watched) {
      for (const name of fieldsOf.get(rule) ?? []) {
        const field = makeField(name)
        const value = lookUp(root, field) ?? (ocsf && lookUp(ocsf, field.ocsf ?? field))
        if (value !== undefined) values[name] = value
      }
    }
    correlated.push({ line, time, rules: watched, values })
  }

  const matched = (event: UnitEvent, line: number, rules: readonly number[]): void => {
    for (let i = 0; i < rules.length; i++) matches.push(line, rules[i] as number)
    if (explain) for (const rule of rules) reasons.push(explain(rule, event.original, event.ocsf))
    if (showEvents && rules.length > 0) {
      const one = showEvent(event)
      for (let i = 0; i < rules.length; i++) shown.push(one)
    }
    if (rules.length > 0 && fieldsOf.size > 0) correlate(event, line, rules)
  }

  const visitText = (event: TextEvent | undefined): void => {
    if (!event) return
    counts.events++
    if (!event.isKnown) counts.formless++
    matched(event, event.line, matcher.match(event.original, event.logsource, event.ocsf))
  }

  const takeLine = (line: Buffer, number: number): void => {
    reader ??= logFiles.open(form, file.writtenAt)
    visitText(reader.take(line, number))
  }

  const visitObject = (event: JsonObject, line: number, bytes?: Buffer): void => {
    if (logFiles.carriesText(event)) takeLine(bytes ?? Buffer.from(JSON.stringify(event)), line)
    else {
      counts.events++
      matched({ original: event }, line, matcher.match(event, {}))
    }
  }

  /** @returns false for what is no object of JSON */
  const visitJson = (bytes: Buffer, nextLine: () => number): boolean => {
    const parsed = tryParseObject(bytes)
    if (parsed === undefined) return false
    const records = parsed.Records
    if (!Array.isArray(records)) visitObject(parsed, nextLine(), bytes)
    else {
      for (const record of records as readonly JsonValue[]) {
        if (isObject(record)) visitObject(record, nextLine())
      }
    }
    return true
  }

  const visitLine = (buffer: Buffer, line: number): void => {
    if (!beginsObject(buffer)) takeLine(buffer, line)
    else if (!visitJson(buffer, () => line)) counts.notJson++
  }

  const screenBlock = (whole: Buffer): void => {
    const first = counts.lines
    const seen = screen.visit(whole, {
      matched: (event, line, rules) => matched({ original: event }, first + line, rules),
      odd: (line, at) => visitLine(line, first + at),
    })
    counts.lines += seen.lines
    counts.events += seen.events
  }

  let damaged = 0
  let failure: string | undefined
  let skipped: string | undefined
  try {
    await visitFile(file, unit.range, {
      space: screen.space,
      way: wayOf(form),
      begin(head, isWhole) {
        form = logFiles.formOf(head.subarray(0, HEAD_BYTES), file.name, isWhole && head.length <= HEAD_BYTES)
        if (form.kind === 'binary') skipped = form.what
        return form.kind === 'binary' ? undefined : wayOf(form)
      },
      block(whole) {
        counts.bytes += whole.length
        if (form.kind !== 'table') return screenBlock(whole)
        for (let from = 0; from < whole.length; ) {
          const end = whole.indexOf(NEWLINE, from)
          takeLine(whole.subarray(from, end), counts.lines++)
          from = end + 1
        }
      },
      line(buffer) {
        counts.bytes += buffer.length + 1
        if (form.kind === 'table') takeLine(buffer, counts.lines++)
        else if (buffer.length < BLOCK_BYTES) screenBlock(Buffer.concat([buffer, NEWLINE_BYTES]))
        else visitLine(buffer, counts.lines++)
      },
      tooLong() {
        counts.lines++
        counts.tooLong++
      },
      chunk(bytes) {
        counts.bytes += bytes.length
        const { events, damaged: more } = logFiles.readChunk(bytes)
        damaged += more
        for (const event of events) visitObject(event, counts.lines++)
      },
      document(bytes) {
        const { records, problem } = logFiles.split(bytes)
        if (records.length === 0) return false
        counts.bytes += bytes.length
        failure = problem
        // Where events stand on a line is nothing to go by: their place among all is told.
        for (const record of records) {
          if (beginsObject(record) && visitJson(record, () => counts.lines++)) continue
          counts.lines++
          counts.notJson++
        }
        return true
      },
      progress: tools.onBytes,
    })
    visitText(reader?.end())
    if (damaged > 0) failure = `${damaged} damaged events; all others were read`
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  }
  return {
    number: unit.number,
    ...counts,
    matches,
    reasons,
    shown,
    correlated,
    ...(failure === undefined ? {} : { failure }),
    ...(skipped === undefined ? {} : { skipped }),
  }
}

/** Its members as rules name them, and when it happened, ms: of text that is known, of JSON its members say it. */
function readEvent({ original, logsource = {}, ocsf, ...event }: UnitEvent): {
  readonly root: JsonObject
  readonly time: number | undefined
} {
  const { root } = shapeEvent(original, logsource)
  return { root, time: ocsf ? event.time : eventTime(root) }
}

function showEvent(event: UnitEvent): ShownEvent {
  const { time } = readEvent(event)
  return { ...(time === undefined ? {} : { time: new Date(time).toISOString() }), event: event.original }
}

function wayOf(form: FileForm): Way {
  return form.kind === 'chunks' ? form : form.kind === 'document' ? 'document' : 'lines'
}

const NEWLINE = 10
const NEWLINE_BYTES = Buffer.from('\n')
const OPEN_OBJECT = 0x7b

/** Whether the first character that is no space is a brace. */
function beginsObject(buffer: Buffer): boolean {
  for (let at = 0; at < buffer.length; at++) {
    const byte = buffer[at] as number
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return byte === OPEN_OBJECT
  }
  return false
}

function tryParseObject(buffer: Buffer): JsonObject | undefined {
  try {
    return JSON.parse(buffer.toString('utf8')) as JsonObject
  } catch {
    return undefined
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
