import { setImmediate as nextTurn } from 'node:timers/promises'
import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import { Correlator, type Hold } from '../correlate/correlator.ts'
import { CORRELATED_EVENTS_MAX, EXPLAINED_REASONS_MAX } from '../limits.ts'
import type { RuleSet } from '../rule-set.ts'
import { type DetectPlan, largestFirst } from './detect-plan.ts'
import type { Reason } from './explain.ts'
import type { InputFile } from './input-file.ts'
import { keepScreen } from './kept-screen.ts'
import type { RulesKept } from './rule-tree.ts'
import { type CorrelatedEvent, makeTools, replayUnit, type Unit, type UnitResult } from './unit.ts'

/** A rule matched a line; with `group`, a correlation holds there. Lines count from 0. */
export interface LineMatch {
  readonly file: string
  readonly line: number
  readonly rule: string
  readonly group?: Readonly<Record<string, JsonValue>>
  /** Why, where that was asked for: the comparisons a match rests on, or the events in a correlation's window. */
  readonly because?: readonly Reason[] | readonly WindowEvent[]
  /** When it happened, RFC 3339, and the event itself, where that was asked for. A correlation holds at a time and has none. */
  readonly time?: string
  readonly event?: JsonObject
}

/** An event that a correlation counted. */
interface WindowEvent {
  readonly file: string
  readonly line: number
}

export interface DetectOptions {
  readonly correlations: boolean
  /** Where what is learned with the rules is kept. */
  readonly kept?: RulesKept | undefined
  /** Whether matches say why; rules have to be read for it. */
  readonly explain?: boolean
  /** Whether matches come with their events. */
  readonly showEvents?: boolean
  /** The rules are compiled, in the first of the threads; events come next. */
  readonly onReady: () => void
  /** Matches in order of files and lines; those of correlations after all others. */
  readonly onMatches: (matches: readonly LineMatch[]) => Promise<void>
  /** Bytes of files, as they lie on disk, that were read since the last call. */
  readonly onProgress: (bytes: number) => void
}

export interface DetectSummary {
  readonly files: number
  readonly lines: number
  readonly events: number
  readonly bytes: number
  readonly matches: number
  /** Lines that begin as an object of JSON and are none. */
  readonly notJson: number
  /** Lines of text whose form is not known. */
  readonly formless: number
  readonly tooLong: number
  readonly withoutTime: number
  /** Files that hold no lines, and what they are. */
  readonly skipped: readonly { readonly file: string; readonly what: string }[]
  /** `file: reason` of each file that could not be read to its end. */
  readonly failures: readonly string[]
}

/** Runs a rule set over log files, several files at a time, and tells the matches in the order of the files.
 * The memory it needs grows with the matches that wait for their turn, not with the files. */
export async function detectFiles(ruleSet: RuleSet, plan: DetectPlan, options: DetectOptions): Promise<DetectSummary> {
  const { files, units, threads, logFiles } = plan
  try {
    const ledger = new Ledger(ruleSet, files, units, options)
    const { correlations, explain = false, showEvents = false, kept, onProgress } = options
    const waiting = threads.count === 0 ? [...units] : largestFirst(units, files)
    const task = { ruleSet, correlations, explain, showEvents, kept }
    const others = threads.work({ ...task, files }, waiting, {
      take: (result) => ledger.take(result),
      onBytes: onProgress,
    })
    // This thread works, too: it is at it before the others are ready.
    const tools = makeTools(task, { logFiles, onBytes: onProgress })
    options.onReady()
    for (let unit = waiting.shift(); unit; unit = waiting.shift()) {
      await ledger.take(await replayUnit(unit, files[unit.file] as InputFile, tools))
      // Others are heard in between: reading and matching hold the thread.
      await nextTurn()
    }
    await others.finish()
    // All learn about the same, so that one keeps it.
    keepScreen(tools.screen, kept)
    return await ledger.finish()
  } finally {
    await threads.stop()
  }
}

interface OrderedEvent {
  readonly file: number
  readonly event: CorrelatedEvent
  readonly ref: number
}

/** Puts the results of units in order. */
class Ledger {
  readonly #ruleSet: RuleSet
  readonly #files: readonly InputFile[]
  readonly #units: readonly Unit[]
  readonly #options: DetectOptions
  readonly #early = new Map<number, UnitResult>()
  #next = 0
  /** Lines of the file in hand that earlier units had. */
  #linesBefore = 0
  #fileInHand = -1
  readonly #correlated: { readonly file: number; readonly event: CorrelatedEvent }[] = []
  readonly #sum = { lines: 0, events: 0, bytes: 0, matches: 0, notJson: 0, formless: 0, tooLong: 0, withoutTime: 0 }
  readonly #skipped: { readonly file: string; readonly what: string }[] = []
  readonly #failures: string[] = []
  #eventOfRef: ReadonlyMap<number, OrderedEvent> | undefined

  constructor(ruleSet: RuleSet, files: readonly InputFile[], units: readonly Unit[], options: DetectOptions) {
    this.#ruleSet = ruleSet
    this.#files = files
    this.#units = units
    this.#options = options
  }

  async take(result: UnitResult): Promise<void> {
    this.#early.set(result.number, result)
    for (let ready = this.#early.get(this.#next); ready; ready = this.#early.get(this.#next)) {
      this.#early.delete(this.#next)
      await this.#put(this.#units[this.#next] as Unit, ready)
      this.#next++
    }
  }

  async #put(unit: Unit, result: UnitResult): Promise<void> {
    if (unit.file !== this.#fileInHand) {
      this.#fileInHand = unit.file
      this.#linesBefore = 0
    }
    const file = this.#files[unit.file] as InputFile
    const { matches, reasons, shown } = result
    const told: LineMatch[] = []
    for (let i = 0; i < matches.length; i += 2) {
      const rule = this.#ruleSet.rules[matches[i + 1] as number]
      const because = reasons[i / 2]
      told.push({
        file: file.name,
        line: this.#linesBefore + (matches[i] as number),
        rule: rule?.head.id ?? '',
        ...(because ? { because } : {}),
        ...shown[i / 2],
      })
    }
    if (told.length > 0) await this.#options.onMatches(told)
    for (const event of result.correlated) {
      this.#correlated.push({ file: unit.file, event: { ...event, line: this.#linesBefore + event.line } })
    }
    if (this.#correlated.length > CORRELATED_EVENTS_MAX) {
      throw new Error(
        `more than ${CORRELATED_EVENTS_MAX} events match correlated rules; give fewer files at a time, or narrower rules`,
      )
    }
    this.#linesBefore += result.lines
    this.#sum.matches += told.length
    for (const key of ['lines', 'events', 'bytes', 'notJson', 'formless', 'tooLong', 'withoutTime'] as const) {
      this.#sum[key] += result[key]
    }
    if (result.skipped !== undefined) this.#skipped.push({ file: file.name, what: result.skipped })
    if (result.failure !== undefined) this.#failures.push(`${file.path}: ${result.failure}`)
  }

  async finish(): Promise<DetectSummary> {
    if (this.#options.correlations) await this.#correlate()
    return { files: this.#files.length, ...this.#sum, skipped: this.#skipped, failures: this.#failures }
  }

  /** All events are known, so they are put in order of time first: no event is late, whatever file it came from. */
  async #correlate(): Promise<void> {
    const ordered = this.#correlated.map((entry, ref) => ({ ...entry, ref }))
    ordered.sort((left, right) => left.event.time - right.event.time || left.ref - right.ref)
    const correlator = new Correlator(this.#ruleSet.correlations, { latenessMs: 0 })
    const held: { readonly ref: number; readonly match: LineMatch }[] = []
    for (const { file, event, ref } of ordered) {
      const holds = correlator.see({
        time: event.time,
        arrivedAt: event.time,
        ref,
        ruleIds: event.rules.map((rule) => this.#ruleSet.rules[rule]?.head.id ?? ''),
        value: (field) => event.values[field],
      })
      for (const hold of holds) {
        const rule = hold.correlation.correlation.head.id
        const because = this.#options.explain ? { because: this.#windowOf(hold, ordered) } : {}
        const place = { file: this.#files[file]?.name ?? '', line: event.line }
        const time = this.#options.showEvents ? { time: new Date(event.time).toISOString() } : {}
        held.push({ ref, match: { ...place, rule, group: hold.group, ...because, ...time } })
      }
    }
    const { evictedGroups } = correlator.counts()
    if (evictedGroups > 0) {
      this.#failures.push(
        `correlations had room for some groups only and dropped ${evictedGroups}, so holds may be missing; give fewer files at a time`,
      )
    }
    held.sort((left, right) => left.ref - right.ref)
    this.#sum.matches += held.length
    if (held.length > 0) await this.#options.onMatches(held.map(({ match }) => match))
  }

  /** The newest events in the window of a correlation that holds, oldest first. */
  #windowOf({ correlation, time, window }: Hold, ordered: readonly OrderedEvent[]): readonly WindowEvent[] {
    const after = time - correlation.correlation.timespanMs
    const refs = new Set<number>()
    for (let at = window.size - 1; at >= 0 && window.timeAt(at) > after; at--) {
      if (refs.size >= EXPLAINED_REASONS_MAX) break
      refs.add(window.refAt(at))
    }
    const byRef = this.#eventOfRef ?? new Map(ordered.map((entry) => [entry.ref, entry]))
    this.#eventOfRef = byRef
    return [...refs].reverse().flatMap((ref) => {
      const entry = byRef.get(ref)
      return entry ? [{ file: this.#files[entry.file]?.name ?? '', line: entry.event.line }] : []
    })
  }
}
